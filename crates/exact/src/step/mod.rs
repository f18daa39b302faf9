//! The policy that is best against the worst reward: `max_pi min_theta <theta, phi(pi) - phi(reference)>`.
//!
//! - `points.rs`: among the arms of a bandit, exactly.
//! - `frank_wolfe.rs`: among all policies of a world, to a duality gap.
//! - `mixture.rs`: its mixtures of policies.
//! - `log_linear.rs`: among policies `exp <w, phi(s, a)>`, by gradient steps.
//!
//! The reference has the value 0, so no result is below 0: if no policy is better, the reference itself is returned.

mod frank_wolfe;
mod log_linear;
mod mixture;
mod points;

pub use frank_wolfe::frank_wolfe;
pub use log_linear::{LogLinear, gradient, log_linear, softmax};
pub use points::points;

use crate::policy::Policy;

/// A policy and its guaranteed value.
#[derive(Clone, Debug)]
pub struct Chosen {
    pub policy: Policy,
    /// Its value against the worst reward, above that of the reference (a Lagrangian's with the price).
    pub value: f64,
    /// The largest amount by which the best value may exceed this one; infinite if it is unknown.
    pub gap: f64,
    /// The number of exact worst cases (points) or of steps (other solvers).
    pub iterations: usize,
    /// The worst reward for the policy; for the reference, that of the last candidate.
    pub theta: Vec<f64>,
}

impl Chosen {
    /// Applies the tie rule: returns the reference, unless this policy is better.
    fn or_reference(self, reference: &Policy) -> Self {
        if self.value > 0.0 {
            return self;
        }
        let gap = if self.value.is_finite() { (self.value + self.gap).max(0.0) } else { self.gap };
        Self { policy: reference.clone(), value: 0.0, gap, ..self }
    }
}
