//! `solve`: a step of the game in a world: the best policy against the worst reward.

use super::{Info, free, keep, no_rows, nothing, typed};

pub(super) const INFO: Info = Info {
    version: 1,
    random: false,
    source: false,
    leaves: true,
    player: false,
    reads_responses: false,
    objective: false,
    batch: None,
    settings: typed::<keep::Settings>,
    rows: no_rows,
    cost: free,
    room: nothing,
};
