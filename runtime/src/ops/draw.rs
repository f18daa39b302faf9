//! `draw`: a random minibatch of a preference set, without repetition if the set is large enough.

use pbpo_plan::Stage;
use pbpo_plan::ops::draw::Settings;
use rand::RngExt;

use super::{Op, config};
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::value::{Preferences, Value};

pub struct Draw;

impl Op for Draw {
    fn run(&self, stage: &Stage, env: &mut Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let Settings { count } = config(stage)?;
        let set = env.preferences(stage, "preferences")?;
        let Some(source) = set.source.clone().filter(|_| !set.is_empty()) else {
            return Err(Fault::new("there are no labelled pairs to draw from").help(
                "collect some first: prefs += label(...); where every pair so far was a tie or had no answer, ask for more pairs, or \
                     let the oracle draw ties: `ties = draw`",
            ));
        };
        let mut rng = context.rng(&stage.name);
        let mut indices: Vec<usize> = (0..set.len()).collect();
        // The first `count` places of a Fisher-Yates shuffle.
        let count = (count as usize).min(set.len());
        for i in 0..count {
            let j = rng.random_range(i..indices.len());
            indices.swap(i, j);
        }
        let pairs = indices[..count].iter().filter_map(|i| set.get(*i).cloned()).collect();
        Ok(vec![Value::Preferences(Preferences::new(source, pairs))])
    }
}
