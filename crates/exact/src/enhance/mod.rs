//! The policy whose comparison with a reference is the most informative, and its baselines.
//!
//! - `arms.rs`: worlds of one step, where the search is exact (E1 with one state, E2 with any number).
//! - `ascent.rs`: E1 elsewhere, by monotone ascent from many starts.
//! - `square.rs`: E2 elsewhere. Its value is exact; the search ascends step by step.
//! - `pair.rs`: the two policies that differ the most, without a reference.
//! - `baseline.rs`: explorers that ignore the covariance.

mod arms;
mod ascent;
mod baseline;
mod pair;
mod square;

use rand_chacha::ChaCha8Rng;

pub use ascent::{Ascent, ascend};
pub use baseline::{epsilon_greedy, thompson, thompson_draw, uniform};
pub use pair::{Pair, max_pair};
pub use square::expected_square;

use crate::linalg::Covariance;
use crate::policy::Policy;
use crate::world::World;
use crate::{dot, minus};

/// The quantity that the search maximises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Bonus {
    /// `|| E[phi(tau^1) - phi(tau^0)] ||` in the inverse covariance (form E1).
    MeanNorm,
    /// `E || phi(tau^1) - phi(tau^0) ||^2` in the inverse covariance (form E2). Both start in the same state, the
    /// prompt, and are independent afterwards.
    ExpectedSquare,
}

/// A policy and its bonus.
#[derive(Clone, Debug)]
pub struct Found {
    pub policy: Policy,
    /// The bonus of the policy, in the units of its form.
    pub value: f64,
}

/// Returns the policy with the largest bonus against a reference; among equal ones the first found.
///
/// Exact in a bandit (both forms) and in a contextual bandit (E2, which decomposes over contexts). Elsewhere it is
/// the best local optimum of `1 + 3 restarts` starts: the uniform policy, both signs of the `restarts` most
/// uncertain eigenvectors (at most the width), and `restarts` random directions. E2 starts from these optima
/// of E1, from the reference and from the uniform policy.
pub fn search(
    world: &World,
    covariance: &Covariance,
    reference: &Policy,
    bonus: Bonus,
    restarts: usize,
    rng: &mut ChaCha8Rng,
) -> Found {
    let metric = Metric::of(covariance, world.width());
    if world.horizon == 1 && (world.states == 1 || bonus == Bonus::ExpectedSquare) {
        return arms::search(world, &metric, reference, bonus);
    }
    let optima = ascent::optima(world, covariance, &metric, &world.features(reference), restarts, rng);
    match bonus {
        Bonus::MeanNorm => largest(optima),
        Bonus::ExpectedSquare => {
            let starts = [reference.clone(), Policy::uniform(world)];
            let starts = starts.into_iter().chain(distinct(optima).into_iter().map(|found| found.policy));
            square::search(world, &metric, reference, starts)
        }
    }
}

/// Returns the exact bonus of a policy against a reference, in the units of its form.
pub fn bonus(world: &World, covariance: &Covariance, policy: &Policy, reference: &Policy, bonus: Bonus) -> f64 {
    match bonus {
        Bonus::MeanNorm => {
            covariance.inverse_norm_sq(&minus(&world.features(policy), &world.features(reference))).sqrt()
        }
        Bonus::ExpectedSquare => expected_square(world, covariance, policy, reference),
    }
}

/// Returns the policy with the largest value, among equal ones the first.
fn largest(mut found: Vec<Found>) -> Found {
    let mut at = 0;
    for other in 1..found.len() {
        if found[other].value > found[at].value {
            at = other;
        }
    }
    found.swap_remove(at)
}

/// Returns the optima of different values; optima of one value are nearly always the same policy.
fn distinct(optima: Vec<Found>) -> Vec<Found> {
    let mut distinct: Vec<Found> = Vec::new();
    for found in optima {
        if distinct.iter().all(|other| (other.value - found.value).abs() > 1e-9 * found.value) {
            distinct.push(found);
        }
    }
    distinct
}

/// The inverse covariance as a dense matrix: it is used for every arm, where a triangular solve would take longer.
struct Metric {
    width: usize,
    /// `[width, width]`
    rows: Vec<f64>,
}

impl Metric {
    fn of(covariance: &Covariance, width: usize) -> Self {
        let (mut rows, mut unit) = (Vec::with_capacity(width * width), vec![0.0; width]);
        for i in 0..width {
            unit[i] = 1.0;
            rows.extend(covariance.solve(&unit));
            unit[i] = 0.0;
        }
        Self { width, rows }
    }

    /// Returns `||x||^2`.
    fn norm_sq(&self, x: &[f64]) -> f64 {
        self.norm_sq_with(x, &mut vec![0.0; self.width])
    }

    /// Returns `||x||^2`, without allocation. `turned`, `[width]`, holds `Sigma^{-1} x` afterwards.
    fn norm_sq_with(&self, x: &[f64], turned: &mut [f64]) -> f64 {
        turned.fill(0.0);
        for (row, at) in self.rows.chunks_exact(self.width).zip(x) {
            turned.iter_mut().zip(row).for_each(|(sum, entry)| *sum += at * entry);
        }
        dot(turned, x)
    }

    /// Returns `||x||^2` of a vector that is x in these entries and zero elsewhere.
    fn norm_sq_in(&self, block: std::ops::Range<usize>, x: &[f64]) -> f64 {
        block.clone().zip(x).map(|(row, at)| at * dot(&self.rows[row * self.width..][block.clone()], x)).sum()
    }

    /// Returns `Sigma^{-1} x`.
    fn times(&self, x: &[f64]) -> Vec<f64> {
        let mut turned = vec![0.0; self.width];
        self.norm_sq_with(x, &mut turned);
        turned
    }
}
