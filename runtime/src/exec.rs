//! Runs a plan: follows its walk, from the place where the state of the run stands to the end. A model is dropped after
//! the last stage that reads it.

use std::collections::BTreeMap;
use std::time::Instant;

use pbpo_plan::identity::{self, Identity};
use pbpo_plan::walk::{Kind, Step, Walk};
use pbpo_plan::{Body, Plan};

use crate::context::{Context, Counters, Recording};
use crate::env::Env;
use crate::error::Fault;
use crate::event::{Event, Observer};
use crate::host::Host;
use crate::ops::{self, Progress};
use crate::shared::{Known, Shared};
use crate::state::RunState;

/// Runs a plan on a host: a device, and the directories of its files. `state` has the run's values afterwards, even if
/// it fails. Stages that other points of the sweep have run are taken from `shared`.
pub fn execute(
    plan: &Plan,
    host: impl Into<Host>,
    observer: &mut dyn Observer,
    state: &mut RunState,
    shared: &mut Shared,
) -> Result<(), Fault> {
    execute_as(plan, identity::identities(plan), host, observer, state, shared)
}

/// Runs a plan that passes have changed, with the identities of the original plan, and so with its random numbers.
pub fn execute_as(
    plan: &Plan,
    identities: BTreeMap<String, Identity>,
    host: impl Into<Host>,
    observer: &mut dyn Observer,
    state: &mut RunState,
    shared: &mut Shared,
) -> Result<(), Fault> {
    let mut execution = Execution::new(plan, identities, host.into())?;
    while execution.step(state, observer, shared)? {}
    Ok(())
}

/// A plan on its way. All that it needs to know of the past is in the [`RunState`] that each step gets.
pub struct Execution<'p> {
    walk: Walk<'p>,
    identities: BTreeMap<String, Identity>,
    host: Host,
    recording: Option<Recording>,
}

impl<'p> Execution<'p> {
    /// Prepares a plan. Every stage needs an identity: without one it would draw the numbers of another.
    pub fn new(plan: &'p Plan, identities: BTreeMap<String, Identity>, host: Host) -> Result<Self, Fault> {
        all_known(&plan.body, &identities)?;
        Ok(Self { walk: Walk::of(plan), identities, host, recording: None })
    }

    /// Makes one step: a stage, a part of a long one, or the beginning or the end of an iteration. Between two steps the
    /// state can be saved. Returns false if the run has ended.
    pub fn step(
        &mut self,
        state: &mut RunState,
        observer: &mut dyn Observer,
        shared: &mut Shared,
    ) -> Result<bool, Fault> {
        let RunState { cursor, env, counters } = state;
        let Some(step) = self.walk.at(cursor) else { return Ok(false) };
        let mut context = Context::new(&self.host, &self.identities, counters, observer, &mut self.recording);
        let begins = step.depth == 0 && matches!(step.kind, Kind::Run | Kind::Begin | Kind::Skip);
        let identity = context.identity(&step.stage.name)?;
        if begins && !env.is_underway(&step.stage.name) {
            let known = shared.take(&identity);
            let (name, op, reused) = (step.stage.name.clone(), step.stage.op, known.is_some());
            context.emit(Event::Stage { name, op, reused })?;
            if let Some(known) = known {
                reuse(known, step, env, &mut context)?;
                let ended = self.walk.skip(cursor);
                env.release(ended.into_iter().flat_map(|step| step.over.iter().copied()));
                return self.after_last(state, observer);
            }
            if shared.wants(&identity) {
                context.record_events();
            }
        }
        if !make(step, env, &mut context).map_err(|fault| fault.in_stage(&step.stage.name))? {
            return Ok(true);
        }
        if step.depth == 0 && matches!(step.kind, Kind::Run | Kind::End | Kind::Skip) {
            tell_figures(step, &mut context)?;
            if let Some((events, counted)) = context.recorded() {
                shared.keep(identity, Known { values: env.outputs(step.stage), events, counted });
            }
        }
        env.release(step.over.iter().copied());
        self.walk.advance(cursor);
        self.after_last(state, observer)
    }

    /// Tells what the run has used, if it has ended. Returns false then.
    fn after_last(&mut self, state: &mut RunState, observer: &mut dyn Observer) -> Result<bool, Fault> {
        if self.walk.at(&state.cursor).is_some() {
            return Ok(true);
        }
        let generated = state.counters.generated;
        let mut context =
            Context::new(&self.host, &self.identities, &mut state.counters, observer, &mut self.recording);
        context.emit(Event::Usage { generated })?;
        Ok(false)
    }

    /// The walk of the plan.
    pub fn walk(&self) -> &Walk<'p> {
        &self.walk
    }
}

fn all_known(body: &Body, identities: &BTreeMap<String, Identity>) -> Result<(), Fault> {
    body.stages().try_for_each(|stage| {
        if !identities.contains_key(&stage.name) {
            return Err(Fault::new(format!("the plan has a stage `{}` without an identity", stage.name)));
        }
        stage.body.iter().try_for_each(|inner| all_known(inner, identities))
    })
}

/// Makes a step. Returns false if its stage is a long one that goes on.
fn make(step: &Step<'_>, env: &mut Env, context: &mut Context<'_>) -> Result<bool, Fault> {
    let outermost = step.depth == 0;
    match step.kind {
        Kind::Run => return run(step, env, context),
        Kind::Begin if outermost => {
            context.counters.enter(step.count as usize);
            context.counters.in_loop = true;
            context.counters.episode = 1;
        }
        Kind::Skip if outermost => context.counters.enter(0),
        Kind::Again { .. } if outermost => {
            tell_episode(context)?;
            context.counters.episode += 1;
        }
        Kind::End if outermost => {
            tell_episode(context)?;
            context.counters.in_loop = false;
        }
        Kind::Begin | Kind::Again { .. } | Kind::End | Kind::Skip => {}
    }
    step.passes.iter().try_for_each(|(from, to)| env.pass(from, to))?;
    Ok(true)
}

/// Runs a stage, or the next part of a long one. Returns false if there is more to do.
fn run(step: &Step<'_>, env: &mut Env, context: &mut Context<'_>) -> Result<bool, Fault> {
    let stage = step.stage;
    env.expect_last(step.over.iter().copied());
    let started = Instant::now();
    ops::reads_the_same_tokens(stage, env)?;
    let progress = ops::op(stage, env)?.advance(stage, env, context)?;
    context.add(&format!("timing_s/{}", stage.op), started.elapsed().as_secs_f64());
    match progress {
        Progress::Done(values) => {
            env.values.extend(stage.outputs.iter().cloned().zip(values));
            Ok(true)
        }
        Progress::Underway(work) => {
            env.set_underway(&stage.name, work);
            Ok(false)
        }
    }
}

/// Takes a stage's outputs and events from another point of the sweep.
fn reuse(known: Known, step: &Step<'_>, env: &mut Env, context: &mut Context<'_>) -> Result<(), Fault> {
    known.events.into_iter().try_for_each(|event| context.emit(event))?;
    env.values.extend(step.stage.outputs.iter().cloned().zip(known.values));
    context.counters.count(known.counted);
    if step.body().is_some() {
        context.counters.enter(step.count as usize);
        context.counters.episode = context.counters.episodes;
    }
    Ok(())
}

/// Tells the figures of an iteration of an outermost loop.
fn tell_episode(context: &mut Context<'_>) -> Result<(), Fault> {
    let metrics = context.take_metrics();
    let Counters { episode: done, episodes: total, .. } = *context.counters;
    context.emit(Event::Episode { done, total, step: context.step(), metrics })
}

/// Tells what a stage outside of loops recorded: the time that it took alone is no line of its own.
fn tell_figures(step: &Step<'_>, context: &mut Context<'_>) -> Result<(), Fault> {
    let metrics = context.take_metrics();
    if metrics.keys().all(|name| name.starts_with("timing")) {
        return Ok(());
    }
    let stage = step.stage.name.clone();
    let told = context.emit(Event::Figures { stage: stage.clone(), step: context.step(), metrics });
    told.map_err(|fault| fault.in_stage(&stage))
}
