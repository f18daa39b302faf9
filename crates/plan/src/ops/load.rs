//! `load`: a model from a Hugging Face directory or cache.

use serde::{Deserialize, Serialize};

use crate::memory::{Estimate, Model, Room};
use crate::{Stage, ValueName};

use super::{Info, free, no_rows, typed};

/// The numbers in which a model is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compute {
    #[default]
    F32,
    Bf16,
}

/// Low-rank adapters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lora {
    pub rank: u64,
    /// The scaling of the adapter's contribution: `alpha / rank`.
    pub alpha: f64,
    /// Names of the matrices that get one.
    pub targets: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The checkpoint: a directory, or `ORG/NAME` in the cache.
    pub model: String,
    /// Fresh adapters; none where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lora: Option<Lora>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute: Option<Compute>,
}

pub(super) const INFO: Info = Info {
    version: 1,
    random: true,
    source: true,
    leaves: false,
    player: false,
    reads_responses: false,
    objective: false,
    batch: None,
    settings: typed::<Settings>,
    rows: no_rows,
    cost: free,
    room,
};

fn room<'a>(estimate: &mut Estimate<'a>, stage: &'a Stage, _: &[&ValueName]) -> Room {
    let Ok(Settings { model, lora, compute }) = stage.settings() else { return Room::default() };
    estimate.load(&model, |shape| Model::loaded(shape, compute.unwrap_or_default(), lora.as_ref()))
}
