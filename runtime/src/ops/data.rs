//! `data`: the examples of a task, or the rows of a file or a dataset.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pbpo_hub::cache;
use pbpo_hub::records::{self, Columns, OnBad, Reading, Record, Text};
use pbpo_judge::{Exact, Numeric, Rule, Verifier};
use pbpo_plan::Stage;
use serde::Deserialize;

use super::{Op, config};
use crate::context::Context;
use crate::data::{Data, Item, Labelled, Scorer};
use crate::env::Env;
use crate::error::Fault;
use crate::event::Event;
use crate::task;
use crate::value::Value;

pub struct MakeData;

#[derive(Deserialize)]
struct Settings {
    task: String,
    #[serde(default)]
    check: Option<Check>,
    #[serde(default)]
    longest: Option<usize>,
}

/// The settings of `file(...)` and `hub(...)`.
#[derive(Deserialize)]
struct Rows {
    path: Option<String>,
    name: Option<String>,
    split: Option<String>,
    subset: Option<String>,
    prompt: Option<String>,
    completion: Option<String>,
    answer: Option<String>,
    chosen: Option<String>,
    rejected: Option<String>,
    probability: Option<String>,
    tools: Option<String>,
    chat_template_kwargs: Option<String>,
    bad_rows: OnBad,
    prefill: Option<String>,
    count: Option<usize>,
}

/// The values of `check = ...`.
#[derive(Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
enum Check {
    Exact { ignore: Vec<String> },
    Numeric { tolerance: f64 },
    Regex { pattern: String, group: usize },
}

impl Op for MakeData {
    fn run(&self, stage: &Stage, _: &mut Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let Settings { task, check, longest } = config(stage)?;
        let verifier = check.map(Check::verifier).transpose()?;
        let mut data = match task.as_str() {
            "file" | "hub" => from_files(stage, context, verifier)?,
            _ if verifier.is_some() => {
                return Err(Fault::new(format!("`{task}` has a check of its own")).help("leave out `check`"));
            }
            _ => {
                let items = task::items(&task, &config(stage)?)?;
                let scorer = Scorer::Task(task.clone());
                let digest = digest(&items);
                Data::new(&stage.name, Some(Arc::new(task::tokenizer(&task)?)), items, Some(scorer), digest)
            }
        };
        data.longest = longest;
        Ok(vec![Value::Data(Arc::new(data))])
    }
}

fn from_files(stage: &Stage, context: &mut Context<'_>, scorer: Option<Scorer>) -> Result<Data, Fault> {
    let rows: Rows = config(stage)?;
    let files = files(&rows, context)?;
    let on_bad = rows.bad_rows;
    let columns = Columns {
        prompt: rows.prompt,
        completion: rows.completion,
        chosen: rows.chosen,
        rejected: rows.rejected,
        probability: rows.probability,
        answer: rows.answer,
        tools: rows.tools,
        chat_template_kwargs: rows.chat_template_kwargs,
        ..Columns::default()
    };
    let continues = rows.prefill.as_deref() == Some("continue");
    let reading = Reading { columns, on_bad, limit: rows.count, continues, pairs: true, ..Reading::default() };
    let read = records::read(&files, &reading).map_err(|error| {
        let fault = Fault::from(error);
        let place = "paths are relative to the directory of the .pbpo file";
        if fault.help.is_none() { fault.help(place) } else { fault }
    })?;
    if read.rows == 0 {
        let shown: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        return Err(Fault::new(format!("there are no rows in {}", shown.join(", ")))
            .help("a .jsonl file has one JSON object a line"));
    }
    let place = |file: &Path, line: usize| format!("{}:{line}", file.display());
    let mut bad: Vec<String> =
        read.bad.iter().map(|bad| format!("{}:{}: {}", place(&bad.file, bad.line), bad.column, bad.message)).collect();
    let mut items = Vec::with_capacity(read.records.len());
    for record in read.records {
        let at = place(&record.row.file, record.row.line);
        match item(record, scorer.as_ref()) {
            Ok(item) => items.push(item),
            Err((why, _)) if on_bad == OnBad::Skip => bad.push(format!("{at}: {why}")),
            Err((why, help)) => {
                let help = format!("{help}; to leave such rows out, `bad_rows = skip`");
                return Err(Fault::new(format!("{at}: {why}")).help(help));
            }
        }
    }
    if let Some(first) = bad.first() {
        let text = format!("{} of {} rows are left out; the first, {first}", bad.len(), read.rows);
        if items.is_empty() {
            return Err(Fault::new(text).help("no row is left: look at the columns"));
        }
        context.emit(Event::Notice { stage: stage.name.clone(), text })?;
    }
    for text in read.notes {
        context.emit(Event::Notice { stage: stage.name.clone(), text })?;
    }
    Ok(Data::new(&stage.name, None, items, scorer, read.digest))
}

fn files(rows: &Rows, context: &Context<'_>) -> Result<Vec<PathBuf>, Fault> {
    if let Some(path) = &rows.path {
        return Ok(vec![context.host.path(path)]);
    }
    let name = rows.name.as_deref().unwrap_or_default();
    let found = cache::resolve_dataset(name, Path::new(&context.host.base))?;
    Ok(records::split_files(&found.dir, rows.subset.as_deref(), rows.split.as_deref().unwrap_or_default())?)
}

/// An error of a row, and advice.
type Wrong = (&'static str, &'static str);

/// Returns the example of a record; one that the check can't score is a bad row.
fn item(record: Record, scorer: Option<&Scorer>) -> Result<Item, Wrong> {
    let Record { prompt, completion, chosen, rejected, probability, answer, .. } = record;
    match (scorer, &answer) {
        (Some(_), None) => {
            return Err(("the row has no answer for the `check`", "name the column that holds it: `answer = \"...\"`"));
        }
        (Some(Scorer::Verifier(verifier)), Some(answer)) if verifier.refuses(answer) => {
            return Err((
                "the `check` can't accept any answer to this row: its own is no number",
                "mend the row, or remove it",
            ));
        }
        _ => {}
    }
    // A preferred response is also a demonstration.
    let demonstration = completion.or_else(|| chosen.clone());
    let labelled = |(chosen, rejected)| Labelled { chosen, rejected, probability: probability.unwrap_or(1.0) };
    Ok(Item { prompt, demonstration, answer, pair: chosen.zip(rejected).map(labelled) })
}

/// Returns a digest of made items, for the run's manifest.
fn digest(items: &[Item]) -> String {
    let mut hasher = blake3::Hasher::new();
    for item in items {
        let demonstration = item.demonstration.as_ref().map(Text::shown);
        for part in [Some(item.prompt.shown()), demonstration, item.answer.clone()] {
            hasher.update(part.unwrap_or_default().as_bytes()).update(&[0]);
        }
    }
    hasher.finalize().to_hex().to_string()
}

impl Check {
    fn verifier(self) -> Result<Scorer, Fault> {
        let rule = match self {
            Check::Exact { ignore } => {
                let ignored = |word: &str| ignore.iter().any(|given| given == word);
                Rule::Exact(Exact {
                    ignore_case: ignored("case"),
                    ignore_punctuation: ignored("punctuation"),
                    ignore_whitespace: ignored("space"),
                })
            }
            Check::Numeric { tolerance } => Rule::Numeric(Numeric { tolerance, ..Numeric::default() }),
            Check::Regex { pattern, group } => {
                let exact = Exact { ignore_whitespace: true, ..Exact::default() };
                Rule::Regex { pattern, group, exact }
            }
        };
        Ok(Scorer::Verifier(Arc::new(Verifier::new(rule)?)))
    }
}
