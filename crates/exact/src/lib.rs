//! The exact track: Algorithm 1 of PbPO in worlds with linear rewards, where every quantity can be computed.
//!
//! Everything is `f64` and deterministic: random numbers come from the caller's generator. The crate does not depend on
//! Burn, plans or the language's file format; the runtime's ops call it.
//!
//! - `world/`: finite worlds. A bandit is a world with one state and one step, a contextual bandit one with many states
//!   and one step. Each instance is one file there.
//! - `policy.rs`: policies that act in them.
//! - `linalg.rs`: a covariance that grows by rank-one updates; decompositions are faer's.
//! - `likelihood.rs`: preferences and their maximum-likelihood reward, of all rewards or of those in a ball.
//! - `newton.rs`: finds that reward by damped Newton steps.
//! - `set/`: confidence sets, and the worst reward in them.
//! - `enhance/`: the policy whose comparison with a reference is the most informative, and its baselines.
//! - `step/`: the policy that is best against the worst reward.
//! - `stats.rs`: slopes, means and intervals of measurements.

pub mod enhance;
pub mod likelihood;
pub mod linalg;
mod newton;
pub mod policy;
pub mod set;
pub mod stats;
pub mod step;
pub mod world;

/// Returns `<a, b>`.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Returns `a - b`.
pub fn minus(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}
