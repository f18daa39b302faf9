//! Explorations: the enhancer and its baselines.

use std::sync::Arc;

use pbpo_exact::enhance::{self, Bonus, Found};
use pbpo_exact::linalg::Covariance;
use pbpo_exact::minus;
use pbpo_plan::Stage;
use pbpo_plan::ops::exploration::{self, InWorld, Search};
use rand_chacha::ChaCha8Rng;

use super::{Exploration, Outputs, Played, Value, blocks, outputs, place, played, player, reward};
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::ops::config;

/// The number of starts of the search for a pair, if it is an ascent.
const RESTARTS: usize = 16;

/// Returns an exploration without any pairs.
pub fn make(stage: &Stage, env: &Env, _: &mut Context<'_>) -> Outputs {
    let InWorld { bonus, ridge, covariance, search } = config(stage)?;
    let place = place(env, stage, "world")?.clone();
    let covariance = Covariance::new(&blocks(&place.world, covariance), ridge);
    let bonus = match bonus {
        exploration::Bonus::ExpectedSquare => Bonus::ExpectedSquare,
        exploration::Bonus::MeanNorm => Bonus::MeanNorm,
    };
    outputs([Value::Exploration(Arc::new(Exploration { place, covariance, bonus, search }))])
}

/// Samples trajectories of an informative policy from the start states of `against`. Returns them and the exploration,
/// updated with their differences.
pub fn explore(stage: &Stage, env: &Env, context: &mut Context<'_>) -> Outputs {
    let against = played(env, stage, "against")?;
    let mut next = (**super::exploration(env, stage, "exploration")?).clone();
    let (place, world) = (against.place.clone(), &against.place.world);
    let mut rng = context.rng(&stage.name);
    let anchor = matches!(next.search, Search::MaxPair {});
    if anchor {
        next.covariance = super::exploration(env, stage, "of")?.covariance.clone();
    }
    let Found { policy, value } = found(&next, against, stage, env, &mut rng)?;
    let mut trajectories = Vec::with_capacity(against.trajectories.len());
    for reference in &against.trajectories {
        let start = reference.0.first().map_or(0, |(state, _)| *state);
        let trajectory = world.sample(&policy, start, &mut rng);
        let z = minus(&world.trajectory_features(&trajectory), &world.trajectory_features(reference));
        // The differences of an anchor are counted with the other policy, against which it is labelled.
        if !anchor {
            context.record("explorer/uncertainty_mean", next.covariance.inverse_norm_sq(&z).sqrt());
            next.covariance.add(&z);
        }
        trajectories.push(trajectory);
    }
    if !anchor {
        context.record("explorer/value", value);
        context.record("explorer/logdet", next.covariance.log_det());
        context.record("explorer/potential", next.covariance.potential());
        context.record("explorer/potential_bound", next.covariance.potential_bound());
    }
    let played = Played { place, policy: Arc::new(policy), trajectories };
    outputs([Value::Played(Arc::new(played)), Value::Exploration(Arc::new(next))])
}

fn found(
    exploration: &Exploration,
    against: &Played,
    stage: &Stage,
    env: &Env,
    rng: &mut ChaCha8Rng,
) -> Result<Found, Fault> {
    let (world, covariance) = (&exploration.place.world, &exploration.covariance);
    let policy = match exploration.search {
        Search::Exact { restarts } => {
            return Ok(enhance::search(world, covariance, &against.policy, exploration.bonus, restarts as usize, rng));
        }
        Search::MaxPair {} => enhance::max_pair(world, covariance, RESTARTS, rng).one,
        Search::Uniform {} => enhance::uniform(world),
        Search::OnPolicy {} => (*player(env, stage, "of")?.policy).clone(),
        Search::EpsilonGreedy { epsilon } => enhance::epsilon_greedy(world, &player(env, stage, "of")?.policy, epsilon),
        Search::Thompson { scale } => {
            let fit = &reward(env, stage, "of")?.fit;
            enhance::thompson(world, &fit.theta, scale, &fit.hessian, rng).map_err(Fault::new)?
        }
        Search::None {} => (*against.policy).clone(),
    };
    let value = enhance::bonus(world, covariance, &policy, &against.policy, exploration.bonus);
    Ok(Found { value, policy })
}
