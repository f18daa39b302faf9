//! `reward_model`: a player that scores responses.

use serde::{Deserialize, Serialize};

use crate::memory::{Estimate, Model, Room};
use crate::{Stage, ValueName};

use super::exploration::Covariance;
use super::policy::AdamW;
use super::{Info, either, free, no_rows};

/// What is scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    /// A response as a whole.
    Sequence,
    /// Each token of a response.
    Token,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub head: Head,
    /// The largest absolute reward.
    pub bound: f64,
    pub optimizer: AdamW,
}

/// The settings in a world.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InWorld {
    /// The bound on the norm of the parameters.
    pub bound: f64,
    /// The prior precision of the likelihood and of the covariance.
    pub ridge: f64,
    pub covariance: Covariance,
}

pub(super) const INFO: Info = Info {
    version: 1,
    random: true,
    source: false,
    leaves: false,
    player: true,
    reads_responses: false,
    objective: false,
    batch: None,
    settings: either::<Settings, InWorld>,
    rows: no_rows,
    cost: free,
    room,
};

fn room<'a>(estimate: &mut Estimate<'a>, stage: &'a Stage, _: &[&ValueName]) -> Room {
    let Some(init) = estimate.input(stage, "init") else { return Room::default() };
    let rate = stage.settings::<Settings>().ok().and_then(|settings| settings.optimizer.backbone_lr);
    let model = if rate == Some(0.0) { init.frozen() } else { init.clone().trained() };
    Room::of(Some(Model::scoring(model)))
}
