//! `world`: a world of the exact track.

use super::{Info, free, no_rows, nothing, untyped};

pub(super) const INFO: Info = Info {
    version: 1,
    random: true,
    source: false,
    leaves: false,
    player: false,
    reads_responses: false,
    objective: false,
    batch: None,
    settings: untyped,
    rows: no_rows,
    cost: free,
    room: nothing,
};
