//! The two policies that differ the most, without a reference (reward-agnostic exploration of Zhan et al. 2305.18505).

use rand_chacha::ChaCha8Rng;

use super::Metric;
use super::ascent::{GAIN, LONGEST, directions};
use crate::linalg::Covariance;
use crate::policy::Policy;
use crate::world::World;
use crate::{dot, minus};

/// Two policies and the distance between them.
#[derive(Clone, Debug)]
pub struct Pair {
    pub one: Policy,
    pub other: Policy,
    /// `|| phi(one) - phi(other) ||` in the inverse covariance.
    pub value: f64,
}

/// Returns the pair with the largest `|| phi(pi) - phi(pi') ||` in the inverse covariance. Exact over all pairs in a
/// bandit, in O(arms^2 dim). Elsewhere the best local optimum of `3 restarts` starts (at least 3): the two policies
/// that are best and worst for the reward `Sigma^{-1} (phi(pi) - phi(pi'))` are at least as far apart as pi and pi'.
pub fn max_pair(world: &World, covariance: &Covariance, restarts: usize, rng: &mut ChaCha8Rng) -> Pair {
    let metric = Metric::of(covariance, world.width());
    if world.horizon == 1 && world.states == 1 {
        return of_arms(world, &metric);
    }
    let mut starts = directions(covariance, world.width(), restarts.max(1), rng).into_iter();
    let mut best = climb(world, &metric, starts.next().unwrap_or_else(|| vec![0.0; metric.width]));
    for start in starts {
        let pair = climb(world, &metric, start);
        if pair.value > best.value {
            best = pair;
        }
    }
    best
}

/// Finds the pair through the Gram matrix of the arms, of which one entry is held at a time.
fn of_arms(world: &World, metric: &Metric) -> Pair {
    let arms = |arm: usize| world.phi(0, arm);
    let squares: Vec<f64> = (0..world.actions).map(|arm| metric.norm_sq(arms(arm))).collect();
    let (mut ends, mut far) = ([0, 0], 0.0);
    for one in 0..world.actions {
        let turned = metric.times(arms(one));
        for other in one + 1..world.actions {
            let distance = squares[one] + squares[other] - 2.0 * dot(&turned, arms(other));
            if distance > far {
                (far, ends) = (distance, [one, other]);
            }
        }
    }
    let [one, other] = ends.map(|arm| Policy::deterministic(world, &[arm]));
    Pair { one, other, value: metric.norm_sq(&minus(arms(ends[0]), arms(ends[1]))).sqrt() }
}

fn climb(world: &World, metric: &Metric, direction: Vec<f64>) -> Pair {
    let ends = |weights: &[f64]| {
        let opposite: Vec<f64> = weights.iter().map(|x| -x).collect();
        let (one, other) = (world.best(weights), world.best(&opposite));
        let difference = minus(&world.features(&one), &world.features(&other));
        (metric.norm_sq(&difference), one, other, difference)
    };
    let (mut square, mut one, mut other, mut difference) = ends(&direction);
    for _ in 0..LONGEST {
        let next = ends(&metric.times(&difference));
        if next.0 <= square * (1.0 + GAIN) {
            break;
        }
        (square, one, other, difference) = next;
    }
    Pair { one, other, value: square.sqrt() }
}
