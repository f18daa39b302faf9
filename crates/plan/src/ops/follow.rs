//! `follow`: a policy that starts as a copy of another and is moved by its update rule alone.

use crate::Stage;
use crate::memory::{Model, Room, Walk};

use super::{Info, free, no_rows};

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
    room,
};

fn room<'a>(walk: &mut Walk<'a>, stage: &'a Stage, _: &[&str]) -> Room {
    let made = walk.input(stage, "policy").map(Model::frozen);
    Room { made, working: walk.sampled(stage, "policy", 0) }
}
