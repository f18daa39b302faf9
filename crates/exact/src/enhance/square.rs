//! E2 in worlds of many states or steps.
//!
//! Its value is exact: `E ||phi(tau)||^2` follows from a dynamic program over means and second moments of the features
//! still to come, in O(H S A S' d), with no `[width, width]` matrix per state. The search is ours: a trajectory passes
//! each step once, so E2 is linear in the rows of one step. Replacing the rows of one step after the other by the best
//! ones, the last step first, never lowers it. This ends in a local optimum.

use super::ascent::{GAIN, LONGEST};
use super::{Found, Metric};
use crate::linalg::Covariance;
use crate::policy::Policy;
use crate::world::World;

/// Returns `E ||phi(tau^1) - phi(tau^0)||^2` in the inverse covariance, with tau^1 of the policy and tau^0 of the
/// reference, from one start state and independent afterwards.
pub fn expected_square(world: &World, covariance: &Covariance, policy: &Policy, reference: &Policy) -> f64 {
    let metric = Metric::of(covariance, world.width());
    Against::of(world, &metric, reference).value(&Ahead::of(world, &metric, policy))
}

/// Returns the best local optimum over the starts.
pub(super) fn search(
    world: &World,
    metric: &Metric,
    reference: &Policy,
    starts: impl Iterator<Item = Policy>,
) -> Found {
    let against = Against::of(world, metric, reference);
    super::largest(starts.map(|start| against.climb(start)).collect())
}

/// Moments of the features still to come, from each state at one step.
struct Ahead {
    /// The mean of the features to come, `[states, width]`.
    mean: Vec<f64>,
    /// The product `Sigma^{-1} mean`, `[states, width]`.
    turned: Vec<f64>,
    /// The mean of their squared norm, `[states]`.
    moment: Vec<f64>,
}

impl Ahead {
    /// Returns the moments at the end, which are zero.
    fn nothing(world: &World) -> Self {
        let zeros = vec![0.0; world.states * world.width()];
        Self { mean: zeros.clone(), turned: zeros, moment: vec![0.0; world.states] }
    }

    /// Returns the moments at the first step of a policy.
    fn of(world: &World, metric: &Metric, policy: &Policy) -> Self {
        let last = Self::nothing(world);
        (0..world.horizon).rev().fold(last, |ahead, step| ahead.before(world, metric, policy, step))
    }

    /// Returns the moments one step earlier.
    fn before(&self, world: &World, metric: &Metric, policy: &Policy, step: usize) -> Self {
        let (width, block) = (world.width(), world.block(step));
        let mut earlier = Self::nothing(world);
        for state in 0..world.states {
            let mean = &mut earlier.mean[state * width..(state + 1) * width];
            for (action, prob) in policy.row(world, step, state).iter().enumerate().filter(|(_, prob)| **prob > 0.0) {
                let phi = world.phi(state, action);
                mean[block.clone()].iter_mut().zip(phi).for_each(|(mean, x)| *mean += prob * x);
                for (to, chance) in after(world, step, state, action) {
                    let next = &self.mean[to * width..(to + 1) * width];
                    mean.iter_mut().zip(next).for_each(|(mean, x)| *mean += prob * chance * x);
                }
                earlier.moment[state] += prob * self.moment_of(world, metric, step, [state, action]);
            }
            let turned = metric.times(mean);
            earlier.turned[state * width..(state + 1) * width].copy_from_slice(&turned);
        }
        earlier
    }

    /// Returns the mean squared norm of the features of this step's action and of all later ones; `self` holds the
    /// moments after it.
    fn moment_of(&self, world: &World, metric: &Metric, step: usize, at: [usize; 2]) -> f64 {
        let (phi, block, width) = (world.phi(at[0], at[1]), world.block(step), world.width());
        let to_come = |(to, chance): (usize, f64)| {
            chance * (self.moment[to] + 2.0 * crate::dot(phi, &self.turned[to * width..][block.clone()]))
        };
        metric.norm_sq_in(block.clone(), phi) + after(world, step, at[0], at[1]).map(to_come).sum::<f64>()
    }
}

/// Returns the states to which an action leads, with probabilities; none from the last step.
fn after(world: &World, step: usize, state: usize, action: usize) -> impl Iterator<Item = (usize, f64)> {
    let next: &[(usize, f64)] =
        if step + 1 < world.horizon { &world.next[state * world.actions + action] } else { &[] };
    next.iter().copied()
}

/// A reference, and the policies compared with it.
struct Against<'a> {
    world: &'a World,
    metric: &'a Metric,
    reference: Ahead,
}

impl<'a> Against<'a> {
    fn of(world: &'a World, metric: &'a Metric, reference: &Policy) -> Self {
        Self { world, metric, reference: Ahead::of(world, metric, reference) }
    }

    /// Returns E2 of a policy with these moments at the first step.
    fn value(&self, policy: &Ahead) -> f64 {
        let width = self.metric.width;
        let of_start = |(state, mass): (usize, &f64)| {
            let range = state * width..(state + 1) * width;
            let cross = crate::dot(&policy.mean[range.clone()], &self.reference.turned[range]);
            mass * (policy.moment[state] + self.reference.moment[state] - 2.0 * cross)
        };
        self.world.start.iter().enumerate().map(of_start).sum::<f64>().max(0.0)
    }

    /// Sweeps until a sweep gains nothing.
    fn climb(&self, start: Policy) -> Found {
        let value = self.value(&Ahead::of(self.world, self.metric, &start));
        let mut found = Found { policy: start, value };
        for _ in 0..LONGEST {
            let next = self.sweep(&found.policy);
            if next.value <= found.value * (1.0 + GAIN) {
                break;
            }
            found = next;
        }
        found
    }

    /// Returns the best rows of each step with the other steps fixed, from the last step to the first.
    fn sweep(&self, policy: &Policy) -> Found {
        let (world, width) = (self.world, self.metric.width);
        let behind = self.behind(policy);
        let mut policy = policy.clone();
        let mut ahead = Ahead::nothing(world);
        for step in (0..world.horizon).rev() {
            for state in 0..world.states {
                let at = (step * world.states + state) * width;
                let turned = self.metric.times(&behind[at..at + width]);
                let action = self.best_action(&ahead, step, state, &turned);
                let row = (step * world.states + state) * world.actions;
                policy.probs[row..row + world.actions].fill(0.0);
                policy.probs[row + action] = 1.0;
            }
            ahead = ahead.before(world, self.metric, &policy, step);
        }
        Found { value: self.value(&ahead), policy }
    }

    /// Returns the best action. `behind` is `Sigma^{-1}` times the mean of the features so far, less the reference.
    fn best_action(&self, ahead: &Ahead, step: usize, state: usize, behind: &[f64]) -> usize {
        let (world, width) = (self.world, self.metric.width);
        let (mut best, mut choice) = (f64::NEG_INFINITY, 0);
        for action in 0..world.actions {
            let to_come = |(to, chance): (usize, f64)| chance * crate::dot(behind, &ahead.mean[to * width..][..width]);
            let linear = crate::dot(&behind[world.block(step)], world.phi(state, action))
                + after(world, step, state, action).map(to_come).sum::<f64>();
            let value = 2.0 * linear + ahead.moment_of(world, self.metric, step, [state, action]);
            if value > best {
                (best, choice) = (value, action);
            }
        }
        choice
    }

    /// Returns for each step and state the mean of the features so far, less the reference's mean from the same start,
    /// given that the policy is there, `[horizon, states, width]`. For states that are never visited the mean is that
    /// of an episode that just started.
    fn behind(&self, policy: &Policy) -> Vec<f64> {
        let (world, width) = (self.world, self.metric.width);
        let (rows, mut all) = (world.states * width, Vec::new());
        let mut sums: Vec<f64> = self.reference.mean.iter().map(|x| -x).collect();
        (0..rows).for_each(|i| sums[i] *= world.start[i / width]);
        let never: Vec<f64> = (0..width).map(|i| sums.iter().skip(i).step_by(width).sum()).collect();
        let mut masses = world.start.clone();
        for step in 0..world.horizon {
            for (sum, mass) in sums.chunks_exact(width).zip(&masses) {
                all.extend((0..width).map(|i| if *mass > 0.0 { sum[i] / mass } else { never[i] }));
            }
            (sums, masses) = self.forward(policy, step, &sums, &masses);
        }
        all
    }

    /// Goes one step on: returns sums of features weighted by mass, `[states, width]`, and masses, `[states]`.
    fn forward(&self, policy: &Policy, step: usize, sums: &[f64], masses: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (world, width) = (self.world, self.metric.width);
        let (mut later, mut later_masses) = (vec![0.0; sums.len()], vec![0.0; masses.len()]);
        for state in (0..world.states).filter(|state| masses[*state] > 0.0) {
            for (action, prob) in policy.row(world, step, state).iter().enumerate().filter(|(_, prob)| **prob > 0.0) {
                let mut here = sums[state * width..(state + 1) * width].to_vec();
                let phi = world.phi(state, action);
                here[world.block(step)].iter_mut().zip(phi).for_each(|(sum, x)| *sum += masses[state] * x);
                for (to, chance) in after(world, step, state, action) {
                    let to_sum = &mut later[to * width..(to + 1) * width];
                    to_sum.iter_mut().zip(&here).for_each(|(sum, x)| *sum += prob * chance * x);
                    later_masses[to] += masses[state] * prob * chance;
                }
            }
        }
        (later, later_masses)
    }
}
