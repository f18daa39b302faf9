//! `linear_model`: a reward model that is linear in frozen features.

use serde::{Deserialize, Serialize};

use crate::memory::{Estimate, Model, Room};
use crate::{Stage, ValueName};

use super::{Info, free, no_rows, typed};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The bound on the norm of the parameters.
    pub bound: f64,
    /// The prior precision of the likelihood and of the covariance.
    pub ridge: f64,
}

pub(super) const INFO: Info = Info {
    version: 1,
    random: false,
    source: false,
    leaves: false,
    player: true,
    reads_responses: false,
    objective: false,
    batch: None,
    settings: typed::<Settings>,
    rows: no_rows,
    cost: free,
    room,
};

fn room<'a>(estimate: &mut Estimate<'a>, stage: &'a Stage, _: &[&ValueName]) -> Room {
    Room::of(estimate.input(stage, "features").cloned().map(Model::scoring))
}
