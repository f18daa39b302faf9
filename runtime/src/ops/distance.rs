//! `distance`: the distance of two reward models on responses.

use pbpo_plan::Stage;

use super::Op;
use crate::batch::Batch;
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::event::{Event, Metrics};
use crate::value::Value;

pub struct Distance;

impl Op for Distance {
    fn run(&self, stage: &Stage, env: &mut Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let batch = Batch::new(&env.rollouts(stage, "rollouts")?.rows, &context.device);
        let rewards = |port: &str| -> Result<Vec<f64>, Fault> {
            let rewards = env.reward_model(stage, port)?.response_rewards(&batch);
            let rewards: Vec<f64> =
                rewards.into_data_as::<f64>().try_into_vec().map_err(|_| Fault::new("rewards can't be read"))?;
            match rewards.iter().find(|reward| !reward.is_finite()) {
                Some(odd) => {
                    Err(Fault::model_not_finite(&format!("a reward by `{}`", super::block(stage, port)), *odd))
                }
                None => Ok(rewards),
            }
        };
        let (first, second) = (rewards("first")?, rewards("second")?);
        let most = first.iter().zip(&second).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let (low, high) =
            second.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), r| (low.min(*r), high.max(*r)));
        if high <= low {
            return Err(Fault::new("the second reward model gives every response the same reward: there is no range")
                .help("move it first, or give more responses"));
        }
        let distance = most / (high - low);
        context.record("reward/distance", distance);
        context.emit(Event::Summary { metrics: Metrics::from([("reward/distance".to_owned(), distance)]) })?;
        Ok(vec![Value::Report])
    }
}
