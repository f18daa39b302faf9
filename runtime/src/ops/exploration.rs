//! `exploration`: the enhancer's state, an empty covariance over features.

use pbpo_exact::linalg::Factor;
use pbpo_plan::Stage;
use serde::Deserialize;

use super::{Op, config};
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::value::{Exploration, Value};

pub struct MakeExploration;

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Bonus {
    ExpectedSquare,
    MeanNorm,
}

#[derive(Deserialize)]
struct Settings {
    bonus: Bonus,
    ridge: f64,
    candidates: usize,
}

impl Op for MakeExploration {
    fn run(&self, stage: &Stage, env: &mut Env, _: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let Settings { bonus, ridge, candidates } = config(stage)?;
        let features = env.features(stage, "features")?.clone();
        Ok(vec![Value::Exploration(Box::new(Exploration {
            covariance: Factor::diagonal(features.dim, ridge),
            mean_norm: bonus == Bonus::MeanNorm,
            features,
            candidates,
        }))])
    }
}
