//! `preferences`: an empty set of labelled pairs.

use pbpo_plan::Stage;

use super::Op;
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::value::{Preferences, Value};

pub struct MakePreferences;

impl Op for MakePreferences {
    fn run(&self, _: &Stage, _: &mut Env, _: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        Ok(vec![Value::Preferences(Preferences::default())])
    }
}
