//! `policy`: a player that generates, started from a model.

use serde::{Deserialize, Serialize};

use crate::memory::{Estimate, Model, Room};
use crate::{Stage, ValueName};

use super::{Info, Op, either, free, no_rows};

/// AdamW with a limit on the gradient's norm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdamW {
    /// The learning rate; of the head, in reward models.
    pub lr: f64,
    /// The learning rate of a reward model's backbone; 0 freezes it. Policies have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backbone_lr: Option<f64>,
    /// The largest norm of the whole gradient.
    pub clip: f64,
    pub beta1: f64,
    pub beta2: f64,
    pub weight_decay: f64,
    /// The number of steps over which the learning rate grows from 0.
    pub warmup: u64,
}

/// How a policy generates where an operation does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sampling {
    /// The temperature; 0 is greedy.
    pub temperature: f64,
    /// The largest number of tokens of a response.
    pub max_new: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub optimizer: AdamW,
    pub sampling: Sampling,
}

/// What a policy of a world can be, and how its step is solved. An alternative without settings is an empty record, so
/// that unknown settings are refused.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case", deny_unknown_fields)]
pub enum Class {
    Points {},
    Mixtures { tolerance: f64, steps: u64 },
    LogLinear { steps: u64, rate: f64 },
}

/// The settings in a world.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InWorld {
    pub class: Class,
}

/// Returns the longest response that a policy generates where an operation does not say it; `None` for other stages.
pub(crate) fn most_new(stage: &Stage) -> Option<u64> {
    let settings = (stage.op == Op::Policy).then(|| stage.settings::<Settings>().ok()).flatten()?;
    Some(settings.sampling.max_new)
}

pub(super) const INFO: Info = Info {
    version: 1,
    random: false,
    source: false,
    leaves: true,
    player: true,
    reads_responses: false,
    objective: false,
    batch: None,
    settings: either::<Settings, InWorld>,
    rows: no_rows,
    cost: free,
    room,
};

fn room<'a>(estimate: &mut Estimate<'a>, stage: &'a Stage, _: &[&ValueName]) -> Room {
    Room::of(estimate.input(stage, "init").cloned().map(Model::trained))
}
