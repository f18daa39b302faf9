//! `follow`: a policy that starts as a copy of another and is changed only by its update rule.

use pbpo_plan::Stage;

use super::Op;
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::value::{Policy, Value};

pub struct Follow;

impl Op for Follow {
    fn run(&self, stage: &Stage, env: &mut Env, _: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        Ok(vec![Value::Policy(Box::new(snapshot(env.policy(stage, "policy")?)))])
    }
}

/// Returns a policy frozen in its current state.
pub fn snapshot(policy: &Policy) -> Policy {
    let policy = policy.clone();
    Policy { optimizer: None, model: policy.model.frozen(), ..policy }
}
