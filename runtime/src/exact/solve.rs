//! `solve`: the leader's best answer to the worst reward in the confidence set (Algorithm 1, lines 13 and 14).
//!
//! The reward model first learns from the new pairs (covariance, maximum likelihood); the set is made around it; the
//! policy is found by its class. Figures: `game/value` (the worst-case gap), `game/gap` (duality gap), `set/size`
//! (radius or slack), `set/contains` (theta* is in the set), `rm/distance` (of theta_hat to theta*), `regret/bound`
//! (the theorem's bound so far).

use std::sync::Arc;

use pbpo_exact::likelihood::{Preferences, fit_in_ball, refit};
use pbpo_exact::minus;
use pbpo_exact::set::{Keep, Norm, Radius, Set, Sizes};
use pbpo_exact::step::{frank_wolfe, log_linear, points};
use pbpo_plan::Stage;
use pbpo_plan::ops::keep;
use pbpo_plan::ops::policy::Class;

use super::{Compared, Outputs, Player, Reward, Value, outputs, player, reward};
use crate::context::Context;
use crate::env::Env;
use crate::ops::config;
use crate::value;

/// Returns the set of a plan, with the bound of the reward model.
pub fn kept(keep: keep::Keep, bound: f64) -> Keep {
    match keep {
        keep::Keep::Ellipsoid { norm, delta, scale } => {
            let norm = match norm {
                keep::Norm::Covariance => Norm::Covariance,
                keep::Norm::Hessian => Norm::Hessian,
            };
            Keep::Ellipsoid { norm, radius: Radius { delta, scale, bound } }
        }
        keep::Keep::Likelihood { delta, scale } => Keep::Likelihood { radius: Radius { delta, scale, bound } },
        keep::Keep::Lagrangian { beta, nll } => Keep::Lagrangian { beta, mean: nll == keep::Nll::Mean },
        keep::Keep::Dual { slack } => Keep::Dual { slack },
        keep::Keep::Mle {} => Keep::Mle,
    }
}

pub fn solve(stage: &Stage, env: &Env, context: &mut Context<'_>) -> Outputs {
    let keep::Settings { keep } = config(stage)?;
    let (leader, against) = (player(env, stage, "policy")?, player(env, stage, "against")?);
    let mut model = (**reward(env, stage, "reward_model")?).clone();
    // Before the first `+=` the set is the empty one with which every pipeline starts.
    if let value::Value::Exact(Value::Compared(compared)) = env.get(stage, "preferences")? {
        learn(&mut model, compared);
    }
    let next = step(leader, against, &model, kept(keep, model.bound), context);
    outputs([Value::Player(Arc::new(next)), Value::Reward(Arc::new(model))])
}

/// Learns from the pairs that are new to the model; starts again if the set is not an extension of the known one.
fn learn(model: &mut Reward, compared: &Compared) {
    if !compared.continues(&model.seen) {
        model.seen = Compared::default();
        model.data = Preferences::new(model.data.width);
        model.covariance = model.covariance.fresh();
        model.fit = fit_in_ball(&model.data, model.fit.ridge, model.bound, &model.fit.theta);
    }
    let known = model.data.len();
    for [chosen, rejected] in compared.behind(&model.seen) {
        model.covariance.add(&minus(chosen, rejected));
        model.data.push(chosen, rejected);
    }
    model.fit = refit(&model.data, &model.fit, known);
    model.seen = compared.clone();
}

fn step(leader: &Player, against: &Player, model: &Reward, keep: Keep, context: &mut Context<'_>) -> Player {
    let world = &leader.place.world;
    let set = Set::new(keep, &model.data, &model.fit, &model.covariance, world.difference_bound());
    let (reference, mut weights) = (&*against.policy, leader.weights.clone());
    let chosen = match leader.class {
        Class::Points {} => points(world, &set, reference),
        Class::Mixtures { tolerance, steps } => {
            frank_wolfe(world, &set, reference, &leader.policy, tolerance, steps as usize)
        }
        Class::LogLinear { steps, rate } => {
            let found = log_linear(world, &set, reference, &weights, steps as usize, rate);
            weights = found.w;
            found.chosen
        }
    };
    context.record("game/value", chosen.value);
    if chosen.gap.is_finite() {
        context.record("game/gap", chosen.gap);
    }
    context.record("game/iterations", chosen.iterations as f64);
    context.record("set/size", set.size());
    context.record("set/contains", f64::from(u8::from(set.contains(&world.theta))));
    let sizes = Sizes { width: world.width(), pairs: model.data.len(), difference: world.difference_bound() };
    let bound = keep.regret_bound(sizes, model.fit.ridge, context.counters.episode);
    if let Some(bound) = bound.filter(|bound| bound.is_finite()) {
        context.record("regret/bound", bound);
    }
    let off = minus(&model.fit.theta, &world.theta);
    context.record("rm/distance", pbpo_exact::dot(&off, &off).sqrt());
    Player { policy: Arc::new(chosen.policy), weights, ..leader.clone() }
}
