//! Worlds, policies in them with their followers, and linear reward models.

use std::sync::Arc;

use pbpo_exact::likelihood::{Preferences, fit_in_ball};
use pbpo_exact::linalg::Covariance;
use pbpo_exact::policy::Policy;
use pbpo_exact::world::{Features, Instance, Layout, Spec, make};
use pbpo_plan::Stage;
use pbpo_plan::ops::follow::Update;
use pbpo_plan::ops::policy::{self, Class};
use pbpo_plan::ops::{refresh, reward_model, world};

use super::{Compared, Outputs, Place, Player, Reward, Value, blocks, outputs, place, player, reward};
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::ops::config;

/// Runs `world`: its random parts come from the stage's stream, so each seed has a different world.
pub fn make_world(stage: &Stage, _: &Env, context: &mut Context<'_>) -> Outputs {
    let world = make(&spec(config(stage)?), &mut context.rng(&stage.name)).map_err(Fault::new)?;
    let optimum = world.value(&world.optimum());
    outputs([Value::World(Arc::new(Place { world, optimum }))])
}

/// Returns the world of a plan as its makers read it.
fn spec(settings: world::Settings) -> Spec {
    let world::Settings { instance, norm, misspecified, per_step } = settings;
    let size = |size: u64| size as usize;
    let instance = match instance {
        world::Instance::Bandit { arms, dim, features, episodes } => {
            let features = match features {
                world::Features::Isotropic => Features::Isotropic,
                world::Features::Decaying => Features::Decaying,
                world::Features::Rare => Features::Rare,
                world::Features::Hypercube => Features::Hypercube,
            };
            Instance::Bandit { arms: size(arms), dim: size(dim), features, episodes: size(episodes) }
        }
        world::Instance::Contextual { contexts, arms, dim } => {
            Instance::Contextual { contexts: size(contexts), arms: size(arms), dim: size(dim) }
        }
        world::Instance::Mdp { layout, states, actions, horizon, dim } => {
            let layout = match layout {
                world::Layout::Random => Layout::Random,
                world::Layout::Star => Layout::Star,
                world::Layout::Grid => Layout::Grid,
            };
            let (states, actions) = (size(states), size(actions));
            Instance::Mdp { layout, states, actions, horizon: size(horizon), dim: size(dim) }
        }
        world::Instance::Cube { horizon, dim, episodes } => {
            Instance::Cube { horizon: size(horizon), dim: size(dim), episodes: size(episodes) }
        }
        world::Instance::Tokens { vocabulary, length, dim } => {
            Instance::Tokens { vocabulary: size(vocabulary), length: size(length), dim: size(dim) }
        }
        world::Instance::File { features, theta } => Instance::File { features, theta },
    };
    Spec { instance, norm, misspecified, per_step }
}

/// Returns a policy that starts uniform.
pub fn make_policy(stage: &Stage, env: &Env, _: &mut Context<'_>) -> Outputs {
    let policy::InWorld { class } = config(stage)?;
    let place = place(env, stage, "world")?.clone();
    let world = &place.world;
    if matches!(class, Class::Points {}) && (world.states > 1 || world.horizon > 1) {
        return Err(Fault::new("`class = points` needs a world with one state and one step")
            .help("write `class = mixtures`: any policy of the world"));
    }
    let alike = (0..world.states).all(|s| (1..world.actions).all(|a| world.phi(s, a) == world.phi(s, 0)));
    if matches!(class, Class::LogLinear { .. }) && alike {
        return Err(Fault::new(
            "the features of this world say nothing of the action: a log-linear policy can't leave uniform",
        )
        .help("write `class = mixtures`: any policy of the world"));
    }
    let (policy, weights) = (Arc::new(Policy::uniform(world)), vec![0.0; world.width()]);
    outputs([Value::Player(Arc::new(Player { place, policy, class, weights }))])
}

/// Returns a copy of a policy.
pub fn follow(stage: &Stage, env: &Env, _: &mut Context<'_>) -> Outputs {
    outputs([Value::Player(player(env, stage, "policy")?.clone())])
}

/// Returns a follower at the start of an episode. With `best_so_far` it becomes the leader if the leader earns more by
/// the reward model's fit, in expectation and not from samples.
pub fn refresh(stage: &Stage, env: &Env, context: &mut Context<'_>) -> Outputs {
    let refresh::Settings { update, .. } = config(stage)?;
    let (follower, leader) = (player(env, stage, "follower")?, player(env, stage, "policy")?);
    let taken = if update == Update::BestSoFar {
        let theta = &reward(env, stage, "reward_model")?.fit.theta;
        let earned = |player: &Player| pbpo_exact::dot(theta, &player.place.world.features(&player.policy));
        let better = earned(leader) > earned(follower);
        context.record("reference/replaced", f64::from(u8::from(better)));
        if better { leader } else { follower }
    } else {
        leader
    };
    outputs([Value::Player(taken.clone())])
}

/// Returns a reward model without preferences: theta is 0.
pub fn make_reward_model(stage: &Stage, env: &Env, _: &mut Context<'_>) -> Outputs {
    let reward_model::InWorld { bound, ridge, covariance } = config(stage)?;
    let place = place(env, stage, "world")?.clone();
    let width = place.world.width();
    let data = Preferences::new(width);
    let fit = fit_in_ball(&data, ridge, bound, &vec![0.0; width]);
    let covariance = Covariance::new(&blocks(&place.world, covariance), ridge);
    let seen = Compared::default();
    outputs([Value::Reward(Arc::new(Reward { place, bound, data, fit, covariance, seen }))])
}
