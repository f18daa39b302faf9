//! `exploration`: the memory of what has been compared.

use serde::{Deserialize, Serialize};

use crate::memory::{Estimate, Room};
use crate::{Stage, ValueName};

use super::{Info, either, free, no_rows};

/// What is sought, in the norm of the inverse covariance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bonus {
    /// The mean over the batch of the squared norm of the difference.
    ExpectedSquare,
    /// The norm of the mean difference.
    MeanNorm,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub bonus: Bonus,
    /// The prior precision of the covariance.
    pub ridge: f64,
    /// The number of responses to choose from, for each row.
    pub candidates: u64,
}

/// The blocks of a covariance in a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Covariance {
    /// One for all parameters.
    Joint,
    /// One for each step.
    PerStep,
}

/// How an informative policy is found in a world. Alternatives without settings are empty records, so that unknown
/// settings are refused.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case", deny_unknown_fields)]
pub enum Search {
    Exact { restarts: u64 },
    Uniform {},
    OnPolicy {},
    EpsilonGreedy { epsilon: f64 },
    Thompson { scale: f64 },
    MaxPair {},
    None {},
}

/// The settings in a world.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InWorld {
    pub bonus: Bonus,
    pub ridge: f64,
    pub covariance: Covariance,
    pub search: Search,
}

pub(super) const INFO: Info = Info {
    version: 1,
    random: false,
    source: false,
    leaves: false,
    player: false,
    reads_responses: false,
    objective: false,
    batch: None,
    settings: either::<Settings, InWorld>,
    rows: no_rows,
    cost: free,
    room,
};

fn room<'a>(estimate: &mut Estimate<'a>, stage: &'a Stage, _: &[&ValueName]) -> Room {
    Room::of(estimate.input(stage, "features").cloned())
}
