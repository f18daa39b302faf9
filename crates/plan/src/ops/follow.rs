//! `follow`: a policy that starts as a copy of another and is moved by its update rule alone.

use serde::{Deserialize, Serialize};

use crate::memory::{Estimate, Model, Room};
use crate::{Stage, ValueName};

use super::{Info, free, no_rows, typed};

/// When a follower becomes what its leader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Update {
    /// Never: the leader as it was before the game.
    Sft,
    /// At the start of every iteration.
    EachEpisode,
    /// At the start of an iteration, if the leader earns more.
    BestSoFar,
}

impl Update {
    /// The update of a word.
    pub fn find(word: &str) -> Option<Update> {
        match word {
            "sft" => Some(Update::Sft),
            "each_episode" => Some(Update::EachEpisode),
            "best_so_far" => Some(Update::BestSoFar),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub update: Update,
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
    room,
};

fn room<'a>(estimate: &mut Estimate<'a>, stage: &'a Stage, _: &[&ValueName]) -> Room {
    let made = estimate.input(stage, "policy").map(Model::frozen);
    Room { made, working: estimate.sampled(stage, "policy", 0, 0) }
}
