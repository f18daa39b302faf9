//! `oracle`: who labels.

use serde::Deserialize;
use serde_json::Value as Json;

use crate::memory::{Model, Room, Walk};
use crate::{Stage, ValueName};

use super::load::Compute;
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

fn room<'a>(walk: &mut Walk<'a>, stage: &'a Stage, _: &[&ValueName]) -> Room {
    if stage.config.get("by").and_then(Json::as_str) == Some("reward_model") {
        let setting = |key: &str| stage.config.get(key);
        let name = setting("model").and_then(Json::as_str).unwrap_or_default();
        let compute = setting("compute").and_then(|compute| Compute::deserialize(compute).ok());
        walk.load(name, |shape| Model::loaded(shape, compute.unwrap_or_default(), None).kept())
    } else {
        Room::default()
    }
}
