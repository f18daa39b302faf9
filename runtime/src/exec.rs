//! Runs a plan: stages in order, bodies of `repeat` with their carried values. A model is dropped after the last stage
//! that reads it.

use std::collections::{BTreeMap, HashMap};

use pbpo_plan::identity::{self, Identity};
use pbpo_plan::lifetime::{last_uses, results};
use pbpo_plan::ops::repeat;
use pbpo_plan::{Body, Plan, Stage, ValueName};

use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::event::{Event, Observer};
use crate::host::Host;
use crate::ops;
use crate::shared::{Known, Shared};

/// Runs a plan on a host: a device, and the directories of its files. `env` receives its values, even if the run fails.
/// Stages that other points of the sweep have run are taken from `shared`.
pub fn execute(
    plan: &Plan,
    host: impl Into<Host>,
    observer: &mut dyn Observer,
    env: &mut Env,
    shared: &mut Shared,
) -> Result<(), Fault> {
    execute_as(plan, identity::identities(plan), host, observer, env, shared)
}

/// Runs a plan that passes have changed, with the identities of the original plan, and so with its random numbers.
pub fn execute_as(
    plan: &Plan,
    identities: BTreeMap<String, Identity>,
    host: impl Into<Host>,
    observer: &mut dyn Observer,
    env: &mut Env,
    shared: &mut Shared,
) -> Result<(), Fault> {
    let mut context = Context::new(host.into(), identities, observer);
    all_known(&plan.body, &context)?;
    let ends = ends_of(plan);
    for stage in sources_first(plan) {
        let ends = ends.get(stage.name.as_str()).map_or(&[][..], Vec::as_slice);
        let identity = context.identity(&stage.name)?;
        let known = shared.take(&identity);
        context.emit(Event::Stage { name: stage.name.clone(), op: stage.op, reused: known.is_some() })?;
        match known {
            Some(known) => {
                known.events.into_iter().try_for_each(|event| context.emit(event))?;
                env.values.extend(stage.outputs.iter().cloned().zip(known.values));
                if stage.body.is_some() {
                    context.enter(iterations(stage)?);
                    context.episode = context.episodes;
                }
            }
            None => {
                let again = shared.wants(&identity);
                if again {
                    context.record_events();
                }
                run_stage(stage, ends, env, &mut context, true)?;
                tell_figures(stage, &mut context)?;
                if again {
                    shared.keep(identity, Known { values: env.outputs(stage), events: context.recorded() });
                }
            }
        }
        env.release(ends.iter().copied());
    }
    let generated = context.generated;
    context.emit(Event::Usage { generated })
}

/// Every stage has an identity: without one it would draw the numbers of another.
fn all_known(body: &Body, context: &Context<'_>) -> Result<(), Fault> {
    body.stages().try_for_each(|stage| {
        context.identity(&stage.name)?;
        stage.body.iter().try_for_each(|inner| all_known(inner, context))
    })
}

/// Tells what a stage outside of loops recorded: the time that it took alone is no line of its own.
fn tell_figures(stage: &Stage, context: &mut Context<'_>) -> Result<(), Fault> {
    let metrics = context.take_metrics();
    if metrics.keys().all(|name| name.starts_with("timing")) {
        return Ok(());
    }
    let (step, stage) = (context.step(), stage.name.clone());
    context.emit(Event::Figures { stage: stage.clone(), step, metrics }).map_err(|fault| fault.in_stage(&stage))
}

/// Returns, for each stage outside of loops, the values that it is the last one to read, without those that the run
/// keeps.
fn ends_of(plan: &Plan) -> HashMap<&str, Vec<&ValueName>> {
    let kept = results(plan);
    let ends = plan.body.stages().zip(last_uses(&plan.body));
    ends.map(|(stage, ends)| (stage.name.as_str(), ends.into_iter().filter(|end| !kept.contains(end)).collect()))
        .collect()
}

fn run_body(body: &Body, ends: &[Vec<&ValueName>], env: &mut Env, context: &mut Context<'_>) -> Result<(), Fault> {
    for (stage, ends) in body.stages().zip(ends) {
        run_stage(stage, ends, env, context, false)?;
        env.release(ends.iter().copied());
    }
    Ok(())
}

fn run_stage(
    stage: &Stage,
    ends: &[&ValueName],
    env: &mut Env,
    context: &mut Context<'_>,
    outermost: bool,
) -> Result<(), Fault> {
    if let Some(body) = &stage.body {
        return run_repeat(stage, body, ends, env, context, outermost);
    }
    env.expect_last(ends.iter().copied());
    let started = std::time::Instant::now();
    let values = ops::reads_the_same_tokens(stage, env)
        .and_then(|()| ops::op(stage, env)?.run(stage, env, context))
        .map_err(|fault| fault.in_stage(&stage.name))?;
    context.add(&format!("timing_s/{}", stage.op), started.elapsed().as_secs_f64());
    env.values.extend(stage.outputs.iter().cloned().zip(values));
    Ok(())
}

fn run_repeat(
    stage: &Stage,
    body: &Body,
    ends: &[&ValueName],
    env: &mut Env,
    context: &mut Context<'_>,
    outermost: bool,
) -> Result<(), Fault> {
    let count = iterations(stage)?;
    if outermost {
        context.enter(count);
        context.in_loop = true;
    }
    let (inner, captured) = (last_uses(body), body.captured());
    let over = |value: &&ValueName| !captured.contains(value);
    for iteration in 0..count {
        for carry in &body.carries {
            let from = if iteration == 0 { &carry.from } else { &carry.back };
            if from != &carry.enter {
                copy(env, from, &carry.enter)?;
            }
        }
        // A carried value exists once, so that a step can change it in place.
        match iteration {
            0 => env.release(ends.iter().copied().filter(over)),
            _ => env.release(body.moved().map(|carry| &carry.back).filter(over)),
        }
        if outermost {
            context.episode = iteration + 1;
        }
        run_body(body, &inner, env, context)?;
        if outermost {
            let metrics = context.take_metrics();
            let (done, total, step) = (iteration + 1, count, context.step());
            let told = context.emit(Event::Episode { done, total, step, metrics });
            told.map_err(|fault| fault.in_stage(&stage.name))?;
        }
    }
    if outermost {
        context.in_loop = false;
    }
    for carry in &body.carries {
        copy(env, if count == 0 { &carry.from } else { &carry.back }, &carry.out)?;
    }
    env.release(body.carries.iter().flat_map(|carry| [&carry.enter, &carry.back]).filter(over));
    Ok(())
}

/// Returns the number of a loop's iterations.
fn iterations(stage: &Stage) -> Result<usize, Fault> {
    Ok(ops::config::<repeat::Settings>(stage)?.count as usize)
}

/// Returns the stages outside of loops. Those that read files or ask servers come first, so that missing files are
/// reported before any training. They have no inputs and separate random streams, so the order changes nothing else.
fn sources_first(plan: &Plan) -> impl Iterator<Item = &Stage> {
    let source = |stage: &&Stage| stage.op.info().source;
    let rest = plan.body.stages().filter(move |stage| !source(stage));
    plan.body.stages().filter(source).chain(rest)
}

fn copy(env: &mut Env, from: &ValueName, to: &ValueName) -> Result<(), Fault> {
    let value = env.values.get(from).ok_or_else(|| Fault::new(format!("the plan uses `{from}` before it is made")))?;
    env.values.insert(to.clone(), value.clone());
    Ok(())
}
