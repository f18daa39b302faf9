//! `regret`: the regret of a policy, from the model of its world (never from samples).
//!
//! For each episode: `regret/episode` of the main policy, `regret/cumulative`, `regret/pair` (the mean of the two
//! compared policies; it stays linear by design, since an enhancer plays to learn), `value/policy`, `value/reference`,
//! `reference/worse` (the policy is worse than the one it was compared with). For the run: `regret/final`,
//! `regret/slope` (log-log, last three quarters), `regret/stepdown` (share of worse episodes).

use pbpo_exact::stats::slope;
use pbpo_plan::Stage;

use super::{Outputs, played, player};
use crate::context::Context;
use crate::env::Env;
use crate::event::{Event, Metrics};
use crate::value::Value;

/// The margin for rounding: a policy counts as worse beyond it.
const ROUNDING: f64 = 1e-9;

pub fn regret(stage: &Stage, env: &Env, context: &mut Context<'_>) -> Outputs {
    let main = player(env, stage, "policy")?;
    let (first, second) = (played(env, stage, "first")?, played(env, stage, "second")?);
    let (world, optimum) = (&main.place.world, main.place.optimum);
    let [value, reference, other] = [&main.policy, &first.policy, &second.policy].map(|policy| world.value(policy));
    let worse = f64::from(u8::from(value < reference - ROUNDING));
    context.record("regret/episode", optimum - value);
    context.record("regret/pair", optimum - (reference + other) / 2.0);
    context.record("value/policy", value);
    context.record("value/reference", reference);
    context.record("reference/worse", worse);
    let last = context.counters.episode == context.counters.episodes;
    let down = context.running(&format!("{}/worse", stage.name), worse);
    let stepdown = down[down.len() - 1] / down.len() as f64;
    let missed = context.running(&format!("{}/missed", stage.name), optimum - value);
    let total = missed[missed.len() - 1];
    // A policy without regret has no slope.
    let slope = if last { slope(missed) } else { None };
    context.record("regret/cumulative", total);
    if last {
        let mut metrics = Metrics::from([("regret/final".to_owned(), total), ("regret/stepdown".to_owned(), stepdown)]);
        metrics.extend(slope.map(|slope| ("regret/slope".to_owned(), slope)));
        context.emit(Event::Summary { metrics })?;
    }
    Ok(vec![Value::Report])
}
