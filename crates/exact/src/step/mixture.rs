//! A mixture of policies, by their occupancies.

use crate::dot;
use crate::linalg::Factor;
use crate::policy::Policy;
use crate::world::World;

/// Policies with weights that add up to 1. Changes of the weights are `[len]` and add up to 0.
pub struct Mixture {
    atoms: Vec<Atom>,
}

struct Atom {
    /// The occupancy, `[horizon, states, actions]`.
    occupancy: Vec<f64>,
    /// The features E phi(tau), `[width]`.
    features: Vec<f64>,
    weight: f64,
}

impl Atom {
    fn of(world: &World, policy: &Policy, weight: f64) -> Self {
        let occupancy = world.occupancy(policy);
        let features = world.features_of_occupancy(&occupancy);
        Self { occupancy, features, weight }
    }
}

impl Mixture {
    /// Makes a mixture of one policy.
    pub fn of(world: &World, policy: &Policy) -> Self {
        Self { atoms: vec![Atom::of(world, policy, 1.0)] }
    }

    pub fn features(&self) -> Vec<f64> {
        self.sum(|atom| &atom.features)
    }

    pub fn occupancy(&self) -> Vec<f64> {
        self.sum(|atom| &atom.occupancy)
    }

    fn sum(&self, part: impl Fn(&Atom) -> &Vec<f64>) -> Vec<f64> {
        let mut sum = vec![0.0; part(&self.atoms[0]).len()];
        for atom in &self.atoms {
            sum.iter_mut().zip(part(atom)).for_each(|(sum, x)| *sum += atom.weight * x);
        }
        sum
    }

    /// Returns the change that gives weight to a policy (added, if it is new) and takes it from the policy in the
    /// mixture that is worst for theta.
    pub fn towards(&mut self, world: &World, best: &Policy, theta: &[f64]) -> Vec<f64> {
        let best = Atom::of(world, best, 0.0);
        let value = |at: &usize| dot(theta, &self.atoms[*at].features);
        let away = (0..self.atoms.len()).min_by(|a, b| value(a).total_cmp(&value(b))).unwrap_or(0);
        let known = self.atoms.iter().position(|atom| atom.occupancy == best.occupancy);
        if known.is_none() {
            self.atoms.push(best);
        }
        let mut change = vec![0.0; self.atoms.len()];
        change[known.unwrap_or(self.atoms.len() - 1)] += 1.0;
        change[away] -= 1.0;
        change
    }

    /// Returns the change of the features for a change of the weights, `[width]`.
    pub fn direction(&self, change: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; self.atoms[0].features.len()];
        for (atom, change) in self.atoms.iter().zip(change) {
            sum.iter_mut().zip(&atom.features).for_each(|(sum, x)| *sum += change * x);
        }
        sum
    }

    /// Returns the largest multiple of a change that leaves all weights non-negative.
    pub fn room(&self, change: &[f64]) -> f64 {
        let shrinking = self.atoms.iter().zip(change).filter(|(_, change)| **change < 0.0);
        shrinking.map(|(atom, change)| atom.weight / -change).fold(f64::INFINITY, f64::min)
    }

    /// Changes the weights, and drops policies whose weight becomes zero.
    pub fn change(&mut self, change: &[f64], share: f64) {
        self.atoms.iter_mut().zip(change).for_each(|(atom, change)| atom.weight += share * change);
        self.atoms.retain(|atom| atom.weight > 1e-15);
        let sum: f64 = self.atoms.iter().map(|atom| atom.weight).sum();
        self.atoms.iter_mut().for_each(|atom| atom.weight /= sum);
    }

    /// Returns the change that maximises the objective to second order, with the gradient `theta` and minus the Hessian
    /// `bend` in the features, and its promised gain; ignores sign constraints. The heaviest policy gives the weight
    /// that others gain, so changes add up to 0.
    pub fn newton(&self, theta: &[f64], bend: &[f64]) -> Option<(Vec<f64>, f64)> {
        let (len, width) = (self.atoms.len(), theta.len());
        if len < 2 || bend.iter().all(|b| *b == 0.0) {
            return None;
        }
        let heavier = |a: &usize, b: &usize| self.atoms[*a].weight.total_cmp(&self.atoms[*b].weight);
        let base = (0..len).max_by(heavier).unwrap_or(0);
        let others = self.atoms.iter().enumerate().filter(|(at, _)| *at != base);
        let rows: Vec<Vec<f64>> =
            others.map(|(_, atom)| crate::minus(&atom.features, &self.atoms[base].features)).collect();
        let bent = |row: &Vec<f64>| bend.chunks_exact(width).map(|bend| dot(bend, row)).collect::<Vec<_>>();
        let bent: Vec<Vec<f64>> = rows.iter().map(bent).collect();
        let mut matrix: Vec<f64> = rows.iter().flat_map(|row| bent.iter().map(move |bent| dot(row, bent))).collect();
        let trace: f64 = (0..len - 1).map(|i| matrix[i * len]).sum();
        (0..len - 1).for_each(|i| matrix[i * len] += 1e-10 * trace);
        let slopes: Vec<f64> = rows.iter().map(|row| dot(theta, row)).collect();
        let mut change = slopes.clone();
        Factor::nudged(&matrix, len - 1).solve(&mut change);
        let promised = 0.5 * dot(&change, &slopes);
        change.insert(base, -change.iter().sum::<f64>());
        promised.is_finite().then_some((change, promised))
    }
}
