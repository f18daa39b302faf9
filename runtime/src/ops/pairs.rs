//! `pairs`: the labelled pairs of a file or a dataset, as a policy's tokenizer reads them.

use pbpo_plan::Stage;

use super::Op;
use crate::context::Context;
use crate::data::Source;
use crate::env::Env;
use crate::error::Fault;
use crate::value::{Pair, Preferences, Value};

pub struct Pairs;

impl Op for Pairs {
    fn run(&self, stage: &Stage, env: &mut Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let data = env.data(stage, "data")?;
        let policy = env.policy(stage, "policy")?;
        let source = Source::new(data, policy.tokenizer)?;
        source.tell(context)?;
        let items = data
            .items
            .iter()
            .enumerate()
            .filter(|(i, _)| source.usable.binary_search(i).is_ok())
            .filter_map(|(i, item)| Some((i, item.pair.as_ref()?)));
        let (mut cut, mut pairs) = (0, Vec::new());
        for (i, labelled) in items {
            let mut row = |text| source.read(i, text).inspect(|(_, over)| cut += usize::from(*over > 0));
            let ((chosen, _), (rejected, _)) = (row(&labelled.chosen)?, row(&labelled.rejected)?);
            pairs.push(Pair::new(chosen, rejected, labelled.probability));
        }
        source.tell_cut(cut, 2 * pairs.len(), context)?;
        let same = pairs.iter().filter(|pair: &&Pair| pair.chosen.response == pair.rejected.response).count();
        source.tell_same(same, pairs.len(), context)?;
        source.tell_without("a pair", source.usable.len() - pairs.len(), context)?;
        let length = |pair: &Pair| pair.chosen.length().max(pair.rejected.length());
        let most = policy.model.config.context;
        if let Some(pair) = pairs.iter().max_by_key(|pair| length(pair)).filter(|pair| length(pair) > most) {
            let (row, longest) = (pair.chosen.item + 1, length(pair));
            let message =
                format!("the pair of row {row} of `{}` has {longest} tokens, the model reads {most}", data.name);
            return Err(Fault::new(message)
                .help("remove the row; if its prompt is what is long, `longest` in the data block leaves such out"));
        }
        if pairs.is_empty() {
            return Err(Fault::new(format!("`{}` has no pairs", data.name))
                .help("name their columns: `chosen = \"...\", rejected = \"...\"`"));
        }
        Ok(vec![Value::Preferences(Preferences::new(source, pairs))])
    }
}
