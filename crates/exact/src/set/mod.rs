//! Confidence sets of a linear reward, and the worst reward in them.
//!
//! If the fit is limited to a ball, so are the sets that are built from the likelihood. An ellipsoid is not intersected
//! with it: its worst cases keep a closed form, and a larger set keeps its guarantee.
//!
//! - `radius.rs`: the theoretical radii; `regret.rs`: the regret that they allow.
//! - `level.rs`: worst cases by the multiplier of the likelihood, if there is no closed form.
//! - `bend.rs`: their derivatives in x, smoothed at `x = 0`.

mod bend;
mod level;
mod radius;
mod regret;

pub use radius::{Radius, Sizes};

use level::Level;

use crate::dot;
use crate::likelihood::{Fit, Preferences};
use crate::linalg::{Covariance, Factor};

/// The norm of an ellipsoid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    /// `Sigma = ridge I + sum z z^T`
    Covariance,
    /// `H(theta_hat)` of the negative log-likelihood.
    Hessian,
}

/// The rewards that a set keeps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Keep {
    /// `||theta - theta_hat|| <= radius` in a norm.
    Ellipsoid { norm: Norm, radius: Radius },
    /// `NLL(theta) <= NLL(theta_hat) + zeta` in the ball, with the theoretical zeta.
    Likelihood { radius: Radius },
    /// All rewards in the ball, at a price: `beta (NLL(theta) - NLL(theta_hat))` is added to their value. With `mean`,
    /// the loss (and its ridge) is divided by the number of preferences.
    Lagrangian { beta: f64, mean: bool },
    /// `NLL(theta) <= NLL(theta_hat) + slack`: the slack is given, and the multiplier is computed.
    Dual { slack: f64 },
    /// The maximum-likelihood reward alone.
    Mle,
}

/// The worst reward for a feature difference x.
#[derive(Clone, Debug, PartialEq)]
pub struct Worst {
    pub theta: Vec<f64>,
    /// The minimum: `<theta, x>`, for a Lagrangian with the price. Concave in x, with gradient `theta`. Minus infinity
    /// if theta is unlimited (`theta` is then the fit).
    pub value: f64,
    /// The product `<theta, x>`.
    pub reward: f64,
    /// The multiplier of the likelihood (of half the squared norm for ellipsoids); infinite if theta is the fit.
    pub beta: f64,
    /// The multiplier of `1/2 ||theta||^2`: above 0 on the surface of the ball.
    pub held: f64,
}

impl Worst {
    fn unbounded(theta: &[f64]) -> Self {
        Self { theta: theta.to_vec(), value: f64::NEG_INFINITY, reward: f64::NEG_INFINITY, beta: 0.0, held: 0.0 }
    }
}

/// A confidence set around a fit.
#[derive(Clone, Debug)]
pub struct Set<'a> {
    pub keep: Keep,
    pub fit: &'a Fit,
    data: &'a Preferences,
    /// The norm of the ellipsoid, or of the Hessian.
    norm: Covariance,
    size: f64,
}

impl<'a> Set<'a> {
    /// Makes a set. `difference` is a bound on the norm of feature differences (L; `World::difference_bound`).
    pub fn new(keep: Keep, data: &'a Preferences, fit: &'a Fit, covariance: &Covariance, difference: f64) -> Self {
        let sizes = Sizes { width: data.width, pairs: data.len(), difference };
        let hessian = || Covariance::of_factor(Factor::nudged(&fit.hessian, data.width));
        let (norm, size) = match keep {
            Keep::Ellipsoid { norm: Norm::Covariance, radius } => {
                (covariance.clone(), radius.covariance(sizes, covariance.ridge()))
            }
            Keep::Ellipsoid { norm: Norm::Hessian, radius } => (hessian(), radius.hessian(sizes, fit.ridge)),
            Keep::Likelihood { radius } => (hessian(), radius.likelihood(sizes, fit.ridge)),
            Keep::Dual { slack } => (hessian(), slack.max(0.0)),
            Keep::Lagrangian { beta, mean } => (hessian(), if mean { beta / sizes.pairs.max(1) as f64 } else { beta }),
            Keep::Mle => (hessian(), 0.0),
        };
        Self { keep, fit, data, norm, size }
    }

    /// Returns the radius of an ellipsoid, the slack of a likelihood set, or the multiplier of the summed loss.
    pub fn size(&self) -> f64 {
        self.size
    }

    /// Tells whether worst cases have a closed form.
    pub fn is_closed(&self) -> bool {
        matches!(self.keep, Keep::Ellipsoid { .. } | Keep::Mle)
    }

    /// Returns the price of a member: `<theta, x>` plus this price bounds the worst value of any x from above. Returns
    /// `None` if theta is not a member.
    pub fn member(&self, theta: &[f64]) -> Option<f64> {
        match self.keep {
            Keep::Lagrangian { .. } if self.fit.in_ball(theta) => {
                Some(self.size * (self.data.nll(theta, self.fit.ridge) - self.fit.nll))
            }
            _ => self.contains(theta).then_some(0.0),
        }
    }

    /// Tells whether theta is a member. Every theta of the ball is a member for a Lagrangian.
    pub fn contains(&self, theta: &[f64]) -> bool {
        match self.keep {
            Keep::Ellipsoid { .. } => self.norm.norm_sq(&crate::minus(theta, &self.fit.theta)) <= self.size.powi(2),
            Keep::Likelihood { .. } | Keep::Dual { .. } => {
                self.fit.in_ball(theta) && self.data.nll(theta, self.fit.ridge) - self.fit.nll <= self.size
            }
            Keep::Lagrangian { .. } => self.fit.in_ball(theta),
            Keep::Mle => theta == self.fit.theta,
        }
    }

    /// Returns the minimum over the set of `<theta, x>`.
    pub fn worst(&self, x: &[f64]) -> Worst {
        let norm_sq = self.norm.inverse_norm_sq(x);
        let level = Level { data: self.data, fit: self.fit };
        if norm_sq == 0.0 || (self.size == 0.0 && !matches!(self.keep, Keep::Lagrangian { .. })) {
            return self.point(x);
        }
        match self.keep {
            Keep::Ellipsoid { .. } => self.second_order(x, norm_sq, self.size / norm_sq.sqrt()),
            Keep::Likelihood { .. } | Keep::Dual { .. } => level.bounded(x, self.size, norm_sq),
            Keep::Lagrangian { .. } => level.penalised(x, self.size),
            Keep::Mle => self.point(x),
        }
    }

    fn point(&self, x: &[f64]) -> Worst {
        let value = dot(&self.fit.theta, x);
        Worst { theta: self.fit.theta.clone(), value, reward: value, beta: f64::INFINITY, held: 0.0 }
    }

    /// Returns `theta_hat - eta N^{-1} x`.
    fn second_order(&self, x: &[f64], norm_sq: f64, eta: f64) -> Worst {
        let step = self.norm.solve(x);
        let theta = self.fit.theta.iter().zip(&step).map(|(theta, step)| theta - eta * step).collect();
        let value = dot(&self.fit.theta, x) - eta * norm_sq;
        Worst { theta, value, reward: value, beta: 1.0 / eta, held: 0.0 }
    }

    /// Computes the minimum for each of `rows - minus` (`[len, width]`). Slow if there is no closed form.
    pub fn lower_bounds(&self, rows: &[f64], minus: &[f64], out: &mut Vec<f64>) {
        if self.is_closed() {
            return self.estimates(rows, minus, out);
        }
        out.clear();
        out.extend(rows.chunks_exact(minus.len().max(1)).map(|row| self.worst(&crate::minus(row, minus)).value));
    }

    /// Computes `lower_bounds` with the likelihood to second order around the fit: exact if there is a closed form,
    /// else neither an upper nor a lower bound.
    pub fn estimates(&self, rows: &[f64], minus: &[f64], out: &mut Vec<f64>) {
        self.norm.inverse_norms_sq(rows, minus, out);
        let base = dot(&self.fit.theta, minus);
        for (out, row) in out.iter_mut().zip(rows.chunks_exact(minus.len().max(1))) {
            *out = dot(&self.fit.theta, row) - base - self.penalty(*out);
        }
    }

    /// Returns the distance of the worst value below the fit's value, to second order.
    fn penalty(&self, norm_sq: f64) -> f64 {
        match self.keep {
            Keep::Ellipsoid { .. } => self.size * norm_sq.sqrt(),
            Keep::Likelihood { .. } | Keep::Dual { .. } => (2.0 * self.size * norm_sq).sqrt(),
            Keep::Lagrangian { .. } => norm_sq / (2.0 * self.size),
            Keep::Mle => 0.0,
        }
    }

    /// Returns a member close to the worst one for x, at the cost of a few losses, with its price as `member` returns
    /// it. A theta beyond the ball is moved onto it.
    pub fn near_worst(&self, x: &[f64]) -> Option<(Vec<f64>, f64)> {
        let norm_sq = self.norm.inverse_norm_sq(x);
        let eta = match self.keep {
            Keep::Lagrangian { .. } => 1.0 / self.size,
            _ => (2.0 * self.size / norm_sq).sqrt(),
        };
        let members = [1.0, 0.9, 0.75, 0.5].into_iter().filter_map(|share| {
            let mut theta = self.second_order(x, norm_sq, share * eta).theta;
            let length = dot(&theta, &theta).sqrt();
            if length > self.fit.bound {
                theta.iter_mut().for_each(|theta| *theta *= self.fit.bound / length);
            }
            self.member(&theta).filter(|extra| extra.is_finite()).map(|extra| (theta, extra))
        });
        members.take(1).next()
    }
}
