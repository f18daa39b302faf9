//! `evaluate`: measures a policy on held-out prompts, sampled with the policy's settings.

use pbpo_plan::Stage;
use pbpo_plan::ops::evaluate::{Metric, Settings};

use super::{Op, block, config, name_prompt};
use crate::context::Context;
use crate::data::{Source, shown};
use crate::env::Env;
use crate::error::Fault;
use crate::event::{Completion, Evaluation, Event, Metrics};
use crate::generate::generate;
use crate::value::Value;

pub struct Evaluate;

/// Prompts asked at once.
pub const ASKED: usize = 256;

/// The number of completions shown to a person.
const SHOWN: usize = 5;

impl Op for Evaluate {
    fn run(&self, stage: &Stage, env: &mut Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let Settings { metrics: wanted, every, label, before, count } = config(stage)?;
        let every = every as usize;
        let due = context.counters.episode.is_multiple_of(every.max(1))
            || context.counters.episode == context.counters.episodes;
        if !due {
            return Ok(vec![Value::Report]);
        }
        let policy = env.policy(stage, "policy")?;
        let data = env.data(stage, "data")?;
        let sampling = policy.sampling;
        let scored = wanted.iter().any(|metric| *metric != Metric::Length);
        let mut rng = context.rng(&stage.name);
        let source = Source::new(data, policy.tokenizer)?;
        source.tell(context)?;
        source.fits(sampling.max_new, policy.model.config.context)?;
        let mut scores = Vec::with_capacity(data.items.len());
        let (mut lengths, mut answered) = (0, 0);
        let mut completions = Vec::new();
        let indices: Vec<usize> =
            source.usable.iter().copied().take(count.map_or(usize::MAX, |count| count as usize)).collect();
        for chunk in indices.chunks(ASKED) {
            let prompts: Vec<&[u32]> = chunk.iter().map(|i| source.prompts[*i].as_slice()).collect();
            let responses = generate(policy.model, policy.tokenizer.ends(), &prompts, sampling, &mut rng)
                .map_err(|fault| name_prompt(fault, block(stage, "policy"), &data.name, |row| chunk[row]))?;
            for (item, response) in chunk.iter().zip(responses) {
                context.counters.generated += response.len() as u64;
                // The mean length needs no score.
                let score = scored.then(|| source.score(*item, &response)).transpose()?;
                scores.extend(score);
                answered += 1;
                lengths += response.len();
                if completions.len() < SHOWN {
                    let completion = source.text(*item, &response);
                    completions.push(Completion { prompt: shown(&data.items[*item].prompt), completion, score });
                }
            }
        }
        if answered == 0 {
            return Err(Fault::new(format!("`{}` has no prompt to measure on", data.name)));
        }
        let n = f64::from(answered);
        let mut metrics = Metrics::new();
        for metric in wanted {
            let value = match metric {
                Metric::Accuracy => scores.iter().filter(|s| **s == 1.0).count() as f64 / n,
                Metric::Score => scores.iter().sum::<f64>() / n,
                Metric::Length => lengths as f64 / n,
            };
            metrics.insert(metric.word().to_owned(), value);
        }
        // Figures of other prompts are no comparison.
        let first = if indices.len() < source.usable.len() {
            format!("the first {} of ", indices.len())
        } else {
            String::new()
        };
        let subject = format!("{} on {first}{}", block(stage, "policy"), block(stage, "data"));
        let (looped, step) = (before || context.counters.in_loop, context.step());
        context.emit(Event::Evaluation(Evaluation { label, subject, looped, before, step, metrics, completions }))?;
        Ok(vec![Value::Report])
    }
}
