//! `append`: a set of pairs with a batch more.

use crate::Stage;
use crate::flow::Flow;

use super::{Info, free, nothing, unset};

pub(super) const INFO: Info = Info {
    version: 1,
    random: false,
    source: false,
    leaves: false,
    player: false,
    reads_responses: false,
    objective: false,
    batch: None,
    settings: unset,
    rows,
    cost: free,
    room: nothing,
};

fn rows(stage: &Stage, flow: &Flow<'_>) -> u64 {
    flow.from(stage, "batch").map_or(0, |batch| flow.rows(batch))
}
