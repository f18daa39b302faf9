//! `sample`: responses of a policy to prompts drawn from data.

use serde::{Deserialize, Serialize};

use crate::cost::Spent;
use crate::flow::Flow;
use crate::memory::{Estimate, Room};
use crate::{Stage, ValueName};

use super::{Info, either};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Rollouts in all.
    pub count: u64,
    /// Rollouts of one prompt.
    pub per_prompt: u64,
    pub temperature: f64,
    /// Most tokens of a response.
    pub max_new: u64,
}

/// The settings in a world, whose trajectories have a length of their own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InWorld {
    pub count: u64,
}

/// Rollouts in all, of policies of either track.
pub(super) fn count(stage: &Stage) -> u64 {
    let in_world = |_| stage.settings::<InWorld>().map(|settings| settings.count);
    stage.settings::<Settings>().map(|settings| settings.count).or_else(in_world).unwrap_or(0)
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
    settings: either::<Settings, InWorld>,
    rows,
    cost,
    room,
};

fn rows(stage: &Stage, _: &Flow<'_>) -> u64 {
    count(stage)
}

fn cost<'a>(stage: &'a Stage, flow: &Flow<'a>, times: u64) -> Spent {
    // Trajectories of a world are no tokens.
    let Ok(settings) = stage.settings::<Settings>() else { return Spent::default() };
    flow.generates(stage, "prompts", settings.count, settings.max_new, times)
}

fn room<'a>(estimate: &mut Estimate<'a>, stage: &'a Stage, _: &[&ValueName]) -> Room {
    let max_new = stage.settings::<Settings>().map_or(0, |settings| settings.max_new);
    Room::while_working(estimate.sampled(stage, "policy", count(stage), max_new))
}
