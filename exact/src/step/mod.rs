//! The policy that is best against the worst reward: `max_pi min_theta <theta, phi(pi) - phi(reference)>`.
//!
//! - `points.rs`: among the arms of a bandit, exactly.
//! - `frank_wolfe.rs`: among all policies of a world, to a duality gap.
//! - `mixture.rs`: what it mixes them as.
//! - `log_linear.rs`: among policies `exp <w, phi(s, a)>`, by gradient steps.
//!
//! The reference has the value 0, so no answer is below 0: where nothing is above it, the reference itself comes
//! back.

mod frank_wolfe;
mod log_linear;
mod mixture;
mod points;

pub use frank_wolfe::frank_wolfe;
pub use log_linear::{LogLinear, gradient, log_linear, softmax};
pub use points::points;

use crate::policy::Policy;

/// A policy and what it is sure of.
#[derive(Clone, Debug)]
pub struct Chosen {
    pub policy: Policy,
    /// Its value against the worst reward, above that of the reference (a Lagrangian's with the price).
    pub value: f64,
    /// The best value is above this one by no more than this; infinite where that is not known.
    pub gap: f64,
    /// Exact worst cases (points) or steps (else) that it took.
    pub iterations: usize,
    /// The worst reward for the policy; for the reference that of the last candidate.
    pub theta: Vec<f64>,
}

impl Chosen {
    /// The tie rule: the reference, if this is not above it.
    fn or_reference(self, reference: &Policy) -> Self {
        if self.value > 0.0 {
            return self;
        }
        let gap = if self.value.is_finite() { (self.value + self.gap).max(0.0) } else { self.gap };
        Self { policy: reference.clone(), value: 0.0, gap, ..self }
    }
}
