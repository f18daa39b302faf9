//! Ops: what a stage of a plan does. One file an op, and one line in [`runs`]; those of the exact track are functions in
//! `exact/`, in the same line.

mod append;
mod ascend;
mod data;
mod distance;
mod draw;
mod evaluate;
mod exploration;
mod explore;
mod features;
mod follow;
mod forward;
mod imitate;
mod label;
mod linear;
mod load;
mod oracle;
mod pairs;
mod policy;
mod preferences;
mod refresh;
mod reward_model;
mod sample;
mod save;

pub use ascend::share_positive;
pub use evaluate::ASKED;
pub use imitate::{Imitation, cross_entropy};
use std::sync::Arc;

use pbpo_plan::{Op as Named, Stage, ValueName};
use serde::de::DeserializeOwned;

use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::exact::{self, Exact, pairs as pairs_of_worlds, players};
use crate::state::stored_enum;
use crate::value::Value;

/// An operation that executes stages of one kind.
pub trait Op: Sync {
    /// Returns the stage's outputs, in order, made from the values of its inputs.
    fn run(&self, stage: &Stage, env: &mut Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault>;

    /// Does the next part of the stage's work: all of it, unless it is a long one with places at which it can be saved.
    fn advance(&self, stage: &Stage, env: &mut Env, context: &mut Context<'_>) -> Result<Progress, Fault> {
        self.run(stage, env, context).map(Progress::Done)
    }
}

/// How far a stage has come.
pub enum Progress {
    /// It is done, with these outputs.
    Done(Vec<Value>),
    /// It goes on from this work.
    Underway(Work),
}

/// The work so far of a long stage.
pub enum Work {
    Imitation(Box<Imitation>),
}

stored_enum!(Work as WorkRecord { Imitation(Box<Imitation>) } {});

/// What runs an op: for language models, and in a world. `None` in one of them is what that track lacks; `repeat` has
/// neither, because the executor does it itself.
#[derive(Clone, Copy)]
pub struct Runs {
    pub practical: Option<&'static dyn Op>,
    pub exact: Option<&'static dyn Op>,
}

/// Returns what runs an op.
pub fn runs(op: Named) -> Runs {
    fn runs(practical: Option<&'static dyn Op>, exact: Option<&'static dyn Op>) -> Runs {
        Runs { practical, exact }
    }
    match op {
        Named::Append => runs(Some(&append::Append), Some(&Exact(pairs_of_worlds::append))),
        Named::Ascend => runs(Some(&ascend::Ascend), None),
        Named::Data => runs(Some(&data::MakeData), None),
        Named::Descend => runs(Some(&ascend::Descend), None),
        Named::Distance => runs(Some(&distance::Distance), None),
        Named::Draw => runs(Some(&draw::Draw), None),
        Named::Evaluate => runs(Some(&evaluate::Evaluate), None),
        Named::Exploration => runs(Some(&exploration::MakeExploration), Some(&Exact(exact::explore::make))),
        Named::Explore => runs(Some(&explore::Explore), Some(&Exact(exact::explore::explore))),
        Named::Features => runs(Some(&features::MakeFeatures), None),
        Named::Follow => runs(Some(&follow::Follow), Some(&Exact(players::follow))),
        Named::Forward => runs(Some(&forward::MakeForward), None),
        Named::Imitate => runs(Some(&imitate::Imitate), None),
        Named::Label => runs(Some(&label::Label), Some(&Exact(pairs_of_worlds::label))),
        Named::LinearModel => runs(Some(&linear::MakeLinear), None),
        Named::Load => runs(Some(&load::Load), None),
        Named::Oracle => runs(Some(&oracle::MakeOracle), None),
        Named::Pairs => runs(Some(&pairs::Pairs), None),
        Named::Policy => runs(Some(&policy::MakePolicy), Some(&Exact(players::make_policy))),
        Named::Preferences => runs(Some(&preferences::MakePreferences), None),
        Named::Refresh => runs(Some(&refresh::Refresh), Some(&Exact(players::refresh))),
        Named::Regret => runs(None, Some(&Exact(exact::regret::regret))),
        Named::Repeat => runs(None, None),
        Named::RewardModel => runs(Some(&reward_model::MakeRewardModel), Some(&Exact(players::make_reward_model))),
        Named::Sample => runs(Some(&sample::Sample), Some(&Exact(pairs_of_worlds::sample))),
        Named::Save => runs(Some(&save::Save), None),
        Named::Solve => runs(None, Some(&Exact(exact::solve::solve))),
        Named::World => runs(None, Some(&Exact(players::make_world))),
        Named::Worst => runs(Some(&linear::Worst), None),
    }
}

/// Returns the op of a stage: that of the exact track if one of its inputs is a value of that track.
pub fn op(stage: &Stage, env: &Env) -> Result<&'static dyn Op, Fault> {
    let Runs { practical, exact } = runs(stage.op);
    let lives_in_world = stage.inputs.iter().any(|(_, value)| matches!(env.values.get(value), Some(Value::Exact(_))));
    let found = if lives_in_world { exact.or(practical) } else { practical.or(exact) };
    found.ok_or_else(|| Fault::new(format!("`{}` is not an op that runs by itself", stage.op)))
}

/// Checks that all players of a stage read the same tokens as its responses or its policy.
pub fn reads_the_same_tokens(stage: &Stage, env: &Env) -> Result<(), Fault> {
    let inputs = || stage.inputs.iter().filter_map(|(_, name)| Some((name, env.values.get(name)?)));
    let responses = |value: &Value| match value {
        Value::Rollouts(rollouts) => Some(rollouts.source.tokenizer.clone()),
        Value::Preferences(preferences) => preferences.source.as_ref().map(|source| source.tokenizer.clone()),
        _ => None,
    };
    let policy = |value: &Value| match value {
        Value::Player(player) => player.policy().map(|policy| policy.tokenizer.clone()),
        _ => None,
    };
    let found = inputs().find_map(|(_, value)| responses(value));
    let Some(wanted) = found.or_else(|| inputs().find_map(|(_, value)| policy(value))) else { return Ok(()) };
    for (name, value) in inputs() {
        let tokenizer = match value {
            Value::Player(player) => &player.tokenizer,
            Value::Exploration(exploration) => &exploration.features.tokenizer,
            _ => continue,
        };
        if !Arc::ptr_eq(tokenizer, &wanted) && !tokenizer.same(&wanted) {
            let name = name.block();
            return Err(Fault::new(format!("`{name}` has another tokenizer than the policy whose responses it reads"))
                .help(
                    "start it from a checkpoint with the policy's tokenizer; as an oracle (`by = reward_model { ... }`) \
                     any will do",
                ));
        }
    }
    Ok(())
}

/// Returns the block whose value a stage has at a port: `pi` for `pi@3`.
pub fn block<'s>(stage: &'s Stage, port: &str) -> &'s str {
    stage.input(port).map(ValueName::block).unwrap_or_default()
}

/// Returns the name of the value at a port.
pub fn named<'s>(stage: &'s Stage, port: &str) -> Result<&'s ValueName, Fault> {
    stage.input(port).ok_or_else(|| Fault::new(format!("the plan gives no input `{port}`")))
}

/// Adds the names of the policy and of the data's prompt to a fault of sampling.
pub fn name_prompt(fault: Fault, policy: &str, data: &str, item: impl FnOnce(usize) -> usize) -> Fault {
    fault.name_row(|row| format!("policy `{policy}`, prompt {} of `{data}`", item(row) + 1))
}

/// Reads a stage's settings as the op's settings type.
pub fn settings<T: DeserializeOwned>(config: &serde_json::Value) -> Result<T, Fault> {
    serde_json::from_value(config.clone()).map_err(|e| Fault::new(format!("settings of the plan can't be read: {e}")))
}

/// Reads all settings of a stage.
pub fn config<T: DeserializeOwned>(stage: &Stage) -> Result<T, Fault> {
    stage.settings().map_err(|error| Fault::new(format!("settings of the plan can't be read: {error}")))
}
