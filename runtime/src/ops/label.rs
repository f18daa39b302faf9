//! `label`: an oracle says which response of each pair it prefers.

use pbpo_compiler::plan::Stage;
use rand::RngExt;

use super::Op;
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::event::{Event, PreferenceRecord};
use crate::value::{Pair, Preferences, Value};

pub struct Label;

impl Op for Label {
    fn run(&self, stage: &Stage, env: &Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let oracle = env.oracle(stage, "oracle")?;
        let (first, second) = (env.rollouts(stage, "first")?, env.rollouts(stage, "second")?);
        if first.rows.iter().map(|r| r.item).ne(second.rows.iter().map(|r| r.item)) {
            return Err(Fault::new("the two sides answer different prompts")
                .help("make one side from the other: y2 = explore(..., against = y1)"));
        }
        let data = &first.data;
        let mut rng = context.rng(&stage.name);
        let mut pairs = Vec::with_capacity(first.rows.len());
        for (a, b) in first.rows.iter().zip(&second.rows) {
            let margin = data.score(a.item, &a.response) - data.score(b.item, &b.response);
            let preferred = 1.0 / (1.0 + (-oracle.scale * margin).exp());
            let mut first_wins = rng.random::<f64>() < preferred;
            let flipped = rng.random::<f64>() < oracle.flip;
            first_wins ^= flipped;
            let (chosen, rejected) = if first_wins { (a, b) } else { (b, a) };
            pairs.push(Pair { chosen: chosen.clone(), rejected: rejected.clone() });
            context.record("oracle/ties", f64::from(u8::from(margin == 0.0)));
            if margin != 0.0 {
                context.record("oracle/agreement", f64::from(u8::from(first_wins == (margin > 0.0))));
            }
        }
        context.record("oracle/queries", pairs.len() as f64);
        let records: Vec<PreferenceRecord> = pairs
            .iter()
            .map(|p| PreferenceRecord {
                episode: context.episode,
                prompt: data.items[p.chosen.item].prompt.clone(),
                chosen: data.text(&p.chosen.response),
                rejected: data.text(&p.rejected.response),
            })
            .collect();
        context.emit(Event::Preferences { records })?;
        Ok(vec![Value::Preferences(Preferences::new(data.clone(), pairs))])
    }
}
