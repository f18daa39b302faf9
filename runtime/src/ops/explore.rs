//! `explore`: picks, for each reference response, the candidate whose pair with it is the most informative.
//!
//! `expected_square` (the E2 form) takes `argmax_j |phi(c_j) - phi(y_ref)|^2` in the norm of the inverse covariance;
//! `mean_norm` (E1) takes the candidate that makes the batch's summed difference longest. The covariance is updated
//! with each pick before the next prompt, which needs no labels. `explorer/uncertainty_mean` and
//! `explorer/uncertainty_max` are norms of the chosen differences, not their squares, as in the exact track.

use std::sync::Arc;

use pbpo_plan::Stage;
use pbpo_plan::ops::explore::Settings;

use super::{Op, block, config, name_prompt};
use crate::batch::Row;
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::generate::{Sampling, generate};
use crate::value::{Exploration, Rollouts, Value};

pub struct Explore;

impl Op for Explore {
    fn run(&self, stage: &Stage, env: &mut Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let Settings { temperature, max_new, .. } = config(stage)?;
        let sampling = Sampling { temperature, max_new: max_new as usize };
        let policy = env.policy(stage, "policy")?;
        let against = env.rollouts(stage, "against")?;
        let mut exploration = env.exploration(stage, "exploration")?.clone();
        let n = exploration.candidates;
        let mut rng = context.rng(&stage.name);
        let prompts: Vec<&[u32]> =
            against.rows.iter().flat_map(|r| std::iter::repeat_n(r.prompt.as_slice(), n)).collect();
        let responses =
            generate(policy.model, policy.tokenizer.ends(), &prompts, sampling, &mut rng).map_err(|fault| {
                let data = &against.source.data.name;
                name_prompt(fault, block(stage, "policy"), data, |row| against.rows[row / n].item)
            })?;
        let candidates: Vec<Row> = responses
            .into_iter()
            .zip(against.rows.iter().flat_map(|r| std::iter::repeat_n(r, n)))
            .map(|(response, reference)| against.source.row(reference.item, response))
            .collect::<Result<_, Fault>>()?;
        context.counters.generated += candidates.iter().map(|row| row.response.len() as u64).sum::<u64>();
        let rows: Vec<&Row> = against.rows.iter().chain(&candidates).collect();
        let phi = exploration.features.of(&rows, &context.device)?;
        let (phi_ref, phi_new) = phi.split_at(against.rows.len());
        let picks = pick(&mut exploration, phi_ref, phi_new, context);
        context.record("explorer/logdet", exploration.covariance.log_det());
        let rows = picks.into_iter().map(|i| candidates[i].clone()).collect();
        let rollouts = Rollouts { source: against.source.clone(), rows, per_prompt: 1 };
        Ok(vec![Value::Rollouts(Arc::new(rollouts)), Value::Exploration(Box::new(exploration))])
    }
}

/// Returns the index of the chosen candidate for each reference row; updates the covariance on the way.
fn pick(
    exploration: &mut Exploration,
    phi_ref: &[Vec<f64>],
    phi_new: &[Vec<f64>],
    context: &mut Context<'_>,
) -> Vec<usize> {
    let n = exploration.candidates;
    let mut sum = vec![0.0; exploration.covariance.width()];
    let mut most = 0.0_f64;
    let mut picks = Vec::with_capacity(phi_ref.len());
    for (i, reference) in phi_ref.iter().enumerate() {
        let mut best: Option<(f64, usize, Vec<f64>)> = None;
        for (j, candidate) in phi_new[i * n..][..n].iter().enumerate() {
            let z: Vec<f64> = candidate.iter().zip(reference).map(|(a, b)| a - b).collect();
            let bonus = if exploration.mean_norm {
                let total: Vec<f64> = z.iter().zip(&sum).map(|(a, b)| a + b).collect();
                exploration.covariance.inverse_norm_sq(&total)
            } else {
                exploration.covariance.inverse_norm_sq(&z)
            };
            if best.as_ref().is_none_or(|(most, ..)| bonus > *most) {
                best = Some((bonus, i * n + j, z));
            }
        }
        let Some((_, index, z)) = best else { continue };
        let told = exploration.covariance.inverse_norm_sq(&z).sqrt();
        context.record("explorer/uncertainty_mean", told);
        most = most.max(told);
        exploration.covariance.add(&z);
        sum.iter_mut().zip(&z).for_each(|(s, z)| *s += z);
        picks.push(index);
    }
    context.record("explorer/uncertainty_max", most);
    picks
}
