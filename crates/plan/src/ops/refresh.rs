//! `refresh`: moves a follower by its rule at the start of an iteration.

use serde::{Deserialize, Serialize};

use crate::cost::Spent;
use crate::flow::Flow;
use crate::memory::{Estimate, Model, Room};
use crate::{Stage, ValueName};

use super::follow::Update;
use super::{Info, Op, no_rows, typed};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub update: Update,
    /// Responses of each of both, of `best_so_far`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

pub(super) const INFO: Info = Info {
    version: 1,
    random: true,
    source: false,
    leaves: false,
    player: false,
    reads_responses: false,
    objective: false,
    batch: None,
    settings: typed::<Settings>,
    rows: no_rows,
    cost,
    room,
};

/// `best_so_far` samples from the leader and from the follower, on the same prompts, and scores both.
fn cost<'a>(stage: &'a Stage, flow: &Flow<'a>, times: u64) -> Spent {
    let Ok(Settings { update: Update::BestSoFar, count: Some(count) }) = stage.settings() else {
        return Spent::default();
    };
    // In a world nothing is sampled for it.
    let Some(data) = flow.from(stage, "prompts").filter(|data| data.op == Op::Data) else { return Spent::default() };
    let (rows, most) = (2 * count, flow.longest_of(stage));
    let spent = flow.generates(stage, "prompts", rows, most, times);
    Spent { scored: rows * flow.prompt(data) * times + spent.generated, ..spent }
}

fn room<'a>(estimate: &mut Estimate<'a>, stage: &'a Stage, _: &[&ValueName]) -> Room {
    let made = estimate.input(stage, "policy").map(Model::frozen);
    let count = stage.settings::<Settings>().ok().and_then(|settings| settings.count).unwrap_or(0);
    Room { made, working: estimate.sampled(stage, "policy", count, 0) }
}
