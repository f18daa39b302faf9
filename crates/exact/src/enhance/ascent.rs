//! E1 in worlds of many states or steps: a convex function of the occupancy, which is hard to maximise, by monotone
//! ascent from many starts (method 3.4).

use rand_chacha::ChaCha8Rng;

use super::{Found, Metric};
use crate::linalg::Covariance;
use crate::policy::Policy;
use crate::world::World;
use crate::world::random::normal;
use crate::{dot, minus};

/// The largest number of policies in one ascent; tens are usual.
pub(super) const LONGEST: usize = 1000;
/// The least relative gain of the squared norm that counts as one.
pub(super) const GAIN: f64 = 1e-12;

/// The path of an ascent.
#[derive(Clone, Debug)]
pub struct Ascent {
    pub found: Found,
    /// The value of each policy on the way, from the start to the last one; never falls.
    pub trail: Vec<f64>,
}

/// Ascends from a policy to a local optimum of E1 against a reference with these features, `[width]`: the next policy
/// is the best one for the reward `<Sigma^{-1} (phi(pi) - phi_ref), phi(tau)>`. As the squared norm is convex, its
/// value is at least that of the policy before. A policy with the reference's own features is not improved.
pub fn ascend(world: &World, covariance: &Covariance, reference: &[f64], start: Policy) -> Ascent {
    climb(world, &Metric::of(covariance, world.width()), reference, start)
}

fn climb(world: &World, metric: &Metric, reference: &[f64], start: Policy) -> Ascent {
    let mut difference = minus(&world.features(&start), reference);
    let (mut policy, mut square) = (start, metric.norm_sq(&difference));
    let mut trail = vec![square.sqrt()];
    while trail.len() < LONGEST {
        let next = world.best(&metric.times(&difference));
        let ahead = minus(&world.features(&next), reference);
        let higher = metric.norm_sq(&ahead);
        if higher <= square * (1.0 + GAIN) {
            break;
        }
        (policy, difference, square) = (next, ahead, higher);
        trail.push(square.sqrt());
    }
    Ascent { found: Found { policy, value: square.sqrt() }, trail }
}

/// Returns the local optimum of each start: the uniform policy, and the best policies for [`directions`]. (The
/// reference is not a start, because its difference from itself is zero and gives no direction.)
pub(super) fn optima(
    world: &World,
    covariance: &Covariance,
    metric: &Metric,
    reference: &[f64],
    restarts: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<Found> {
    let directions = directions(covariance, world.width(), restarts, rng);
    let starts = directions.iter().map(|direction| world.best(direction));
    let starts = std::iter::once(Policy::uniform(world)).chain(starts);
    starts.map(|start| climb(world, metric, reference, start).found).collect()
}

/// Returns rewards to start from, `[width]` each: both signs of the `count` most uncertain eigenvectors, and `count`
/// draws from `N(0, Sigma^{-1})`.
pub(super) fn directions(covariance: &Covariance, width: usize, count: usize, rng: &mut ChaCha8Rng) -> Vec<Vec<f64>> {
    let mut eigen = covariance.eigen();
    eigen.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut directions = Vec::with_capacity(3 * count);
    for (_, vector) in eigen.iter().take(count) {
        directions.push(vector.clone());
        directions.push(vector.iter().map(|x| -x).collect());
    }
    for _ in 0..count {
        let weights: Vec<f64> = eigen.iter().map(|(value, _)| normal(rng) / value.sqrt()).collect();
        let entry = |i: usize| dot(&weights, &eigen.iter().map(|(_, vector)| vector[i]).collect::<Vec<_>>());
        directions.push((0..width).map(entry).collect());
    }
    directions
}
