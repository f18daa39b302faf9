//! `forward`: a forward that a pass took out of steps; its room is counted where it is read.

use super::{Info, free, no_rows, nothing};

pub(super) const INFO: Info = Info {
    version: 1,
    random: false,
    source: false,
    leaves: false,
    player: false,
    reads_responses: false,
    objective: false,
    batch: None,
    rows: no_rows,
    cost: free,
    room: nothing,
};
