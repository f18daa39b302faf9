//! `evaluate`: a policy measured on prompts that it was not trained on.

use serde::{Deserialize, Serialize};

use crate::cost::Spent;
use crate::flow::Flow;
use crate::memory::{Estimate, Room};
use crate::{Stage, ValueName};

use super::{Info, no_rows, typed};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Share of responses with full score.
    Accuracy,
    /// Mean score.
    Score,
    /// Mean length in tokens.
    Length,
}

impl Metric {
    /// The word in plans and figures.
    pub const fn word(self) -> &'static str {
        match self {
            Metric::Accuracy => "accuracy",
            Metric::Score => "score",
            Metric::Length => "length",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Iterations from one measurement to the next.
    pub every: u64,
    /// The report's name in the pipeline.
    pub label: String,
    pub metrics: Vec<Metric>,
    /// Measured in front of the loop that measures it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub before: bool,
    /// Prompts measured, the first ones of the data; all where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

pub(super) const INFO: Info = Info {
    version: 1,
    random: true,
    source: false,
    leaves: true,
    player: false,
    reads_responses: false,
    objective: false,
    batch: None,
    settings: typed::<Settings>,
    rows: no_rows,
    cost,
    room,
};

/// Every so many iterations, and in the last one.
fn cost<'a>(stage: &'a Stage, flow: &Flow<'a>, times: u64) -> Spent {
    let every = stage.settings::<Settings>().map_or(1, |settings| settings.every);
    let due = times.div_ceil(every.max(1)).max(1);
    flow.generates(stage, "data", flow.evaluated(stage), flow.longest_of(stage), due)
}

fn room<'a>(estimate: &mut Estimate<'a>, stage: &'a Stage, _: &[&ValueName]) -> Room {
    let rows = match estimate.flow.evaluated(stage) {
        0 => estimate.sizes.asked,
        count => count.min(estimate.sizes.asked),
    };
    Room::while_working(estimate.sampled(stage, "policy", rows, 0))
}
