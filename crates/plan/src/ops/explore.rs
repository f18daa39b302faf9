//! `explore`: responses that an exploration chooses among candidates.

use crate::Stage;
use crate::cost::Spent;
use crate::flow::{Flow, int};
use crate::memory::{Room, Walk};

use super::Info;

pub(super) const INFO: Info = Info {
    version: 1,
    random: true,
    source: false,
    leaves: false,
    player: false,
    reads_responses: false,
    objective: false,
    batch: None,
    rows,
    cost,
    room,
};

fn rows(stage: &Stage, flow: &Flow<'_>) -> u64 {
    flow.from(stage, "against").map_or(0, |against| flow.rows(against))
}

fn cost<'a>(stage: &'a Stage, flow: &Flow<'a>, times: u64) -> Spent {
    let against = flow.from(stage, "against");
    let rows = against.map_or(0, |against| int(against, "count"));
    let candidates = int(stage, "candidates").max(1);
    let data = against.and_then(|against| flow.from(against, "prompts"));
    let (prompt, new) = data.map_or((0, 0), |data| (flow.prompt(data), flow.response(data).min(int(stage, "max_new"))));
    Spent {
        generated: rows * candidates * new * times,
        generated_most: rows * candidates * int(stage, "max_new") * times,
        // Features of every candidate, and of what they are compared with.
        scored: rows * (candidates + 1) * (prompt + new) * times,
        ..Spent::default()
    }
}

/// The exploration with its new covariance, which stands after the rollouts.
fn room<'a>(walk: &mut Walk<'a>, stage: &'a Stage, _: &[&str]) -> Room {
    let made = walk.input(stage, "exploration").cloned();
    let rows = walk.flow.rows(stage) * int(stage, "candidates").max(1);
    Room { made, working: walk.sampled(stage, "from", rows) }
}
