//! `distance`: how far two reward models are apart.

use super::{Info, free, no_rows, nothing, unset};

pub(super) const INFO: Info = Info {
    version: 1,
    random: false,
    source: false,
    leaves: true,
    player: false,
    reads_responses: false,
    objective: false,
    batch: None,
    settings: unset,
    rows: no_rows,
    cost: free,
    room: nothing,
};
