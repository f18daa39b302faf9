//! `policy`: a player that generates, started from a model.

use pbpo_plan::Stage;
use pbpo_plan::ops::policy::Settings;

use super::{Op, config};
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::generate::Sampling;
use crate::optimizer::Optimizer;
use crate::value::{Policy, Value};

pub struct MakePolicy;

impl Op for MakePolicy {
    fn run(&self, stage: &Stage, env: &mut Env, _: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let Settings { optimizer, sampling } = config(stage)?;
        let init = env.init(stage, "init")?;
        init.predicts()?;
        Ok(vec![Value::Policy(Box::new(Policy {
            model: init.model.clone(),
            optimizer: Some(Optimizer::new(optimizer)),
            sampling: Sampling { temperature: sampling.temperature, max_new: sampling.max_new as usize },
            tokenizer: init.tokenizer.clone(),
            base: init.base.clone(),
        }))])
    }
}
