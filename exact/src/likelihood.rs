//! Preferences and their maximum-likelihood reward.
//!
//! `NLL(theta) = sum_i softplus(-<theta, toward_i>) + ridge / 2 ||theta||^2` (Bradley-Terry, a sum over the pairs).

use crate::dot;
use crate::linalg::Factor;

/// Labelled differences: `z = phi(tau^1) - phi(tau^0)`, and whether tau^1 was preferred.
#[derive(Clone, Debug, Default)]
pub struct Preferences {
    pub width: usize,
    /// `[len, width]`, each turned so that it points from the rejected to the chosen side.
    pub toward: Vec<f64>,
}

impl Preferences {
    pub fn new(width: usize) -> Self {
        Self { width, toward: Vec::new() }
    }

    /// `chosen` and `rejected` are phi(tau).
    pub fn push(&mut self, chosen: &[f64], rejected: &[f64]) {
        self.toward.extend(chosen.iter().zip(rejected).map(|(a, b)| a - b));
    }

    pub fn len(&self) -> usize {
        self.toward.len().checked_div(self.width).unwrap_or(0)
    }

    pub fn is_empty(&self) -> bool {
        self.toward.is_empty()
    }

    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.toward.chunks_exact(self.width.max(1))
    }

    /// `NLL(theta)`, in O(n d).
    pub fn nll(&self, theta: &[f64], ridge: f64) -> f64 {
        let mut losses = Losses::default();
        self.rows().for_each(|z| _ = losses.add(dot(theta, z)));
        losses.sum() + 0.5 * ridge * dot(theta, theta)
    }

    /// `NLL(theta)`, its gradient `[width]` and its Hessian `[width, width]`, in O(n d^2) and without allocation.
    pub fn derivatives(&self, theta: &[f64], ridge: f64, gradient: &mut [f64], hessian: &mut [f64]) -> f64 {
        gradient.iter_mut().zip(theta).for_each(|(g, theta)| *g = ridge * theta);
        hessian.fill(0.0);
        let loss = self.add_derivatives(0, theta, gradient, hessian);
        (0..self.width).for_each(|i| hessian[i * self.width + i] += ridge);
        loss + 0.5 * ridge * dot(theta, theta)
    }

    /// Adds what the preferences behind the first `from` give to gradient and Hessian; their loss.
    fn add_derivatives(&self, from: usize, theta: &[f64], gradient: &mut [f64], hessian: &mut [f64]) -> f64 {
        let mut losses = Losses::default();
        for z in self.rows().skip(from) {
            let wrong = losses.add(dot(theta, z));
            gradient.iter_mut().zip(z).for_each(|(g, z)| *g -= wrong * z);
            let weight = wrong * (1.0 - wrong);
            for (row, z_i) in hessian.chunks_exact_mut(self.width).zip(z) {
                let scaled = weight * z_i;
                row.iter_mut().zip(z).for_each(|(h, z_j)| *h += scaled * z_j);
            }
        }
        losses.sum()
    }

    /// The Hessian alone.
    pub fn hessian(&self, theta: &[f64], ridge: f64) -> Vec<f64> {
        let (mut gradient, mut hessian) = (vec![0.0; self.width], vec![0.0; self.width * self.width]);
        self.derivatives(theta, ridge, &mut gradient, &mut hessian);
        hessian
    }
}

/// A sum of `softplus(-m)` over margins. Logarithms are the slow part of it, so many factors share one.
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
    /// Adds a margin; gives `sigma(-m)`, the chance of the other label. Nothing overflows, and small losses keep
    /// their digits.
    fn add(&mut self, margin: f64) -> f64 {
        let tail = (-margin.abs()).exp();
        self.sum += (-margin).max(0.0);
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

/// The maximum-likelihood reward.
#[derive(Clone, Debug)]
pub struct Fit {
    pub theta: Vec<f64>,
    /// `NLL(theta)`, with the ridge term.
    pub nll: f64,
    pub ridge: f64,
    /// Of `NLL`, `[width]`: nearly nothing.
    pub gradient: Vec<f64>,
    /// `H(theta)` of the negative log-likelihood with its ridge, `[width, width]`.
    pub hessian: Vec<f64>,
    pub newton_steps: usize,
    /// The Newton decrement vanished. Not so where there is no minimum: without a ridge, in separable data.
    pub converged: bool,
}

/// Damped Newton steps from `start`. Without preferences theta is 0.
pub fn fit(data: &Preferences, ridge: f64, start: &[f64]) -> Fit {
    if data.is_empty() { tilted(data, ridge, None, &vec![0.0; data.width]) } else { tilted(data, ridge, None, start) }
}

/// The fit after more preferences: `before` is that of the first `known`, whose derivatives at its theta are known.
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
    newton(data, before.ridge, None, here)
}

/// Most Newton steps: only a problem without a minimum takes them all.
const MOST_STEPS: usize = 200;
/// The squared Newton decrement (twice the loss that is left) at which a minimum counts as reached.
const REACHED: f64 = 1e-18;
/// Entries of theta beyond this mean that there is no minimum, where no ridge holds them.
const ESCAPED: f64 = 1e8;

/// Minimises `NLL(theta) + <theta, tilt>`; the `nll` of the answer is without the tilt.
///
/// Each step is halved until it keeps a tenth of a thousandth of what the gradient promises (Armijo). Derivatives
/// are taken at the trial point at once, as the whole step nearly always holds.
pub(crate) fn tilted(data: &Preferences, ridge: f64, tilt: Option<&[f64]>, start: &[f64]) -> Fit {
    newton(data, ridge, tilt, Point::at(data, ridge, tilt, start))
}

fn newton(data: &Preferences, ridge: f64, tilt: Option<&[f64]>, mut here: Point) -> Fit {
    let mut trial = here.clone();
    let (mut steps, mut converged) = (0, false);
    let mut step = vec![0.0; data.width];
    while steps < MOST_STEPS {
        step.copy_from_slice(&here.gradient);
        Factor::nudged(&here.hessian, data.width).solve(&mut step);
        let decrement = dot(&step, &here.gradient);
        if decrement <= REACHED {
            converged = true;
            break;
        }
        let rounding = 1e-13 * (1.0 + here.nll.abs() + (here.total - here.nll).abs());
        let mut size = 1.0;
        loop {
            trial.theta.iter_mut().zip(here.theta.iter().zip(&step)).for_each(|(t, (x, s))| *t = x - size * s);
            trial.refresh(data, ridge, tilt);
            if trial.total <= here.total - 1e-4 * size * decrement + rounding || size < 1e-12 {
                break;
            }
            size *= 0.5;
        }
        std::mem::swap(&mut here, &mut trial);
        steps += 1;
        if ridge == 0.0 && here.theta.iter().any(|x| x.abs() > ESCAPED || x.is_nan()) {
            break;
        }
    }
    if let Some(tilt) = tilt {
        here.gradient.iter_mut().zip(tilt).for_each(|(g, t)| *g -= t);
    }
    let Point { theta, nll, gradient, hessian, .. } = here;
    Fit { theta, nll, ridge, gradient, hessian, newton_steps: steps, converged }
}

/// A theta and what Newton's method needs to know there.
#[derive(Clone)]
struct Point {
    theta: Vec<f64>,
    nll: f64,
    /// With the tilt.
    total: f64,
    /// Of the total.
    gradient: Vec<f64>,
    hessian: Vec<f64>,
}

impl Point {
    fn at(data: &Preferences, ridge: f64, tilt: Option<&[f64]>, theta: &[f64]) -> Self {
        let (gradient, hessian) = (vec![0.0; data.width], vec![0.0; data.width * data.width]);
        let mut point = Self { theta: theta.to_vec(), nll: 0.0, total: 0.0, gradient, hessian };
        point.refresh(data, ridge, tilt);
        point
    }

    fn refresh(&mut self, data: &Preferences, ridge: f64, tilt: Option<&[f64]>) {
        self.nll = data.derivatives(&self.theta, ridge, &mut self.gradient, &mut self.hessian);
        self.total = self.nll;
        if let Some(tilt) = tilt {
            self.total += dot(&self.theta, tilt);
            self.gradient.iter_mut().zip(tilt).for_each(|(g, t)| *g += t);
        }
    }
}
