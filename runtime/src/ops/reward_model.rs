//! `reward_model`: a player that scores, its backbone a copy of an imitated model.

use pbpo_compiler::plan::Stage;
use serde::Deserialize;

use super::{Op, config};
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::exact;
use crate::model::{Head, RewardModel};
use crate::optimizer::{AdamW, Optimizer};
use crate::value::{Reward, Value};

pub struct MakeRewardModel;

#[derive(Deserialize)]
struct Settings {
    head: Head,
    bound: f64,
    optimizer: AdamW,
}

impl Op for MakeRewardModel {
    fn run(&self, stage: &Stage, env: &Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        if exact::is_exact(env, stage, "world") {
            return exact::make_reward_model(stage, env);
        }
        let Settings { head, bound, optimizer } = config(stage)?;
        let init = env.init(stage, "init")?;
        let model = RewardModel::new(init.model.clone(), head, bound, &context.device);
        Ok(vec![Value::Reward(Box::new(Reward { model, optimizer: Optimizer::new(optimizer) }))])
    }
}
