//! `policy`: a player that generates, started from a model.

use pbpo_plan::Stage;
use pbpo_plan::ops::policy::Settings;

use super::{Op, config};
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::generate::Sampling;
use crate::optimizer::Optimizer;
use crate::player::{Model, Mover, Player};
use crate::value::Value;

pub struct MakePolicy;

impl Op for MakePolicy {
    fn run(&self, stage: &Stage, env: &mut Env, _: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let Settings { optimizer, sampling } = config(stage)?;
        let init = env.init(stage, "init")?;
        init.predicts()?;
        Ok(vec![Value::Player(Box::new(Player {
            model: Model::Policy(init.model.clone()),
            mover: Mover::Steps(Optimizer::new(optimizer)),
            sampling: Some(Sampling { temperature: sampling.temperature, max_new: sampling.max_new as usize }),
            tokenizer: init.tokenizer.clone(),
            base: init.base.clone(),
        }))])
    }
}
