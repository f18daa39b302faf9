//! Worst rewards without a closed form, by the multiplier of the likelihood.
//!
//! With `eta = 1 / beta`, `theta(eta) = argmin NLL(theta) + eta <theta, x>` in the ball of the fit is one convex
//! problem, and the loss of its solution grows with eta. So a level set has one eta, which is bracketed.

use super::Worst;
use crate::dot;
use crate::likelihood::{Fit, Preferences};
use crate::linalg::Factor;
use crate::newton::{plus_diagonal, tilted};

/// The largest number of trials of eta.
const MOST_TRIALS: usize = 100;
/// The largest number of second-order models before trials of eta begin.
const MOST_MODELS: usize = 12;

/// The problem over which a worst case is sought.
pub struct Level<'a> {
    pub data: &'a Preferences,
    pub fit: &'a Fit,
}

impl Level<'_> {
    /// Returns `theta(eta)`, from a start; `None` if the infimum is minus infinity.
    fn at(&self, x: &[f64], eta: f64, start: &[f64]) -> Option<Fit> {
        let tilt: Vec<f64> = x.iter().map(|x| eta * x).collect();
        // Without a ridge, a second-order guess may lie in a region where the loss is flat up to rounding.
        let origin = vec![0.0; start.len()];
        let start = if self.fit.ridge > 0.0 { start } else { &origin };
        let found = tilted(self.data, self.fit.ridge, self.fit.bound, Some(&tilt), start);
        (found.converged || self.fit.ridge > 0.0 || self.fit.bound.is_finite()).then_some(found)
    }

    /// Returns `-d theta / d eta` at a `theta(eta)`: `H^{-1} x`, on the surface of the ball along it.
    fn slide(&self, found: &Fit, x: &[f64]) -> Vec<f64> {
        let factor = Factor::nudged(&plus_diagonal(&found.hessian, x.len(), found.held), x.len());
        let mut slide = x.to_vec();
        factor.solve(&mut slide);
        if found.held > 0.0 {
            let mut out = found.theta.clone();
            factor.solve(&mut out);
            let share = dot(&slide, &found.theta) / dot(&out, &found.theta);
            slide.iter_mut().zip(&out).for_each(|(slide, out)| *slide -= share * out);
        }
        slide
    }

    /// Returns `min <theta, x> + beta (NLL(theta) - NLL(theta_hat))`.
    pub fn penalised(&self, x: &[f64], beta: f64) -> Worst {
        if beta <= 0.0 {
            return self.unheld(x);
        }
        let start = stepped(&self.fit.theta, &self.slide(self.fit, x), 1.0 / beta);
        let start = if self.data.nll(&start, self.fit.ridge).is_finite() { start } else { self.fit.theta.clone() };
        let Some(found) = self.at(x, 1.0 / beta, &start) else { return Worst::unbounded(&self.fit.theta) };
        let reward = dot(&found.theta, x);
        let value = reward + beta * (found.nll - self.fit.nll);
        Worst { theta: found.theta, value, reward, beta, held: beta * found.held }
    }

    /// Returns `min <theta, x>` if only the ball limits theta.
    fn unheld(&self, x: &[f64]) -> Worst {
        let (bound, length) = (self.fit.bound, dot(x, x).sqrt());
        if bound == f64::INFINITY {
            return Worst::unbounded(&self.fit.theta);
        }
        let theta: Vec<f64> = x.iter().map(|x| -bound * x / length).collect();
        let reward = -bound * length;
        Worst { theta, value: reward, reward, beta: 0.0, held: length / bound }
    }

    /// Returns `min <theta, x>` subject to `NLL(theta) <= NLL(theta_hat) + slack`. The ball is usually not active.
    pub fn bounded(&self, x: &[f64], slack: f64, norm_sq: f64) -> Worst {
        if let Some(worst) = self.by_models(x, slack)
            && self.fit.in_ball(&worst.theta)
        {
            return worst;
        }
        let farthest = self.unheld(x);
        if farthest.value.is_finite() && self.data.nll(&farthest.theta, self.fit.ridge) - self.fit.nll <= slack {
            return farthest;
        }
        self.by_bracket(x, slack, norm_sq)
    }

    /// Solves the problem with the loss to second order (an ellipsoid, in closed form) around the last solution,
    /// starting from the fit. That is Newton's method on both conditions of optimality, which suffice in a convex
    /// problem: the loss is on its level, and its gradient is `-eta x`. Returns `None` if they are not met soon.
    fn by_models(&self, x: &[f64], slack: f64) -> Option<Worst> {
        let width = x.len();
        let (mut theta, mut eta) = (self.fit.theta.clone(), 0.0);
        let (mut gradient, mut hessian) = (vec![0.0; width], self.fit.hessian.clone());
        if self.fit.held > 0.0 {
            gradient.copy_from_slice(&self.fit.gradient);
        }
        let mut used = 0.0;
        for _ in 0..MOST_MODELS {
            let factor = Factor::of(&hessian, width).ok()?;
            let (mut down, mut along) = (gradient.clone(), x.to_vec());
            factor.solve(&mut down);
            factor.solve(&mut along);
            let left: Vec<f64> = gradient.iter().zip(x).map(|(g, x)| g + eta * x).collect();
            if eta > 0.0 && (used - slack).abs() <= self.rounding(slack) && factor.inverse_norm_sq(&left) <= 1e-18 {
                let reward = dot(&theta, x);
                return Some(Worst { theta, value: reward, reward, beta: 1.0 / eta, held: 0.0 });
            }
            // Either the model's minimum is below the level, or the last solution was far from it.
            let room = 2.0 * (slack - used) + dot(&gradient, &down);
            eta = (room / dot(x, &along)).sqrt();
            if !eta.is_finite() || eta == 0.0 {
                return None;
            }
            theta.iter_mut().zip(down.iter().zip(&along)).for_each(|(t, (d, a))| *t -= d + eta * a);
            used = self.data.derivatives(&theta, self.fit.ridge, &mut gradient, &mut hessian) - self.fit.nll;
        }
        None
    }

    /// Returns the tolerance for the distance of the loss from its level.
    fn rounding(&self, slack: f64) -> f64 {
        1e-11 * slack + 1e-14 * (1.0 + self.fit.nll)
    }

    /// Solves by trials of eta: Newton's method on the root of the used slack, which is almost linear in eta, within a
    /// bracket that is halved in log eta if a step leaves it.
    fn by_bracket(&self, x: &[f64], slack: f64, norm_sq: f64) -> Worst {
        let target = (2.0 * slack).sqrt();
        let (mut low, mut high, mut eta) = (0.0, f64::INFINITY, target / norm_sq.sqrt());
        let mut start = stepped(&self.fit.theta, &self.slide(self.fit, x), eta);
        // `escaped` means that there is no minimum at `high`.
        let (mut last, mut escaped) = (None, false);
        for _ in 0..MOST_TRIALS {
            let mut next = f64::NAN;
            match self.at(x, eta, &start) {
                None => (high, escaped) = (eta, true),
                Some(found) => {
                    let used = found.nll - self.fit.nll;
                    if (used - slack).abs() <= self.rounding(slack) {
                        return self.end(found, x, eta);
                    }
                    if used > slack {
                        (high, escaped) = (eta, false);
                    } else {
                        low = eta;
                    }
                    let size = (2.0 * used.max(0.0)).sqrt();
                    let slide = self.slide(&found, x);
                    next = eta + (target - size) * size / (eta * dot(&slide, x));
                    last = Some((found, eta, slide));
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
            if let Some((found, at, slide)) = &last {
                start = stepped(&found.theta, slide, next - at);
            }
            eta = next;
        }
        match last {
            // Rounding keeps the loss from the level; the last trial is the closest.
            Some((found, eta, _)) if !escaped => self.end(found, x, eta),
            // The loss stays below the level as far as there is a minimum.
            _ => Worst::unbounded(&self.fit.theta),
        }
    }

    fn end(&self, found: Fit, x: &[f64], eta: f64) -> Worst {
        let reward = dot(&found.theta, x);
        Worst { theta: found.theta, value: reward, reward, beta: 1.0 / eta, held: found.held / eta }
    }
}

/// Returns `theta - length slide`.
fn stepped(theta: &[f64], slide: &[f64], length: f64) -> Vec<f64> {
    theta.iter().zip(slide).map(|(theta, slide)| theta - length * slide).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::likelihood::fit;

    #[test]
    fn models_and_trials_agree() {
        let mut data = Preferences::new(2);
        for i in 0..40 {
            let (a, b) = ((f64::from(i) * 0.7).sin(), (f64::from(i) * 1.3).cos());
            if i % 5 == 0 { data.push(&[0.0, 0.0], &[a, b]) } else { data.push(&[a.abs(), b], &[0.0, 0.0]) }
        }
        let (fit, x) = (fit(&data, 0.1, &[0.0; 2]), [0.8, -1.1]);
        let level = Level { data: &data, fit: &fit };
        let norm_sq = Factor::nudged(&fit.hessian, 2).inverse_norm_sq(&x);
        for slack in [1e-4, 0.1, 1.0, 10.0] {
            let (models, trials) = (level.by_models(&x, slack), level.by_bracket(&x, slack, norm_sq));
            let models = models.expect("a ridge and a moderate slack");
            assert!(
                (models.value - trials.value).abs() < 1e-9 && (models.beta - trials.beta).abs() < 1e-6 * trials.beta
            );
        }
    }
}
