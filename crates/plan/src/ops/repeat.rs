//! `repeat`: a loop; its cost and its room are those of its body.

use serde::{Deserialize, Serialize};

use crate::Stage;

use super::{Info, free, no_rows, nothing, typed};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Iterations.
    pub count: u64,
    /// The word for them in the file; empty where it says none.
    pub unit: String,
}

/// Iterations of a stage that is a loop.
pub fn count(stage: &Stage) -> u64 {
    stage.settings::<Settings>().map_or(0, |settings| settings.count)
}

pub(super) const INFO: Info = Info {
    version: 1,
    random: false,
    source: false,
    leaves: false,
    player: false,
    reads_responses: false,
    objective: false,
    batch: None,
    settings: typed::<Settings>,
    rows: no_rows,
    cost: free,
    room: nothing,
};
