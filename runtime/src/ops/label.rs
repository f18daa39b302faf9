//! `label`: an oracle says which response of each pair it prefers. A pair without an answer is left out.

use pbpo_compiler::plan::Stage;
use pbpo_hub::records::Text;
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
        let source = &first.source;
        let mut rng = context.rng(&stage.name);
        let opinions = oracle.compare(source, &first.rows, &second.rows, context)?;
        let flip = oracle.btl().flip;
        let mut pairs = Vec::with_capacity(first.rows.len());
        for ((a, b), opinion) in first.rows.iter().zip(&second.rows).zip(opinions) {
            if let Some(tie) = opinion.tie {
                context.record("oracle/ties", f64::from(u8::from(tie)));
            }
            let Some(preferred) = opinion.first else { continue };
            let mut first_wins = rng.random::<f64>() < preferred;
            let flipped = rng.random::<f64>() < flip;
            first_wins ^= flipped;
            let (chosen, rejected) = if first_wins { (a, b) } else { (b, a) };
            pairs.push(Pair { chosen: chosen.clone(), rejected: rejected.clone() });
            if let Some(margin) = opinion.margin.filter(|margin| *margin != 0.0) {
                context.record("oracle/agreement", f64::from(u8::from(first_wins == (margin > 0.0))));
            }
        }
        context.record("oracle/queries", first.rows.len() as f64);
        context.record("oracle/labels", pairs.len() as f64);
        let record = |pair: &Pair| PreferenceRecord {
            episode: context.episode,
            prompt: source.data.items[pair.chosen.item].prompt.clone(),
            chosen: Text::Plain(source.text(&pair.chosen.response)),
            rejected: Text::Plain(source.text(&pair.rejected.response)),
        };
        let records: Vec<PreferenceRecord> = pairs.iter().map(record).collect();
        if !records.is_empty() {
            context.emit(Event::Preferences { records })?;
        }
        Ok(vec![Value::Preferences(Preferences::new(source.clone(), pairs))])
    }
}
