//! `refresh`: moves a follower by its rule at the start of an iteration.

use serde_json::Value as Json;

use crate::Stage;
use crate::cost::Spent;
use crate::flow::{Flow, int};
use crate::memory::{Model, Room, Walk};

use super::{Info, Op, no_rows};

pub(super) const INFO: Info = Info {
    version: 1,
    random: true,
    source: false,
    leaves: false,
    player: false,
    reads_responses: false,
    objective: false,
    batch: None,
    rows: no_rows,
    cost,
    room,
};

/// `best_so_far` samples from the leader and from the follower, on the same prompts, and scores both.
fn cost<'a>(stage: &'a Stage, flow: &Flow<'a>, times: u64) -> Spent {
    if stage.config.get("update").and_then(Json::as_str) != Some("best_so_far") {
        return Spent::default();
    }
    // In a world nothing is sampled for it.
    let Some(data) = flow.from(stage, "prompts").filter(|data| data.op == Op::Data) else { return Spent::default() };
    let (rows, most) = (2 * int(stage, "count"), flow.sampling(stage, "max_new"));
    let spent = flow.generates(stage, "prompts", rows, most, times);
    Spent { scored: rows * flow.prompt(data) * times + spent.generated, ..spent }
}

fn room<'a>(walk: &mut Walk<'a>, stage: &'a Stage, _: &[&str]) -> Room {
    let made = walk.input(stage, "policy").map(Model::frozen);
    Room { made, working: walk.sampled(stage, "policy", int(stage, "count")) }
}
