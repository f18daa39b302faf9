//! `exploration`: the enhancer's state, an empty covariance over features.

use pbpo_exact::linalg::Factor;
use pbpo_plan::Stage;
use pbpo_plan::ops::exploration::{Bonus, Settings};

use super::{Op, config};
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::value::{Exploration, Value};

pub struct MakeExploration;

impl Op for MakeExploration {
    fn run(&self, stage: &Stage, env: &mut Env, _: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let Settings { bonus, ridge, candidates } = config(stage)?;
        let features = env.features(stage, "features")?.clone();
        Ok(vec![Value::Exploration(Box::new(Exploration {
            covariance: Factor::diagonal(features.dim, ridge),
            mean_norm: bonus == Bonus::MeanNorm,
            features,
            candidates: candidates as usize,
        }))])
    }
}
