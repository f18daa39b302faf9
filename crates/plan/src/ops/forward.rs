//! `forward`: a forward that a pass took out of steps; its room is counted where it is read.

use serde::{Deserialize, Serialize};

use crate::{Gives, Side};

use super::{Info, free, no_rows, nothing, typed};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub gives: Gives,
    /// Which responses of labelled pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
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
