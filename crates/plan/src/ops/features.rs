//! `features`: frozen features of responses.

use crate::Stage;
use crate::memory::{Model, Room, Walk};

use super::{Info, free, no_rows, untyped};

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
    room,
};

fn room<'a>(walk: &mut Walk<'a>, stage: &'a Stage, _: &[&str]) -> Room {
    Room::of(walk.input(stage, "init").map(Model::frozen))
}
