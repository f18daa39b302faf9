//! `label`: an oracle gives the preferred response of each pair, with a probability. A pair without an answer is left
//! out.

use pbpo_plan::Stage;
use rand::{Rng, RngExt};

use super::Op;
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::event::{Event, PreferenceRecord};
use crate::oracle::{Btl, Labels};
use crate::value::{Pair, Preferences, Value};

pub struct Label;

impl Op for Label {
    fn run(&self, stage: &Stage, env: &mut Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let oracle = env.oracle(stage, "oracle")?;
        let (first, second) = (env.rollouts(stage, "first")?, env.rollouts(stage, "second")?);
        if first.rows.iter().map(|r| r.item).ne(second.rows.iter().map(|r| r.item)) {
            return Err(Fault::new("the two sides answer different prompts")
                .help("make one side from the other: y2 = explore(..., against = y1)"));
        }
        let source = &first.source;
        let mut rng = context.rng(&stage.name);
        let opinions = oracle.compare(source, &first.rows, &second.rows, context)?;
        let Btl { flip, labels, .. } = oracle.btl();
        let mut pairs = Vec::with_capacity(first.rows.len());
        for ((a, b), opinion) in first.rows.iter().zip(&second.rows).zip(opinions) {
            if let Some(tie) = opinion.tie {
                context.record("oracle/ties", f64::from(u8::from(tie)));
            }
            let Some(preferred) = opinion.first else { continue };
            let first = match labels {
                Labels::Soft => preferred * (1.0 - flip) + (1.0 - preferred) * flip,
                Labels::Likelier if preferred != 0.5 => drawn(f64::from(u8::from(preferred > 0.5)), flip, &mut rng),
                Labels::Sample | Labels::Likelier => drawn(preferred, flip, &mut rng),
            };
            let first_wins = first >= 0.5;
            pairs.push(Pair::new(a.clone(), b.clone(), first));
            if let Some(margin) = opinion.margin.filter(|margin| *margin != 0.0) {
                context.record("oracle/agreement", f64::from(u8::from(first_wins == (margin > 0.0))));
            }
        }
        context.record("oracle/queries", first.rows.len() as f64);
        context.record("oracle/labels", pairs.len() as f64);
        let record = |pair: &Pair| PreferenceRecord {
            episode: context.step(),
            prompt: source.data.items[pair.chosen.item].prompt.clone(),
            chosen: source.said(&pair.chosen),
            rejected: source.said(&pair.rejected),
            probability: pair.probability,
        };
        let records: Vec<PreferenceRecord> = pairs.iter().map(record).collect();
        if !records.is_empty() {
            context.emit(Event::Preferences { records })?;
        }
        Ok(vec![Value::Preferences(Preferences::new(source.clone(), pairs))])
    }
}

/// Draws a hard label with probability `preferred`, then flips it with probability `flip`. Returns 1 if the first
/// response wins, else 0.
fn drawn(preferred: f64, flip: f64, rng: &mut impl Rng) -> f64 {
    let first_wins = rng.random::<f64>() < preferred;
    let flipped = rng.random::<f64>() < flip;
    f64::from(u8::from(first_wins != flipped))
}
