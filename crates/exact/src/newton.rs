//! Damped Newton steps to the minimum of `NLL(theta) + <theta, tilt>` in a ball `||theta|| <= bound`.
//!
//! A step goes to the minimum of the second-order model in the ball. If the model's minimum is inside, that is the
//! usual Newton step; else the multiplier of the ball is found as trust-region methods do (Moré and Sorensen 1983).

use crate::dot;
use crate::likelihood::{Fit, Preferences};
use crate::linalg::Factor;

/// The largest number of Newton steps; only a problem without a minimum takes them all.
const MOST_STEPS: usize = 200;
/// The squared Newton decrement (twice the remaining loss) at which a minimum counts as reached.
const REACHED: f64 = 1e-18;
/// Entries of theta beyond this mean that there is no minimum, if neither ridge nor ball limits them.
const ESCAPED: f64 = 1e8;
/// The largest number of trials of the ball's multiplier; four or five are usual.
const MOST_MULTIPLIERS: usize = 60;

/// Minimises `NLL(theta) + <theta, tilt>` in the ball; the result's `nll` is without the tilt.
pub(crate) fn tilted(data: &Preferences, ridge: f64, bound: f64, tilt: Option<&[f64]>, start: &[f64]) -> Fit {
    let length = dot(start, start).sqrt();
    let within: Vec<f64>;
    let start = if length > bound {
        within = start.iter().map(|theta| theta * bound / length).collect();
        &within
    } else {
        start
    };
    newton(data, ridge, bound, tilt, Point::at(data, ridge, tilt, start))
}

/// Minimises by Newton steps. Each step is halved until it keeps a ten-thousandth of the decrease that the gradient
/// promises (Armijo). Derivatives are computed at the trial point at once, because the whole step is nearly always
/// accepted.
pub(crate) fn newton(data: &Preferences, ridge: f64, bound: f64, tilt: Option<&[f64]>, mut here: Point) -> Fit {
    let mut trial = here.clone();
    let (mut steps, mut converged, mut held) = (0, false, 0.0);
    while steps < MOST_STEPS {
        let step = Step::to_least_model(&here, bound);
        held = step.held;
        if step.decrement <= REACHED {
            converged = true;
            break;
        }
        let promised = dot(&step.back, &here.gradient);
        let rounding = 1e-13 * (1.0 + here.nll.abs() + (here.total - here.nll).abs());
        let mut size = 1.0;
        loop {
            trial.theta.iter_mut().zip(here.theta.iter().zip(&step.back)).for_each(|(t, (x, s))| *t = x - size * s);
            trial.refresh(data, ridge, tilt);
            if trial.total <= here.total - 1e-4 * size * promised + rounding || size < 1e-12 {
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
    Fit { theta, nll, ridge, bound, gradient, hessian, held, newton_steps: steps, converged }
}

/// A step of Newton's method in the ball.
struct Step {
    /// The vector that is subtracted from theta.
    back: Vec<f64>,
    /// The multiplier of the ball.
    held: f64,
    /// The squared length of the step in `H + held I`.
    decrement: f64,
}

impl Step {
    fn to_least_model(here: &Point, bound: f64) -> Self {
        let width = here.theta.len();
        let factor = Factor::nudged(&here.hessian, width);
        let mut back = here.gradient.clone();
        factor.solve(&mut back);
        let decrement = dot(&back, &here.gradient);
        let to = crate::minus(&here.theta, &back);
        if dot(&to, &to) <= bound * bound {
            return Self { back, held: 0.0, decrement };
        }
        Self { back, held: 0.0, decrement }.drawn_in(here, bound, factor, to)
    }

    /// Returns the model's minimum on the surface, from its minimum `to` outside: Newton's method on
    /// `1 / ||to|| - 1 / bound`, which is concave in the multiplier, so that from 0 on it rises to the root and never
    /// passes it.
    fn drawn_in(mut self, here: &Point, bound: f64, mut factor: Factor, mut to: Vec<f64>) -> Self {
        let width = here.theta.len();
        for _ in 0..MOST_MULTIPLIERS {
            let length = dot(&to, &to).sqrt();
            let more = length.powi(2) / factor.inverse_norm_sq(&to) * (length - bound) / bound;
            let held = self.held + more;
            if length <= bound * (1.0 + 1e-15) || held <= self.held || held.is_nan() {
                break;
            }
            self.held = held;
            factor = Factor::nudged(&plus_diagonal(&here.hessian, width, self.held), width);
            let pull: Vec<f64> =
                here.gradient.iter().zip(&here.theta).map(|(g, theta)| g + self.held * theta).collect();
            self.back.copy_from_slice(&pull);
            factor.solve(&mut self.back);
            self.decrement = dot(&self.back, &pull);
            to = crate::minus(&here.theta, &self.back);
        }
        self
    }
}

/// Returns `A + value I`.
pub(crate) fn plus_diagonal(matrix: &[f64], width: usize, value: f64) -> Vec<f64> {
    let mut sum = matrix.to_vec();
    (0..width).for_each(|i| sum[i * width + i] += value);
    sum
}

/// A theta with its value and derivatives.
#[derive(Clone)]
pub(crate) struct Point {
    pub theta: Vec<f64>,
    pub nll: f64,
    /// The loss with the tilt.
    pub total: f64,
    /// The gradient of the total.
    pub gradient: Vec<f64>,
    pub hessian: Vec<f64>,
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
