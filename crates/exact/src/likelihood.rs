//! Preferences and their maximum-likelihood reward.
//!
//! `NLL(theta) = sum_i softplus(-<theta, toward_i>) + ridge / 2 ||theta||^2` (Bradley-Terry, a sum over the pairs). A
//! label of probability p counts as p of itself and 1 - p of the other one: `p softplus(-m) + (1 - p) softplus(m)` at
//! the margin m, which is `softplus(-m) + (1 - p) m`. So doubt adds a linear term, and the Hessian is that of hard
//! labels. Rewards may be limited to a ball, `||theta|| <= bound`.

use crate::dot;
use crate::newton::{Point, newton, tilted};

/// Labelled differences: `z = phi(tau^1) - phi(tau^0)`, and which of the two was preferred.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Preferences {
    pub width: usize,
    /// The differences, `[len, width]`, each from the rejected to the chosen side.
    pub toward: Vec<f64>,
    /// The probability of the other label, in 0..=0.5 for each pair; 0 for a hard label.
    doubt: Vec<f64>,
}

impl Preferences {
    pub fn new(width: usize) -> Self {
        Self { width, toward: Vec::new(), doubt: Vec::new() }
    }

    /// Adds a pair; `chosen` and `rejected` are phi(tau).
    pub fn push(&mut self, chosen: &[f64], rejected: &[f64]) {
        self.push_soft(chosen, rejected, 1.0);
    }

    /// Adds a pair whose first side is preferred with this probability.
    pub fn push_soft(&mut self, chosen: &[f64], rejected: &[f64], probability: f64) {
        self.toward.extend(chosen.iter().zip(rejected).map(|(a, b)| a - b));
        self.doubt.push(1.0 - probability);
    }

    pub fn len(&self) -> usize {
        self.toward.len().checked_div(self.width).unwrap_or(0)
    }

    pub fn is_empty(&self) -> bool {
        self.toward.is_empty()
    }

    /// Returns the differences, with the doubt of each.
    fn rows(&self) -> impl Iterator<Item = (&[f64], f64)> {
        self.toward.chunks_exact(self.width.max(1)).zip(self.doubt.iter().copied())
    }

    /// Returns `NLL(theta)`, in O(n d).
    pub fn nll(&self, theta: &[f64], ridge: f64) -> f64 {
        let mut losses = Losses::default();
        self.rows().for_each(|(z, doubt)| _ = losses.add(dot(theta, z), doubt));
        losses.sum() + 0.5 * ridge * dot(theta, theta)
    }

    /// Returns `NLL(theta)` and computes its gradient `[width]` and its Hessian `[width, width]`, in O(n d^2) and
    /// without allocation.
    pub fn derivatives(&self, theta: &[f64], ridge: f64, gradient: &mut [f64], hessian: &mut [f64]) -> f64 {
        gradient.iter_mut().zip(theta).for_each(|(g, theta)| *g = ridge * theta);
        hessian.fill(0.0);
        let loss = self.add_derivatives(0, theta, gradient, hessian);
        (0..self.width).for_each(|i| hessian[i * self.width + i] += ridge);
        loss + 0.5 * ridge * dot(theta, theta)
    }

    /// Adds the gradient and Hessian of the preferences after the first `from`. Returns their loss.
    fn add_derivatives(&self, from: usize, theta: &[f64], gradient: &mut [f64], hessian: &mut [f64]) -> f64 {
        let mut losses = Losses::default();
        for (z, doubt) in self.rows().skip(from) {
            let wrong = losses.add(dot(theta, z), doubt);
            let pull = wrong - doubt;
            gradient.iter_mut().zip(z).for_each(|(g, z)| *g -= pull * z);
            let weight = wrong * (1.0 - wrong);
            for (row, z_i) in hessian.chunks_exact_mut(self.width).zip(z) {
                let scaled = weight * z_i;
                row.iter_mut().zip(z).for_each(|(h, z_j)| *h += scaled * z_j);
            }
        }
        losses.sum()
    }

    /// Returns the Hessian alone.
    pub fn hessian(&self, theta: &[f64], ridge: f64) -> Vec<f64> {
        let (mut gradient, mut hessian) = (vec![0.0; self.width], vec![0.0; self.width * self.width]);
        self.derivatives(theta, ridge, &mut gradient, &mut hessian);
        hessian
    }
}

/// A sum of `softplus(-m) + doubt m` over margins. Logarithms are its slow part, so many factors share one.
struct Losses {
    sum: f64,
    product: f64,
}

impl Default for Losses {
    fn default() -> Self {
        Self { sum: 0.0, product: 1.0 }
    }
}

impl Losses {
    /// Adds a margin. Returns `sigma(-m)`, the chance of the other label. No value overflows, and small losses keep
    /// their digits.
    fn add(&mut self, margin: f64, doubt: f64) -> f64 {
        let tail = (-margin.abs()).exp();
        self.sum += (-margin).max(0.0);
        if doubt != 0.0 {
            self.sum += doubt * margin;
        }
        if tail < 1e-5 {
            self.sum += tail * (1.0 - tail * (0.5 - tail / 3.0));
        } else {
            self.product *= 1.0 + tail;
            if self.product > 1e200 {
                self.sum += self.product.ln();
                self.product = 1.0;
            }
        }
        let rare = tail / (1.0 + tail);
        if margin >= 0.0 { rare } else { 1.0 - rare }
    }

    fn sum(&self) -> f64 {
        self.sum + self.product.ln()
    }
}

/// The maximum-likelihood reward, of all rewards or of those in a ball.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Fit {
    pub theta: Vec<f64>,
    /// `NLL(theta)`, with the ridge term.
    pub nll: f64,
    pub ridge: f64,
    /// The largest `||theta||` allowed; infinite without a ball.
    pub bound: f64,
    /// The gradient of `NLL`, `[width]`: nearly zero; on the surface of the ball `-held theta`.
    pub gradient: Vec<f64>,
    /// `H(theta)` of the negative log-likelihood with its ridge, `[width, width]`.
    pub hessian: Vec<f64>,
    /// The multiplier of `1/2 ||theta||^2 <= 1/2 bound^2`: 0 inside the ball.
    pub held: f64,
    pub newton_steps: usize,
    /// True if the Newton decrement vanished. It does not if there is no minimum: separable data without a ridge or a
    /// ball.
    pub converged: bool,
}

impl Fit {
    /// Tells whether a theta is in the ball, to nine digits.
    pub fn in_ball(&self, theta: &[f64]) -> bool {
        dot(theta, theta) <= self.bound.powi(2) * (1.0 + 2e-9)
    }
}

/// Fits by damped Newton steps from `start`. Without preferences theta is 0.
pub fn fit(data: &Preferences, ridge: f64, start: &[f64]) -> Fit {
    fit_in_ball(data, ridge, f64::INFINITY, start)
}

/// Returns the fit among all theta with `||theta|| <= bound`.
pub fn fit_in_ball(data: &Preferences, ridge: f64, bound: f64, start: &[f64]) -> Fit {
    let origin = vec![0.0; data.width];
    tilted(data, ridge, bound, None, if data.is_empty() { &origin } else { start })
}

/// Returns the fit after more preferences. `before` is the fit of the first `known` ones, whose derivatives at its
/// theta are reused.
pub fn refit(data: &Preferences, before: &Fit, known: usize) -> Fit {
    let mut here = Point {
        theta: before.theta.clone(),
        nll: before.nll,
        total: before.nll,
        gradient: before.gradient.clone(),
        hessian: before.hessian.clone(),
    };
    here.nll += data.add_derivatives(known, &before.theta, &mut here.gradient, &mut here.hessian);
    here.total = here.nll;
    newton(data, before.ridge, before.bound, None, here)
}
