//! `pairs`: the labelled pairs that a file holds.

use crate::Stage;
use crate::flow::Flow;

use super::{Info, data, free, nothing, unset};

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
    flow.from(stage, "data").and_then(data::settings).and_then(|data| data.count()).unwrap_or(0)
}
