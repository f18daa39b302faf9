//! `forward`: a frozen player's output for a batch, made once for the steps that need it.

use std::sync::Arc;

use pbpo_plan::ops::forward::Settings;
use pbpo_plan::{BatchRef, Stage};

use super::{Op, config};
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::objective::forwards::Output;
use crate::objective::padded;
use crate::objective::pieces::{LIMITS, Size};
use crate::value::Value;

pub struct MakeForward;

impl Op for MakeForward {
    fn run(&self, stage: &Stage, env: &mut Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let Settings { gives, side } = config(stage)?;
        let batch = BatchRef { value: super::named(stage, "batch")?.clone(), side };
        // This uses the plain device: without a backward pass, autodiff would never free the forward's graph.
        let batch = padded(&env.values, &batch, &context.device)?;
        let model = &env.player(stage, "player")?.model;
        let output =
            if Size::of(model).is_exceeded(&batch, LIMITS) { Output::Later } else { model.forward(&batch, gives) };
        Ok(vec![Value::Forward(Arc::new(output))])
    }
}
