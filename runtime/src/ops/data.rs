//! `data`: the examples of a task, or the rows of a file or a dataset.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pbpo_hub::cache;
use pbpo_hub::records::{self, Columns, OnBad, Reading, Record, Text};
use pbpo_judge::{Exact, Numeric, Rule, Verifier};
use pbpo_plan::Stage;
use pbpo_plan::ops::data::{BadRows, Check, File, Hub, Ignored, Prefill, Rows, Settings, Task};

use super::{Op, config};
use crate::context::Context;
use crate::data::{Data, Item, Labelled, Scorer};
use crate::env::Env;
use crate::error::Fault;
use crate::event::Event;
use crate::task;
use crate::value::Value;

pub struct MakeData;

impl Op for MakeData {
    fn run(&self, stage: &Stage, _: &mut Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let Settings { task, longest, check } = config(stage)?;
        let verifier = check.map(verifier).transpose()?;
        let mut data = match task {
            Task::File(File { path, rows }) => from_files(stage, &[context.host.path(&path)], rows, verifier, context)?,
            Task::Hub(Hub { name, split, subset, rows }) => {
                let found = cache::resolve_dataset(&name, Path::new(&context.host.base))?;
                let files = records::split_files(&found.dir, subset.as_deref(), &split)?;
                from_files(stage, &files, rows, verifier, context)?
            }
            Task::Digits(_) if verifier.is_some() => {
                return Err(Fault::new(format!("`{}` has a check of its own", task.word())).help("leave out `check`"));
            }
            Task::Digits(ref digits) => {
                let items = task::digits::items(digits)?;
                let (tokenizer, scorer) = (task::tokenizer(task.word())?, Scorer::Task(task.word().to_owned()));
                let digest = digest(&items);
                Data::new(&stage.name, Some(Arc::new(tokenizer)), items, Some(scorer), digest)
            }
        };
        data.longest = longest.map(|longest| longest as usize);
        Ok(vec![Value::Data(Arc::new(data))])
    }
}

fn from_files(
    stage: &Stage,
    files: &[PathBuf],
    rows: Rows,
    scorer: Option<Scorer>,
    context: &mut Context<'_>,
) -> Result<Data, Fault> {
    let on_bad = on_bad(rows.bad_rows);
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
    let continues = rows.prefill == Some(Prefill::Continue);
    let limit = rows.count.map(|count| count as usize);
    let reading = Reading { columns, on_bad, limit, continues, pairs: true, ..Reading::default() };
    let read = records::read(files, &reading).map_err(|error| {
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

/// Returns the plan's word for bad rows as readers of files take it.
pub(super) fn on_bad(rows: BadRows) -> OnBad {
    match rows {
        BadRows::Fail => OnBad::Fatal,
        BadRows::Skip => OnBad::Skip,
    }
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

fn verifier(check: Check) -> Result<Scorer, Fault> {
    let rule = match check {
        Check::Exact { ignore } => Rule::Exact(Exact {
            ignore_case: ignore.contains(&Ignored::Case),
            ignore_punctuation: ignore.contains(&Ignored::Punctuation),
            ignore_whitespace: ignore.contains(&Ignored::Space),
        }),
        Check::Numeric { tolerance } => Rule::Numeric(Numeric { tolerance, ..Numeric::default() }),
        Check::Regex { pattern, group } => {
            let exact = Exact { ignore_whitespace: true, ..Exact::default() };
            Rule::Regex { pattern, group: group as usize, exact }
        }
    };
    Ok(Scorer::Verifier(Arc::new(Verifier::new(rule)?)))
}
