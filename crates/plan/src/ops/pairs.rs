//! `pairs`: the labelled pairs that a file holds.

use crate::Stage;
use crate::flow::{Flow, int};

use super::{Info, free, nothing, unset};

pub(super) const INFO: Info = Info {
    version: 1,
    random: false,
    source: false,
    leaves: false,
    player: false,
    reads_responses: true,
    objective: false,
    batch: None,
    settings: unset,
    rows,
    cost: free,
    room: nothing,
};

fn rows(stage: &Stage, flow: &Flow<'_>) -> u64 {
    flow.from(stage, "data").map_or(0, |data| int(data, "count"))
}
