//! `pbpoc score`: the log-probability of each completion, tokenised as lm-evaluation-harness does.

use clap::Args;
use pbpo_hub::records::{Record, Text};
use pbpo_runtime::Fault;
use pbpo_runtime::language_model::{LanguageModel, Scored};
use serde_json::json;

use super::{ModelArgs, RecordArgs, ended, tell_cut};
use crate::cli::print;

#[derive(Args, Debug)]
pub struct ScoreArgs {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    records: RecordArgs,
    /// `json` prints one JSON object a row: `logp`, `token_logps` (nats), `greedy` and `truncated`.
    #[arg(long, value_parser = ["text", "json"], default_value = "text")]
    format: String,
}

/// Scores and prints; the exit code.
pub fn run(args: &ScoreArgs) -> u8 {
    ended(score(args))
}

fn score(args: &ScoreArgs) -> Result<(), Fault> {
    let records = args.records.read()?;
    let model = args.model.load()?;
    let pairs = records.iter().map(|record| tokens(&model, record)).collect::<Result<Vec<_>, _>>()?;
    let (mut sum, mut count, mut cut) = (0.0, 0, 0);
    for scored in model.score(&pairs)? {
        let logp: f64 = scored.token_logps.iter().map(|logp| f64::from(*logp)).sum();
        sum += logp;
        count += scored.token_logps.len();
        cut += usize::from(scored.truncated);
        if args.format == "json" {
            let Scored { token_logps, greedy, truncated } = scored;
            let line = json!({ "logp": logp, "token_logps": token_logps, "greedy": greedy, "truncated": truncated });
            print(&format!("{line}\n"));
        } else {
            print(&format!("{logp:>12.4}  {}\n", if scored.greedy { "greedy" } else { "" }));
        }
    }
    tell_cut(cut, records.len(), model.model.config.context);
    if args.format == "text" {
        let per_token = sum / count.max(1) as f64;
        print(&format!("{} rows, {count} tokens, {per_token:.4} nats a token\n", records.len()));
    }
    Ok(())
}

/// Context and continuation: one text, cut where the prompt ends; a chat by its template.
fn tokens(model: &LanguageModel, record: &Record) -> Result<(Vec<u32>, Vec<u32>), Fault> {
    let at = || format!("{}:{}", record.row.file.display(), record.row.line);
    let completion = record.completion.as_ref().ok_or_else(|| {
        Fault::new(format!("{}: the row has no completion", at())).help("name its column: --completion COLUMN")
    })?;
    let (Text::Plain(prompt), Text::Plain(completion)) = (&record.prompt, completion) else {
        let prompt = model.tokenizer.prompt(&record.prompt)?;
        return Ok((prompt, model.tokenizer.response(&record.prompt, completion)?));
    };
    // Whatever the tokenizer can't read of one text it can't read of the whole.
    model.tokenizer.begin(&format!("{prompt}{completion}"))?;
    let encode = |text: &str| model.tokenizer.begin(text).unwrap_or_default();
    Ok(pbpo_eval::model::encode_pair(prompt, completion, encode))
}
