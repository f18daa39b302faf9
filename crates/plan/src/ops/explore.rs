//! `explore`: responses that an exploration chooses among candidates.

use serde::{Deserialize, Serialize};

use crate::cost::Spent;
use crate::flow::Flow;
use crate::memory::{Estimate, Room};
use crate::{Stage, ValueName};

use super::{Info, Op, either, sample};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Responses to choose from, for each row.
    pub candidates: u64,
    pub temperature: f64,
    /// Most tokens of a response.
    pub max_new: u64,
}

/// The settings in a world: none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InWorld {}

pub(super) const INFO: Info = Info {
    version: 1,
    random: true,
    source: false,
    leaves: false,
    player: false,
    reads_responses: false,
    objective: false,
    batch: None,
    settings: either::<Settings, InWorld>,
    rows,
    cost,
    room,
};

fn rows(stage: &Stage, flow: &Flow<'_>) -> u64 {
    flow.from(stage, "against").map_or(0, |against| flow.rows(against))
}

fn cost<'a>(stage: &'a Stage, flow: &Flow<'a>, times: u64) -> Spent {
    // Trajectories of a world are no tokens.
    let Ok(Settings { candidates, max_new, .. }) = stage.settings() else { return Spent::default() };
    let against = flow.from(stage, "against");
    let rows = against.filter(|against| against.op == Op::Sample).map_or(0, sample::count);
    let candidates = candidates.max(1);
    let data = against.and_then(|against| flow.from(against, "prompts"));
    let (prompt, new) = data.map_or((0, 0), |data| (flow.prompt(data), flow.response(data).min(max_new)));
    Spent {
        generated: rows * candidates * new * times,
        generated_most: rows * candidates * max_new * times,
        // Features of every candidate, and of what they are compared with.
        scored: rows * (candidates + 1) * (prompt + new) * times,
        ..Spent::default()
    }
}

/// The exploration with its new covariance, which stands after the rollouts.
fn room<'a>(estimate: &mut Estimate<'a>, stage: &'a Stage, _: &[&ValueName]) -> Room {
    let made = estimate.input(stage, "exploration").cloned();
    let (candidates, max_new) =
        stage.settings::<Settings>().map_or((1, 0), |settings| (settings.candidates.max(1), settings.max_new));
    let rows = estimate.flow.rows(stage) * candidates;
    Room { made, working: estimate.sampled(stage, "from", rows, max_new) }
}
