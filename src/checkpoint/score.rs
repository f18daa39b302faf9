//! `pbpoc score`: the log-probability of each completion, tokenised as in lm-evaluation-harness, or with the recorded
//! tokens of a run.

use clap::Args;
use pbpo_hub::records::{Record, Text};
use pbpo_runtime::Fault;
use pbpo_runtime::language_model::{LanguageModel, Scored};
use serde_json::json;

use super::{ModelArgs, RecordArgs, ended, no_token, tell_cut, tell_date};
use crate::cli::{eprint, print, print_exact};

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

/// Scores and prints. Returns the exit code.
pub fn run(args: &ScoreArgs) -> u8 {
    ended(score(args))
}

fn score(args: &ScoreArgs) -> Result<(), Fault> {
    let records = args.records.read()?;
    let model = args.model.load()?;
    let (mut kept, mut read, mut left) = (Vec::new(), Vec::new(), Vec::new());
    for record in records {
        match tokens(&model, &record, args.end) {
            Ok(row) => {
                kept.push(record);
                read.push(row);
            }
            Err(fault) if args.records.rows.skips() => left.push(fault),
            Err(fault) => return Err(fault),
        }
    }
    if let Some(first) = left.first() {
        let all = kept.len() + left.len();
        let text = format!(
            "{} of {all} rows have nothing to score and are left out; the first, {}",
            left.len(),
            first.message
        );
        if kept.is_empty() {
            return Err(Fault::new(text));
        }
        eprint(&format!("note: {text}\n"));
    }
    let records = kept;
    let (pairs, over): (Vec<_>, Vec<usize>) = read.into_iter().unzip();
    let (mut sum, mut count, mut cut) = (0.0, 0, 0);
    let named = |fault: Fault| fault.name_row(|row| place(&records[row]));
    for (scored, over) in model.score(&pairs).map_err(named)?.into_iter().zip(&over) {
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
            print_exact(&format!("{line}\n"));
        } else {
            print(&format!("{logp:>12.4}  {}\n", if scored.greedy { "greedy" } else { "" }));
        }
    }
    tell_date(&model);
    tell_cut(cut, records.len(), model.model.config.context);
    let over = over.iter().filter(|over| **over > 0).count();
    if over > 0 {
        eprint(&format!(
            "note: {over} of {} completions go on after the token that ends them: the rest is not scored\n",
            records.len()
        ));
    }
    if args.format == "text" {
        // Every row has at least one token.
        let per_token = sum / count as f64;
        print(&format!("{} rows, {count} tokens, {per_token:.4} nats a token\n", records.len()));
    }
    Ok(())
}

/// Returns the file and the line of a row.
fn place(record: &Record) -> String {
    format!("{}:{}", record.row.file.display(), record.row.line)
}

/// The tokens of context and continuation.
type Tokens = (Vec<u32>, Vec<u32>);

/// Returns context, continuation, and the number of its tokens after the end token. A plain text is split where the
/// prompt ends, as in lm-eval, and gets no end token unless requested; a chat is rendered by its template; a response
/// that a run recorded keeps its tokens. A completion without a token is a fault, because an empty sum of
/// log-probabilities is 0, the best possible score.
fn tokens(model: &LanguageModel, record: &Record, end: bool) -> Result<(Tokens, usize), Fault> {
    let completion = record.completion.as_ref().ok_or_else(|| {
        Fault::new(format!("{}: the row has no completion", place(record))).help("name its column: --completion COLUMN")
    })?;
    let (Text::Plain(prompt), Text::Plain(completion), false) = (&record.prompt, completion, end) else {
        let prompt = model.tokenizer.prompt(&record.prompt)?;
        let response = model.tokenizer.response(&record.prompt, completion)?;
        return Ok(((prompt, response.ids), response.cut));
    };
    // If the tokenizer can't read a text, it can't read the whole.
    model.tokenizer.begin(&format!("{prompt}{completion}"))?;
    let encode = |text: &str| model.tokenizer.begin(text).unwrap_or_default();
    let (context, continuation) = pbpo_eval::model::encode_pair(prompt, completion, encode);
    if continuation.is_empty() {
        let fault = no_token(completion, &model.name);
        let message = format!("{}: {}", place(record), fault.message);
        return Err(
            Fault { message, ..fault }.help("leave the row out, or move the end of the prompt to the completion")
        );
    }
    Ok(((context, continuation), 0))
}
