//! The best policy of a world against the worst reward, by Frank-Wolfe steps over occupancies.

use super::Chosen;
use super::mixture::Mixture;
use crate::policy::Policy;
use crate::set::Set;
use crate::world::World;
use crate::{dot, minus};

/// The largest length of a change that is tried (a Newton step has length 1, the weight of a pair is at most 1).
const FARTHEST: f64 = 10.0;

/// Maximises the concave `min_theta <theta, phi(mu) - phi(reference)>` over occupancies mu, until the duality gap
/// is within `tolerance` or after `most` steps.
///
/// A step finds the best policy for the worst reward (dynamic programming) and moves weight to it from the policy in
/// the mixture that is worst for that reward (pairwise steps, because plain ones zigzag near a face), as far as is
/// best. Then it takes one Newton step on the weights of the mixture. Features are few, so that is cheap, and pairwise
/// steps alone are slow if some rewards are far less known than others.
///
/// The objective has a kink at the reference, where one reward does not determine a direction. So a start there is
/// replaced by the best policy of the fit, and near it the objective is smoothed, by at most half the tolerance
/// (`Set::softened`). If the worst reward is unbounded at the start, the reference is returned with an infinite gap.
pub fn frank_wolfe(
    world: &World,
    set: &Set,
    reference: &Policy,
    start: &Policy,
    tolerance: f64,
    most: usize,
) -> Chosen {
    let from = world.features(reference);
    let mut mixture = Mixture::of(world, start);
    let distance = minus(&mixture.features(), &from);
    if dot(&distance, &distance) <= 1e-24 * (1.0 + dot(&from, &from)) {
        mixture = Mixture::of(world, &world.best(&set.fit.theta));
    }
    let floor = if set.most_price() > 0.0 { 0.5 * tolerance / set.most_price() } else { 0.0 };
    let climb = Climb { set, floor, little: 1e-2 * tolerance };
    let (mut upper, mut iterations) = (f64::INFINITY, 0);
    let worst = loop {
        let x = minus(&mixture.features(), &from);
        let worst = set.worst(&x);
        if worst.value == f64::NEG_INFINITY {
            break worst;
        }
        let theta = set.softened(&x, &worst, floor).theta;
        let best = world.best(&theta);
        // Theta is in the set, so the worst value of any policy is at most the best policy's value for theta.
        let most_of_theta = dot(&theta, &minus(&world.features(&best), &from)) + worst.value - worst.reward;
        upper = f64::min(upper, most_of_theta);
        if upper - worst.value.max(0.0) <= tolerance || iterations >= most {
            break worst;
        }
        let pair = mixture.towards(world, &best, &theta);
        let moved = climb.along(&mut mixture, &x, &pair);
        let x = minus(&mixture.features(), &from);
        let turned = climb.newton(&mut mixture, &x);
        if !moved && !turned {
            break worst;
        }
        iterations += 1;
    };
    let policy = Policy::of_occupancy(world, &mixture.occupancy());
    let gap = (upper - worst.value).max(0.0);
    Chosen { policy, value: worst.value, gap, iterations, theta: worst.theta }.or_reference(reference)
}

/// An ascent of a mixture in (smoothed) worst values.
struct Climb<'a> {
    set: &'a Set<'a>,
    floor: f64,
    /// The smallest gain that is worth a step.
    little: f64,
}

impl Climb<'_> {
    /// Returns the gradient at x.
    fn theta(&self, x: &[f64]) -> Vec<f64> {
        self.set.softened(x, &self.set.worst(x), self.floor).theta
    }

    /// Changes the weights along a direction, as far as is best. Returns true if they changed.
    fn along(&self, mixture: &mut Mixture, x: &[f64], change: &[f64]) -> bool {
        let share = self.best_share(x, &mixture.direction(change), mixture.room(change).min(FARTHEST));
        if share > 0.0 {
            mixture.change(change, share);
        }
        share > 0.0
    }

    /// Takes a Newton step on the weights, if it promises enough. Returns true if the weights changed.
    fn newton(&self, mixture: &mut Mixture, x: &[f64]) -> bool {
        let worst = self.set.worst(x);
        let theta = self.set.softened(x, &worst, self.floor).theta;
        match mixture.newton(&theta, &self.set.bend(x, &worst, self.floor)) {
            Some((change, promised)) if promised > self.little => self.along(mixture, x, &change),
            _ => false,
        }
    }

    /// Returns the best step along a direction, in `[0, most]`, at which the slope
    /// `<theta(x + s direction), direction>`, which falls in s, is a hundredth of its value at 0, by false position
    /// (the Illinois rule). More digits would not save steps, because the next ones correct it.
    fn best_share(&self, x: &[f64], direction: &[f64], most: f64) -> f64 {
        let slope = |s: f64| {
            let at: Vec<f64> = x.iter().zip(direction).map(|(x, d)| x + s * d).collect();
            dot(&self.theta(&at), direction)
        };
        let mut low = (0.0, slope(0.0));
        if low.1 <= 0.0 {
            return 0.0;
        }
        let (enough, mut side) = (1e-2 * low.1, 0);
        let mut high = (most.min(1.0), slope(most.min(1.0)));
        if high.1 > 0.0 && high.0 < most {
            low = high;
            high = (most, slope(most));
        }
        if high.1 >= 0.0 || high.1.abs() <= enough {
            return high.0;
        }
        for _ in 0..60 {
            let middle = low.0 + (high.0 - low.0) * low.1 / (low.1 - high.1);
            let middle = if middle > low.0 && middle < high.0 { middle } else { 0.5 * (low.0 + high.0) };
            let at = slope(middle);
            if at.abs() <= enough || high.0 - low.0 <= 1e-15 * most {
                return middle;
            }
            if at > 0.0 {
                low = (middle, at);
                high.1 *= if side == 1 { 0.5 } else { 1.0 };
                side = 1;
            } else {
                high = (middle, at);
                low.1 *= if side == -1 { 0.5 } else { 1.0 };
                side = -1;
            }
        }
        low.0
    }
}
