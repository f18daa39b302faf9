//! `draw`: a minibatch of a set of pairs.

use crate::Stage;
use crate::flow::{Flow, int};

use super::{Info, free, nothing};

pub(super) const INFO: Info = Info {
    version: 1,
    random: true,
    source: false,
    leaves: false,
    player: false,
    reads_responses: false,
    objective: false,
    batch: Some("count"),
    rows,
    cost: free,
    room: nothing,
};

fn rows(stage: &Stage, _: &Flow<'_>) -> u64 {
    int(stage, "count")
}
