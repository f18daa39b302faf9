//! `reward_model`: a player that scores responses.

use crate::Stage;
use crate::memory::{Model, Room, Walk};

use super::{Info, free, no_rows, untyped};

pub(super) const INFO: Info = Info {
    version: 1,
    random: true,
    source: false,
    leaves: false,
    player: true,
    reads_responses: false,
    objective: false,
    batch: None,
    settings: untyped,
    rows: no_rows,
    cost: free,
    room,
};

fn room<'a>(walk: &mut Walk<'a>, stage: &'a Stage, _: &[&str]) -> Room {
    let Some(init) = walk.input(stage, "init") else { return Room::default() };
    let rate = stage.config.get("optimizer").and_then(|optimizer| optimizer.get("backbone_lr")?.as_f64());
    let model = if rate == Some(0.0) { init.frozen() } else { init.clone().trained() };
    Room::of(Some(Model::scoring(model)))
}
