//! `sample`: draws prompts from the data, and `per_prompt` responses to each.

use std::sync::Arc;

use pbpo_plan::Stage;
use pbpo_plan::ops::sample::Settings;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Op, block, config, name_prompt};
use crate::context::Context;
use crate::data::{Data, Source};
use crate::env::Env;
use crate::error::Fault;
use crate::generate::{Sampling, generate};
use crate::player::Policy;
use crate::value::{Rollouts, Value};

pub struct Sample;

impl Op for Sample {
    fn run(&self, stage: &Stage, env: &mut Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let Settings { count, per_prompt, temperature, max_new } = config(stage)?;
        let (count, per_prompt) = (count as usize, per_prompt as usize);
        let sampling = Sampling { temperature, max_new: max_new as usize };
        let policy = env.policy(stage, "policy")?;
        let data = env.data(stage, "prompts")?;
        let mut rng = context.rng(&stage.name);
        let rollouts = rollouts(policy, data, count, per_prompt, sampling, &mut rng)
            .map_err(|fault| name_prompt(fault, block(stage, "policy"), &data.name, |item| item))?;
        rollouts.source.tell(context)?;
        let lengths = rollouts.rows.iter().map(|r| r.response.len());
        context.counters.generated += lengths.clone().sum::<usize>() as u64;
        let ended = rollouts.rows.iter().filter(|r| policy.tokenizer.ended(&r.response)).count();
        context.record("completions/mean_length", lengths.sum::<usize>() as f64 / count as f64);
        context.record("val/contain_eos_token", ended as f64 / count as f64);
        Ok(vec![Value::Rollouts(Arc::new(rollouts))])
    }
}

/// Samples `count` responses of a policy to `count / per_prompt` prompts drawn with replacement. A fault about one
/// prompt has its item as the row.
pub fn rollouts(
    policy: Policy<'_>,
    data: &Arc<Data>,
    count: usize,
    per_prompt: usize,
    sampling: Sampling,
    rng: &mut ChaCha8Rng,
) -> Result<Rollouts, Fault> {
    let source = Source::new(data, policy.tokenizer)?;
    source.fits(sampling.max_new, policy.model.config.context)?;
    let items: Vec<usize> = (0..count / per_prompt)
        .map(|_| source.usable[rng.random_range(0..source.usable.len())])
        .flat_map(|item| std::iter::repeat_n(item, per_prompt))
        .collect();
    let prompts: Vec<&[u32]> = items.iter().map(|i| source.prompts[*i].as_slice()).collect();
    let responses = generate(policy.model, policy.tokenizer.ends(), &prompts, sampling, rng)
        .map_err(|fault| Fault { row: fault.row.map(|row| items[row]), ..fault })?;
    let rows = responses.into_iter().zip(items).map(|(response, item)| source.row(item, response));
    let rows = rows.collect::<Result<_, Fault>>()?;
    Ok(Rollouts { source, rows, per_prompt })
}
