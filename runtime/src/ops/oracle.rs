//! `oracle`: who labels pairs.

use std::sync::Arc;

use pbpo_compiler::plan::Stage;

use super::{Op, config};
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::value::Value;

pub struct MakeOracle;

impl Op for MakeOracle {
    fn run(&self, stage: &Stage, _: &Env, _: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        Ok(vec![Value::Oracle(Arc::new(config(stage)?))])
    }
}
