//! `follow`: a policy that starts as a copy of another and is changed only by its update rule.

use pbpo_plan::Stage;

use super::Op;
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::value::Value;

pub struct Follow;

impl Op for Follow {
    fn run(&self, stage: &Stage, env: &mut Env, _: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        Ok(vec![Value::Player(Box::new(env.player(stage, "policy")?.snapshot()))])
    }
}
