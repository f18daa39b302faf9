//! `draw`: a minibatch of a set of pairs.

use serde::{Deserialize, Serialize};

use crate::Stage;
use crate::flow::Flow;

use super::{Info, free, nothing, typed};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub count: u64,
}

pub(super) const INFO: Info = Info {
    version: 1,
    random: true,
    source: false,
    leaves: false,
    player: false,
    reads_responses: false,
    objective: false,
    batch: Some("count"),
    settings: typed::<Settings>,
    rows,
    cost: free,
    room: nothing,
};

fn rows(stage: &Stage, _: &Flow<'_>) -> u64 {
    stage.settings::<Settings>().map_or(0, |settings| settings.count)
}
