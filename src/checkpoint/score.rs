//! `pbpoc score`: the log-probability of each completion, tokenised as lm-evaluation-harness does; of what a run recorded,
//! as it was said.

use clap::Args;
use pbpo_hub::records::{Record, Text};
use pbpo_runtime::Fault;
use pbpo_runtime::language_model::{LanguageModel, Scored};
use serde_json::json;

use super::{ModelArgs, RecordArgs, ended, tell_cut};
use crate::cli::{eprint, print};

#[derive(Args, Debug)]
pub struct ScoreArgs {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    records: RecordArgs,
    /// Read a completion that is a text as `run` reads a response: with the token that ends it.
    #[arg(long)]
    end: bool,
    /// `json` prints one JSON object a row: `logp`, `token_logps` (nats), `greedy` and `truncated`; `unread` where tokens
    /// come after the one that ends the completion.
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
    let read = records.iter().map(|record| tokens(&model, record, args.end)).collect::<Result<Vec<_>, _>>()?;
    let (pairs, over): (Vec<_>, Vec<usize>) = read.into_iter().unzip();
    let (mut sum, mut count, mut cut) = (0.0, 0, 0);
    for (scored, over) in model.score(&pairs)?.into_iter().zip(&over) {
        let logp: f64 = scored.token_logps.iter().map(|logp| f64::from(*logp)).sum();
        sum += logp;
        count += scored.token_logps.len();
        cut += usize::from(scored.truncated);
        if args.format == "json" {
            let Scored { token_logps, greedy, truncated } = scored;
            let mut line =
                json!({ "logp": logp, "token_logps": token_logps, "greedy": greedy, "truncated": truncated });
            if *over > 0 {
                line["unread"] = json!(over);
            }
            print(&format!("{line}\n"));
        } else {
            print(&format!("{logp:>12.4}  {}\n", if scored.greedy { "greedy" } else { "" }));
        }
    }
    tell_cut(cut, records.len(), model.model.config.context);
    let over = over.iter().filter(|over| **over > 0).count();
    if over > 0 {
        eprint(&format!(
            "note: {over} of {} completions go on after the token that ends them: the rest is not scored\n",
            records.len()
        ));
    }
    if args.format == "text" {
        let per_token = sum / count.max(1) as f64;
        print(&format!("{} rows, {count} tokens, {per_token:.4} nats a token\n", records.len()));
    }
    Ok(())
}

/// Context, continuation, and how many tokens of it come after the one that ends it. A plain text is cut where the prompt
/// ends, as lm-eval does, and has no end token unless it is asked for; a chat goes by its template; what a run recorded
/// is read as it was said.
fn tokens(model: &LanguageModel, record: &Record, end: bool) -> Result<((Vec<u32>, Vec<u32>), usize), Fault> {
    let at = || format!("{}:{}", record.row.file.display(), record.row.line);
    let completion = record.completion.as_ref().ok_or_else(|| {
        Fault::new(format!("{}: the row has no completion", at())).help("name its column: --completion COLUMN")
    })?;
    let (Text::Plain(prompt), Text::Plain(completion), false) = (&record.prompt, completion, end) else {
        let prompt = model.tokenizer.prompt(&record.prompt)?;
        let response = model.tokenizer.response(&record.prompt, completion)?;
        return Ok(((prompt, response.ids), response.cut));
    };
    // Whatever the tokenizer can't read of one text it can't read of the whole.
    model.tokenizer.begin(&format!("{prompt}{completion}"))?;
    let encode = |text: &str| model.tokenizer.begin(text).unwrap_or_default();
    Ok((pbpo_eval::model::encode_pair(prompt, completion, encode), 0))
}
