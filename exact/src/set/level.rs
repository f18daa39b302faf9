//! The worst reward where no closed form is: by the multiplier of the likelihood.
//!
//! With `eta = 1 / beta`, `theta(eta) = argmin NLL(theta) + eta <theta, x>` is one convex problem, and the loss of
//! its answer grows with eta. So a level set has one eta, and it is bracketed.

use super::Worst;
use crate::dot;
use crate::likelihood::{Fit, Preferences, tilted};
use crate::linalg::Factor;

/// Most trials of eta.
const MOST_TRIALS: usize = 100;

/// What a worst case is sought over.
pub struct Level<'a> {
    pub data: &'a Preferences,
    pub fit: &'a Fit,
}

impl Level<'_> {
    /// `theta(eta)`, from a start; none where the infimum is minus infinity.
    fn at(&self, x: &[f64], eta: f64, start: &[f64]) -> Option<Fit> {
        let tilt: Vec<f64> = x.iter().map(|x| eta * x).collect();
        // Without a ridge a second-order guess may lie where the loss is flat to rounding.
        let origin = vec![0.0; start.len()];
        let start = if self.fit.ridge > 0.0 { start } else { &origin };
        let found = tilted(self.data, self.fit.ridge, Some(&tilt), start);
        (found.converged || self.fit.ridge > 0.0).then_some(found)
    }

    /// `fit.theta - length H^{-1} x`
    fn guess(&self, theta: &[f64], hessian: &[f64], x: &[f64], length: f64) -> Vec<f64> {
        let mut step = x.to_vec();
        Factor::nudged(hessian, x.len()).solve(&mut step);
        theta.iter().zip(&step).map(|(theta, step)| theta - length * step).collect()
    }

    /// `min <theta, x> + beta (NLL(theta) - NLL(theta_hat))`
    pub fn penalised(&self, x: &[f64], beta: f64) -> Worst {
        if beta <= 0.0 {
            return Worst::unbounded(&self.fit.theta);
        }
        let start = self.guess(&self.fit.theta, &self.fit.hessian, x, 1.0 / beta);
        let start = if self.data.nll(&start, self.fit.ridge).is_finite() { start } else { self.fit.theta.clone() };
        let Some(found) = self.at(x, 1.0 / beta, &start) else { return Worst::unbounded(&self.fit.theta) };
        let reward = dot(&found.theta, x);
        let value = reward + beta * (found.nll - self.fit.nll);
        Worst { theta: found.theta, value, reward, beta }
    }

    /// `min <theta, x>` where `NLL(theta) <= NLL(theta_hat) + slack`: Newton's method on the root of the used slack,
    /// which is almost linear in eta, within a bracket that is halved in log eta where it leaves it.
    pub fn bounded(&self, x: &[f64], slack: f64, norm_sq: f64) -> Worst {
        let target = (2.0 * slack).sqrt();
        let (mut low, mut high, mut eta) = (0.0, f64::INFINITY, target / norm_sq.sqrt());
        let mut start = self.guess(&self.fit.theta, &self.fit.hessian, x, eta);
        // `escaped`: there is no minimum at `high`.
        let (mut last, mut escaped) = (None, false);
        for _ in 0..MOST_TRIALS {
            let mut next = f64::NAN;
            match self.at(x, eta, &start) {
                None => (high, escaped) = (eta, true),
                Some(found) => {
                    let used = found.nll - self.fit.nll;
                    if (used - slack).abs() <= 1e-11 * slack + 1e-14 * (1.0 + self.fit.nll) {
                        return self.end(found, x, eta);
                    }
                    if used > slack {
                        (high, escaped) = (eta, false);
                    } else {
                        low = eta;
                    }
                    let size = (2.0 * used.max(0.0)).sqrt();
                    let slope = Factor::nudged(&found.hessian, x.len()).inverse_norm_sq(x) * eta;
                    next = eta + (target - size) * size / slope;
                    last = Some((found, eta));
                }
            }
            if high - low <= 1e-12 * high && high.is_finite() {
                break;
            }
            if !(next > low && next < high) {
                next = match (low > 0.0, high < f64::INFINITY) {
                    (true, true) => (low * high).sqrt(),
                    (true, false) => low * 8.0,
                    _ => high / 8.0,
                };
            }
            if let Some((found, at)) = &last {
                start = self.guess(&found.theta, &found.hessian, x, next - at);
            }
            eta = next;
        }
        match last {
            // Rounding keeps the loss from the level: the last trial is as close as it gets.
            Some((found, eta)) if !escaped => self.end(found, x, eta),
            // The loss stays below the level up to where there is no minimum any more.
            _ => Worst::unbounded(&self.fit.theta),
        }
    }

    fn end(&self, found: Fit, x: &[f64], eta: f64) -> Worst {
        let reward = dot(&found.theta, x);
        Worst { theta: found.theta, value: reward, reward, beta: 1.0 / eta }
    }
}
