//! `evaluate`: a policy measured on prompts that it was not trained on.

use crate::Stage;
use crate::cost::Spent;
use crate::flow::{Flow, int};
use crate::memory::{Room, Walk};

use super::{Info, no_rows};

pub(super) const INFO: Info = Info {
    version: 1,
    random: true,
    source: false,
    leaves: true,
    player: false,
    reads_responses: false,
    objective: false,
    batch: None,
    rows: no_rows,
    cost,
    room,
};

/// Every so many iterations, and in the last one.
fn cost<'a>(stage: &'a Stage, flow: &Flow<'a>, times: u64) -> Spent {
    let due = times.div_ceil(int(stage, "every").max(1)).max(1);
    flow.generates(stage, "data", flow.evaluated(stage), flow.sampling(stage, "max_new"), due)
}

fn room<'a>(walk: &mut Walk<'a>, stage: &'a Stage, _: &[&str]) -> Room {
    let rows = match walk.flow.evaluated(stage) {
        0 => walk.sizes.asked,
        count => count.min(walk.sizes.asked),
    };
    Room::while_working(walk.sampled(stage, "policy", rows))
}
