//! `save`: a player as a checkpoint.

use serde::{Deserialize, Serialize};

use crate::memory::{Estimate, Room};
use crate::{Stage, ValueName};

use super::{Info, free, no_rows, typed};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Iterations from one checkpoint to the next.
    pub every: u64,
    /// Checkpoints of this stage that stay, the newest ones; all where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<u64>,
}

pub(super) const INFO: Info = Info {
    version: 1,
    random: false,
    source: false,
    leaves: true,
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
    Room::while_working(estimate.written(estimate.input(stage, "player")))
}
