//! `worst`: the worst reward of a set, solved.

use crate::memory::{Estimate, Room};
use crate::{Stage, ValueName};

use super::{Info, free, keep, no_rows, typed};

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
    room,
};

fn room<'a>(estimate: &mut Estimate<'a>, stage: &'a Stage, _: &[&ValueName]) -> Room {
    Room::of(estimate.input(stage, "player").cloned())
}
