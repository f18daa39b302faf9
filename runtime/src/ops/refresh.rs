//! `refresh`: updates a follower by its rule at the start of an episode.
//!
//! `each_episode` always copies the leader. `best_so_far` copies it only if, on the same prompts, its responses earn
//! more from the reward model than the follower's do.

use pbpo_plan::Stage;
use pbpo_plan::ops::follow::Update;
use pbpo_plan::ops::refresh::Settings;

use super::sample::rollouts;
use super::{Op, block, config, name_prompt};
use crate::batch::Batch;
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::model::RewardModel;
use crate::value::{Rollouts, Value};

pub struct Refresh;

impl Op for Refresh {
    fn run(&self, stage: &Stage, env: &mut Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let Settings { update, count } = config(stage)?;
        let count = count.unwrap_or(0) as usize;
        let [follower, leader] = [env.player(stage, "follower")?, env.player(stage, "policy")?];
        let taken = match update {
            Update::BestSoFar => {
                let prompts = env.data(stage, "prompts")?;
                let reward = env.reward_model(stage, "reward_model")?;
                let rng = context.rng(&stage.name);
                let earned = |port: &str| -> Result<f64, Fault> {
                    let policy = env.policy(stage, port)?;
                    let drawn = rollouts(policy, prompts, count, 1, policy.sampling, &mut rng.clone())
                        .map_err(|fault| name_prompt(fault, block(stage, port), &prompts.name, |item| item))?;
                    let mean = mean_reward(reward, &drawn, context);
                    let what = || format!("the mean reward by `{}`", block(stage, "reward_model"));
                    if mean.is_finite() { Ok(mean) } else { Err(Fault::model_not_finite(&what(), mean)) }
                };
                let better = earned("policy")? > earned("follower")?;
                context.record("reference/replaced", f64::from(u8::from(better)));
                if better { leader } else { follower }
            }
            Update::Sft | Update::EachEpisode => leader,
        };
        Ok(vec![Value::Player(Box::new(taken.snapshot()))])
    }
}

fn mean_reward(reward: &RewardModel, rollouts: &Rollouts, context: &Context<'_>) -> f64 {
    let batch = Batch::new(&rollouts.rows, &context.device);
    f64::from(reward.response_rewards(&batch).mean().into_scalar::<f32>())
}
