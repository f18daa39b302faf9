//! Passes: turn a plan into an equal plan that runs faster.
//!
//! The result gives the same values as the plan itself, bit for bit; only figures of dropped stages are missing. Stages
//! keep their names, and the executor takes identities (and so the random numbers) from the plan as it was compiled.
//! Each pass is a file with one line in [`PASSES`].
//!
//! - `dead.rs`: drops stages on which nothing depends;
//! - `forwards.rs`: lists the forwards of each step, so that they are made once and together;
//! - `hoist.rs`: moves forwards that a loop does not change before it;
//! - `share.rs`: makes a stage of a forward that several steps need.

pub mod dead;
pub mod forwards;
pub mod hoist;
pub mod share;

use std::collections::{BTreeSet, HashSet};

use crate::ops::forward::Settings;
use crate::{BatchRef, Body, Forward, Op, Plan, Stage, ValueName};

/// The changes of a pass as text; no lines if it changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub pass: &'static str,
    pub lines: Vec<String>,
}

/// A pass, which changes a plan and returns a description of the changes.
pub type Pass = fn(&mut Plan) -> Vec<String>;

/// Every pass, in the order in which they run.
pub const PASSES: &[(&str, Pass)] =
    &[("dead", dead::run), ("forwards", forwards::run), ("hoist", hoist::run), ("share", share::run)];

/// Runs all passes.
pub fn run(mut plan: Plan) -> (Plan, Vec<Report>) {
    let reports = PASSES.iter().map(|(pass, work)| Report { pass, lines: work(&mut plan) }).collect();
    (plan, reports)
}

/// Rebuilds a body from its changed stages.
fn rebuild(body: &mut Body, change: impl FnOnce(Vec<Stage>) -> Vec<Stage>) {
    let (stages, carries) = std::mem::take(body).into_parts();
    *body = Body::new(change(stages), carries);
}

/// Tells whether a step's forward is of a player that the step does not move, and is not made by a stage yet.
fn is_open(stage: &Stage, forward: &Forward) -> bool {
    forward.from.is_none() && stage.input("player") != Some(&forward.player)
}

/// Returns the forward that a `forward` stage makes.
fn made_by(stage: &Stage) -> Option<Forward> {
    if stage.op != Op::Forward {
        return None;
    }
    let Settings { gives, side } = stage.settings().ok()?;
    let batch = BatchRef { value: stage.input("batch")?.clone(), side };
    Some(Forward { gives, player: stage.input("player")?.clone(), batch, from: stage.outputs.first().cloned() })
}

/// Returns a `forward` stage.
fn stage_of(forward: &Forward, name: &ValueName) -> Stage {
    Stage::new(Op::Forward, &[name])
        .with("player", forward.player.clone())
        .with("batch", forward.batch.value.clone())
        .with_settings(&Settings { gives: forward.gives, side: forward.batch.side })
}

/// Makes a stage give everything that a forward needs: whole distributions include a token's probability.
fn widen(stage: &mut Stage, forward: &Forward) {
    if let Ok(Settings { gives, side }) = stage.settings() {
        let settings = Settings { gives: forward.gives.max(gives), side };
        *stage = std::mem::replace(stage, Stage::new(Op::Forward, &[])).with_settings(&settings);
    }
}

/// Makes a step read a forward from the stage that makes it.
fn give(step: &mut Stage, forward: &Forward, value: &ValueName) {
    if let Some(own) = step.forwards.iter_mut().find(|own| own.same(forward)) {
        own.from = Some(value.clone());
        step.inputs.push((value.to_string(), value.clone()));
    }
}

/// A generator of names for values that the plan does not have yet: `ref.forward@0`, ... Names in a file contain no
/// dot.
struct Names {
    taken: HashSet<ValueName>,
}

impl Names {
    fn of(plan: &Plan) -> Self {
        let mut names = Names { taken: HashSet::new() };
        names.body(&plan.body);
        names
    }

    fn body(&mut self, body: &Body) {
        for stage in body.stages() {
            self.taken.extend(stage.outputs.iter().cloned());
            stage.body.iter().for_each(|inner| self.body(inner));
        }
    }

    fn fresh(&mut self, forward: &Forward) -> ValueName {
        let block = format!("{}.forward", forward.player.block());
        let mut version = 0;
        loop {
            let name = ValueName::numbered(&block, version);
            if self.taken.insert(name.clone()) {
                return name;
            }
            version += 1;
        }
    }
}

/// What a body defines: values that are carried into it, and those that its stages make.
fn defined(carries: &[crate::Carry], stages: &[Stage]) -> BTreeSet<ValueName> {
    let enter = carries.iter().map(|carry| &carry.enter);
    enter.chain(stages.iter().flat_map(|stage| &stage.outputs)).cloned().collect()
}
