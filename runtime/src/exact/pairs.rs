//! Trajectories: sampled, labelled and collected.

use std::fmt::Write;
use std::sync::Arc;

use pbpo_exact::world::Trajectory;
use pbpo_hub::records::Text;
use pbpo_plan::Stage;
use pbpo_plan::ops::sample::InWorld;
use rand::RngExt;

use super::{Compared, Outputs, Played, Value, outputs, played, player};
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::event::{Event, PreferenceRecord};
use crate::ops::config;
use crate::value;

/// Samples trajectories of a policy from start states of its world.
pub fn sample(stage: &Stage, env: &Env, context: &mut Context<'_>) -> Outputs {
    let InWorld { count } = config(stage)?;
    let player = player(env, stage, "policy")?;
    let (place, policy) = (player.place.clone(), player.policy.clone());
    let mut rng = context.rng(&stage.name);
    let one = |_| {
        let start = place.world.draw_start(&mut rng);
        place.world.sample(&policy, start, &mut rng)
    };
    let trajectories = (0..count).map(one).collect();
    outputs([Value::Played(Arc::new(Played { place, policy, trajectories }))])
}

/// Makes Bradley-Terry-Luce labels on the true reward.
pub fn label(stage: &Stage, env: &Env, context: &mut Context<'_>) -> Outputs {
    let oracle = env.oracle(stage, "oracle")?;
    let oracle = oracle.btl();
    let (first, second) = (played(env, stage, "first")?, played(env, stage, "second")?);
    let world = &first.place.world;
    let mut rng = context.rng(&stage.name);
    let (mut pairs, mut records) = (Vec::new(), Vec::new());
    for (a, b) in first.trajectories.iter().zip(&second.trajectories) {
        let margin = world.reward(a) - world.reward(b);
        let preferred = 1.0 / (1.0 + (-oracle.scale * margin).exp());
        let mut first_wins = rng.random::<f64>() < preferred;
        first_wins ^= rng.random::<f64>() < oracle.flip;
        let (chosen, rejected) = if first_wins { (a, b) } else { (b, a) };
        context.record("oracle/ties", f64::from(u8::from(margin == 0.0)));
        records.push(PreferenceRecord {
            episode: context.step(),
            prompt: Text::Plain(a.0.first().map_or_else(String::new, |(state, _)| format!("s{state}"))),
            chosen: Text::Plain(text(chosen)),
            rejected: Text::Plain(text(rejected)),
            probability: 1.0,
        });
        pairs.push([world.trajectory_features(chosen), world.trajectory_features(rejected)]);
    }
    context.emit(Event::Preferences { records })?;
    outputs([Value::Compared(Compared::default().with(Arc::new(pairs)))])
}

/// Returns a trajectory as text: `s0a3 s2a1`.
fn text(trajectory: &Trajectory) -> String {
    let mut out = String::new();
    for (state, action) in &trajectory.0 {
        let _ = write!(out, "{}s{state}a{action}", if out.is_empty() { "" } else { " " });
    }
    out
}

/// Returns a set with a batch appended; the set may be the empty one with which every pipeline starts.
pub fn append(stage: &Stage, env: &Env, _: &mut Context<'_>) -> Outputs {
    let compared = |port: &str| match env.get(stage, port)? {
        value::Value::Exact(Value::Compared(compared)) => Ok(compared.clone()),
        value::Value::Preferences(none) if none.is_empty() => Ok(Compared::default()),
        other => Err(Fault::new(format!("{} can't be collected with compared trajectories", other.kind()))),
    };
    let batch = compared("batch")?;
    let new = batch.chunks.iter().map(|chunk| chunk.pairs.clone());
    let set = new.fold(compared("preferences")?, Compared::with);
    outputs([Value::Compared(set)])
}
