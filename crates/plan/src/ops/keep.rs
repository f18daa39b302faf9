//! What `solve` and `worst` have in common: the rewards that a set of preferences leaves plausible.

use serde::{Deserialize, Serialize};

/// The rewards that stay plausible, by the words of the language. Alternatives without settings are empty records, so
/// that unknown settings are refused.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case", deny_unknown_fields)]
pub enum Keep {
    Ellipsoid { norm: Norm, delta: f64, scale: f64 },
    Likelihood { delta: f64, scale: f64 },
    Lagrangian { beta: f64, nll: Nll },
    Dual { slack: f64 },
    Mle {},
}

/// The shape of an ellipsoid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    Hessian,
    Covariance,
}

/// The likelihood under a multiplier: of all pairs, or their mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nll {
    Sum,
    Mean,
}

/// The settings of both operations.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub keep: Keep,
}
