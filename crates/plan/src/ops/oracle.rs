//! `oracle`: who labels.

use serde_json::Value as Json;

use crate::Stage;
use crate::memory::{Room, Walk};

use super::{Info, free, no_rows, untyped};

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
    room,
};

fn room<'a>(walk: &mut Walk<'a>, stage: &'a Stage, _: &[&str]) -> Room {
    if stage.config.get("by").and_then(Json::as_str) == Some("reward_model") {
        walk.load(stage)
    } else {
        Room::default()
    }
}
