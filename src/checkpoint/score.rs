//! `pbpoc score`: the log-probability of each completion, tokenised as lm-evaluation-harness does; of what a run recorded,
//! as it was said.

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
        // Every row has a token at least.
        let per_token = sum / count as f64;
        print(&format!("{} rows, {count} tokens, {per_token:.4} nats a token\n", records.len()));
    }
    Ok(())
}

/// The file and the line of a row.
fn place(record: &Record) -> String {
    format!("{}:{}", record.row.file.display(), record.row.line)
}

/// Context and continuation.
type Tokens = (Vec<u32>, Vec<u32>);

/// Context, continuation, and how many tokens of it come after the one that ends it. A plain text is cut where the prompt
/// ends, as lm-eval does, and has no end token unless it is asked for; a chat goes by its template; what a run recorded
/// is read as it was said. A completion without a token of its own is a fault: the sum of no log-probabilities is 0, the
/// best there is.
fn tokens(model: &LanguageModel, record: &Record, end: bool) -> Result<(Tokens, usize), Fault> {
    let completion = record.completion.as_ref().ok_or_else(|| {
        Fault::new(format!("{}: the row has no completion", place(record))).help("name its column: --completion COLUMN")
    })?;
    let (Text::Plain(prompt), Text::Plain(completion), false) = (&record.prompt, completion, end) else {
        let prompt = model.tokenizer.prompt(&record.prompt)?;
        let response = model.tokenizer.response(&record.prompt, completion)?;
        return Ok(((prompt, response.ids), response.cut));
    };
    // Whatever the tokenizer can't read of one text it can't read of the whole.
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
