//! Operations: what a stage does, and everything that is to be known of it. One file an op, and one line in the table
//! below; nowhere else is anything decided for an op that it does not name.

mod append;
mod ascend;
pub mod data;
mod descend;
mod distance;
pub mod draw;
pub mod evaluate;
pub mod exploration;
pub mod explore;
pub mod features;
pub mod follow;
pub mod forward;
pub mod imitate;
pub mod keep;
mod label;
pub mod linear_model;
pub mod load;
pub mod oracle;
mod pairs;
pub mod policy;
mod preferences;
pub mod refresh;
mod regret;
pub mod repeat;
pub mod reward_model;
pub mod sample;
pub mod save;
mod solve;
mod step;
pub mod world;
mod worst;

use std::fmt::{self, Display, Formatter};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::cost::Spent;
use crate::flow::Flow;
use crate::memory::{Estimate, Room};
use crate::{Stage, ValueName};

/// Everything that the plan's tools need to know of an op. Nothing has a default: a new op decides all of it.
pub struct Info {
    /// Bumped when the same stage would give another result.
    pub version: u32,
    /// Its result depends on the seed.
    pub random: bool,
    /// It reads files or asks servers and has no inputs: it is made before anything is trained.
    pub source: bool,
    /// It leaves something after the run, and is kept whatever reads it.
    pub leaves: bool,
    /// It makes a player, whose newest version a run leaves.
    pub player: bool,
    /// It reads the responses that a file holds, and not only its prompts.
    pub reads_responses: bool,
    /// It moves along an objective.
    pub objective: bool,
    /// The setting that says how many rows it works on at once.
    pub batch: Option<&'static str>,
    /// An error where the settings are not those of the op.
    pub(crate) settings: fn(&Stage) -> Result<(), String>,
    /// The rows that it gives: of rollouts or of preferences.
    pub(crate) rows: fn(&Stage, &Flow<'_>) -> u64,
    /// What running it so many times takes.
    pub(crate) cost: for<'a> fn(&'a Stage, &Flow<'a>, u64) -> Spent,
    /// The model that it makes, and the room that it takes while it is under way; last come the values that nobody
    /// reads after it.
    pub(crate) room: for<'a> fn(&mut Estimate<'a>, &'a Stage, &[&ValueName]) -> Room,
}

/// Makes the enum, and what its variants are called in plans, from one table.
macro_rules! ops {
    ($($op:ident = $word:ident,)*) => {
        /// What a stage does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "&'static str", try_from = "String")]
        pub enum Op {
            $($op,)*
        }

        impl Op {
            /// Every operation that a plan may hold.
            pub const ALL: &[Op] = &[$(Op::$op,)*];

            /// The word in plans.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Op::$op => stringify!($word),)*
                }
            }

            /// What is known of it.
            pub const fn info(self) -> &'static Info {
                match self {
                    $(Op::$op => &$word::INFO,)*
                }
            }
        }
    };
}

ops! {
    Data = data,
    Load = load,
    Imitate = imitate,
    Policy = policy,
    Follow = follow,
    RewardModel = reward_model,
    Features = features,
    Exploration = exploration,
    Oracle = oracle,
    Preferences = preferences,
    Repeat = repeat,
    Refresh = refresh,
    Sample = sample,
    Explore = explore,
    Pairs = pairs,
    Label = label,
    Append = append,
    Draw = draw,
    Ascend = ascend,
    Descend = descend,
    Evaluate = evaluate,
    Forward = forward,
    World = world,
    Solve = solve,
    Regret = regret,
    LinearModel = linear_model,
    Worst = worst,
    Distance = distance,
    Save = save,
}

impl Op {
    /// The operation of a word.
    pub fn find(word: &str) -> Option<Op> {
        Op::ALL.iter().copied().find(|op| op.word() == word)
    }
}

impl Display for Op {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl From<Op> for &'static str {
    fn from(op: Op) -> Self {
        op.word()
    }
}

/// A word that is no operation is refused.
impl TryFrom<String> for Op {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        Op::find(&word).ok_or_else(|| format!("no operation is called `{}`", word.escape_debug()))
    }
}

/// The `settings` of an op whose settings have a type.
fn typed<T: DeserializeOwned>(stage: &Stage) -> Result<(), String> {
    stage.settings::<T>().map(drop)
}

/// The `settings` of an op that is also one of worlds, with settings of their own.
fn either<T: DeserializeOwned, InWorld: DeserializeOwned>(stage: &Stage) -> Result<(), String> {
    typed::<T>(stage).or_else(|error| typed::<InWorld>(stage).map_err(|_| error))
}

/// The `settings` of an op whose type has a flattened part, beside which serde refuses no unknown setting.
fn flattened<T: DeserializeOwned + Serialize>(stage: &Stage) -> Result<(), String> {
    let known = Stage::new(stage.op, &[]).with_settings(&stage.settings::<T>()?);
    match stage.config.keys().find(|key| !known.config.contains_key(*key)) {
        Some(unknown) => Err(format!("unknown field `{}`", unknown.escape_debug())),
        None => Ok(()),
    }
}

/// The settings of an op that has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unset {}

/// The `settings` of an op that has none.
fn unset(stage: &Stage) -> Result<(), String> {
    typed::<Unset>(stage)
}

/// The `rows` of an op that gives none.
fn no_rows(_: &Stage, _: &Flow<'_>) -> u64 {
    0
}

/// The `cost` of an op that runs no model.
fn free<'a>(_: &'a Stage, _: &Flow<'a>, _: u64) -> Spent {
    Spent::default()
}

/// The `room` of an op that keeps no model and makes no forward.
fn nothing<'a>(_: &mut Estimate<'a>, _: &'a Stage, _: &[&ValueName]) -> Room {
    Room::default()
}
