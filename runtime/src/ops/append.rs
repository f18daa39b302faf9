//! `append`: adds new pairs to a preference set, after the old ones.

use pbpo_plan::Stage;

use super::Op;
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::value::Value;

pub struct Append;

impl Op for Append {
    fn run(&self, stage: &Stage, env: &mut Env, _: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let set = env.preferences(stage, "preferences")?.clone();
        Ok(vec![Value::Preferences(set.append(env.preferences(stage, "batch")?))])
    }
}
