//! `pbpoc generate`: completions of prompts, greedy or sampled.

use clap::Args;
use pbpo_hub::records::{self, Columns, OnBad, Said, Text};
use pbpo_runtime::Fault;
use pbpo_runtime::generate::Sampling;
use pbpo_runtime::rng;
use serde_json::json;

use super::{ModelArgs, ended, tell_cut};
use crate::cli::{print, print_exact};

#[derive(Args, Debug)]
pub struct GenerateArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// What is completed; or use --data.
    #[arg(required_unless_present = "data")]
    prompts: Vec<String>,
    /// JSON lines, a JSON list, or Parquet, with a column of prompts: texts, or chats.
    #[arg(long, value_name = "FILE", conflicts_with = "prompts")]
    data: Option<std::path::PathBuf>,
    /// Column of the prompt.
    #[arg(long, value_name = "COLUMN", requires = "data")]
    prompt: Option<String>,
    /// The first rows only.
    #[arg(long, value_name = "N", requires = "data")]
    limit: Option<usize>,
    /// Read prompts as what a user says, by the checkpoint's chat template.
    #[arg(long)]
    chat: bool,
    /// Longest completion, in tokens.
    #[arg(long, default_value_t = 128)]
    max_new: usize,
    /// 0 takes the likeliest token.
    #[arg(long, default_value_t = 0.0)]
    temperature: f64,
    /// Ends a completion, and is left out of it. May be given several times.
    #[arg(long, value_name = "TEXT")]
    stop: Vec<String>,
    /// Of the draws.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// `text` shows control characters escaped, but for newlines and tabs. `json` prints one JSON object a prompt: `prompt`
    /// and `completion` as they are; `truncated` where the prompt's beginning was cut off; `said`, with the tokens, where
    /// the completion's text does not give them.
    #[arg(long, value_parser = ["text", "json"], default_value = "text")]
    format: String,
}

/// Generates and prints; the exit code.
pub fn run(args: &GenerateArgs) -> u8 {
    ended(generate(args))
}

fn generate(args: &GenerateArgs) -> Result<(), Fault> {
    let prompts = prompts(args)?;
    let model = args.model.load()?;
    let tokens = prompts.iter().map(|prompt| model.tokenizer.prompt(prompt)).collect::<Result<Vec<_>, _>>()?;
    let sampling = Sampling { temperature: args.temperature, max_new: args.max_new };
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&args.seed.to_le_bytes());
    let made = model.complete(&tokens, sampling, &args.stop, &mut rng::stream(seed, 0));
    let made = made.map_err(|fault| fault.name_row(|row| format!("prompt {}", row + 1)))?;
    let room = model.room(args.max_new);
    for ((prompt, tokens), completion) in prompts.iter().zip(&tokens).zip(made) {
        // It was cut in front as the model read it, which leaves its text after the prompt as it is.
        let Said { text, ids, ended } = model.tokenizer.said(prompt, tokens, &completion);
        let end = args.stop.iter().filter_map(|stop| text.find(stop.as_str())).min();
        let shown = &text[..end.unwrap_or(text.len())];
        if args.format == "json" {
            let prompt = match prompt {
                Text::Plain(text) | Text::Said(Said { text, .. }) => json!(text),
                Text::Chat(messages) => json!(messages),
            };
            let mut line = json!({ "prompt": prompt, "completion": shown });
            if tokens.len() > room {
                line["truncated"] = json!(true);
            }
            // Where the text does not give the tokens: `score` reads them there.
            if ids.is_some() && end.is_none() {
                line["said"] = json!({ "completion": Said { text: text.clone(), ids, ended }.to_json() });
            }
            print_exact(&format!("{line}\n"));
        } else {
            print(&format!("{shown}\n"));
        }
    }
    let cut = tokens.iter().filter(|prompt| prompt.len() > room).count();
    tell_cut(cut, prompts.len(), model.model.config.context);
    Ok(())
}

fn prompts(args: &GenerateArgs) -> Result<Vec<Text>, Fault> {
    let mut prompts: Vec<Text> = args.prompts.iter().cloned().map(Text::Plain).collect();
    if let Some(data) = &args.data {
        let columns = Columns { prompt: args.prompt.clone(), ..Columns::default() };
        let read = records::read(std::slice::from_ref(data), &columns, OnBad::Fatal, args.limit)?;
        prompts.extend(read.records.into_iter().map(|record| record.prompt));
    }
    let asked = |text| Text::Chat(vec![pbpo_hub::Message::new("user", text)]);
    let prompts = prompts.into_iter().map(|prompt| match prompt {
        Text::Plain(text) if args.chat => asked(text),
        prompt => prompt,
    });
    Ok(prompts.collect())
}
