//! `data`: the examples of a task, or the rows of files.

use super::{Info, free, no_rows, nothing, untyped};

pub(super) const INFO: Info = Info {
    version: 1,
    random: false,
    source: true,
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
