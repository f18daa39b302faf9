//! `pbpoc generate`: completes prompts, greedily or by sampling.

use clap::Args;
use pbpo_hub::Message;
use pbpo_hub::records::{Text, write_row};
use pbpo_runtime::Fault;
use pbpo_runtime::generate::Sampling;
use pbpo_runtime::language_model::LanguageModel;
use pbpo_runtime::rng;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{ModelArgs, RowArgs, ended, tell_cut, tell_date};
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
    #[command(flatten)]
    rows: RowArgs,
    /// Read prompts as what a user says, by the checkpoint's chat template.
    #[arg(long)]
    chat: bool,
    /// Longest completion, in tokens.
    #[arg(long, default_value_t = 128)]
    max_new: usize,
    /// 0 takes the likeliest token.
    #[arg(long, default_value_t = 0.0, value_parser = temperature)]
    temperature: f64,
    /// Ends a completion, and is left out of it. May be given several times.
    #[arg(long, value_name = "TEXT", value_parser = some_text)]
    stop: Vec<String>,
    /// Of the draws.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// `text` shows control characters escaped, but for newlines and tabs. `json` prints one JSON object a prompt: `prompt`
    /// and `completion` as they are, so that `score --data` reads the same tokens; `said` tells whether the completion ended
    /// by itself, and its tokens if the text does not give them; `truncated` if the prompt's beginning was cut off.
    #[arg(long, value_parser = ["text", "json"], default_value = "text")]
    format: String,
}

/// Generates and prints. Returns the exit code.
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
        let said = model.tokenizer.said(prompt, tokens, &completion);
        let end = args.stop.iter().filter_map(|stop| said.text.find(stop.as_str())).min();
        let completion = match end {
            Some(end) => up_to(&model, prompt, tokens, &completion, &said.text[..end]),
            None => Text::Said(said),
        };
        if args.format == "json" {
            let line = Line { prompt, completion: &completion, truncated: tokens.len() > room };
            print_exact(&format!("{}\n", serde_json::to_string(&line).unwrap_or_default()));
        } else {
            print(&format!("{}\n", completion.shown()));
        }
    }
    tell_date(&model);
    let cut = tokens.iter().filter(|prompt| prompt.len() > room).count();
    tell_cut(cut, prompts.len(), model.model.config.context);
    Ok(())
}

/// One completion as JSON.
struct Line<'a> {
    prompt: &'a Text,
    completion: &'a Text,
    truncated: bool,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        write_row(&mut map, &[("prompt", self.prompt), ("completion", self.completion)], |map| {
            if self.truncated { map.serialize_entry("truncated", &true) } else { Ok(()) }
        })?;
        map.end()
    }
}

/// Returns a completion up to a stop text: with its tokens if the stop text begins with a token, else as text alone.
fn up_to(model: &LanguageModel, prompt: &Text, tokens: &[u32], completion: &[u32], shown: &str) -> Text {
    let said = (1..=completion.len()).rev().map(|count| model.tokenizer.said(prompt, tokens, &completion[..count]));
    let mut at_most = said.take_while(|said| said.text.len() >= shown.len());
    at_most.find(|said| said.text == shown).map_or_else(|| Text::Plain(shown.to_owned()), Text::Said)
}

/// Parses a stop text.
fn some_text(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("a text, which an empty one is not".to_owned()) } else { Ok(text.to_owned()) }
}

/// Parses a temperature, in the range that the language has.
fn temperature(text: &str) -> Result<f64, String> {
    let range = 0.0..=10.0;
    text.parse().ok().filter(|value| range.contains(value)).ok_or_else(|| "a number in 0..10".to_owned())
}

fn prompts(args: &GenerateArgs) -> Result<Vec<Text>, Fault> {
    if let Some(data) = &args.data {
        let records = args.rows.read(data, Some(String::new()), args.chat)?;
        return Ok(records.into_iter().map(|record| record.prompt).collect());
    }
    if let Some(option) = args.rows.given() {
        return Err(Fault::new(format!("{option} is about the rows of a file, and the prompts are arguments"))
            .help("name a file with --data"));
    }
    let prompt = |text: &String| match args.chat {
        true => Text::Chat(vec![Message::new("user", text)].into()),
        false => Text::Plain(text.clone()),
    };
    Ok(args.prompts.iter().map(prompt).collect())
}
