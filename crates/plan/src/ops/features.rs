//! `features`: frozen features of responses.

use serde::{Deserialize, Serialize};

use crate::memory::{Estimate, Model, Room};
use crate::{Stage, ValueName};

use super::{Info, free, no_rows, typed};

/// The layer whose hidden states are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    Last,
}

/// How the vectors of tokens become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pool {
    /// The mean over the tokens of the response.
    Mean,
    /// The last token.
    Last,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub layer: Layer,
    pub pool: Pool,
    /// The number of dimensions after a random projection.
    pub project: u64,
}

pub(super) const INFO: Info = Info {
    version: 1,
    random: true,
    source: false,
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
    Room::of(estimate.input(stage, "init").map(Model::frozen))
}
