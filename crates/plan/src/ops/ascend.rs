//! `ascend`: a step of a player up its objective.

use super::{Info, no_rows, step, unset};

pub(super) const INFO: Info = Info {
    version: 1,
    random: false,
    source: false,
    leaves: true,
    player: false,
    reads_responses: false,
    objective: true,
    batch: None,
    settings: unset,
    rows: no_rows,
    cost: step::cost,
    room: step::room,
};
