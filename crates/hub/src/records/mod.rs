//! Prompts, completions and preferences from data files: JSON lines, JSON arrays, and Parquet (feature `parquet`).
//!
//! `read` reads all rows: it maps columns to the fields of a `Record` (`columns.rs`, `values.rs`), row by row as the
//! formats give them (`json.rs`, `array.rs` and `raw.rs`, `parquet.rs`), and brings each row's prompt and responses to
//! one form (`sides.rs`). `labels.rs` reads recorded labels by the same rules; `dataset.rs` finds the files of a split
//! in a dataset's directory.

mod array;
mod columns;
mod dataset;
mod json;
mod labels;
#[cfg(feature = "parquet")]
mod parquet;
mod raw;
mod said;
mod sides;
mod values;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

pub use columns::Columns;
pub use dataset::split_files;
pub use labels::{Label, labels};
pub use said::{Ids, Said, write_row};

use crate::json::Json;
use crate::{Chat, Error, files};

/// A string, a response that a run recorded, or a chat.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Text {
    Plain(String),
    /// A response that a policy generated.
    Said(Said),
    Chat(Chat),
}

impl Text {
    /// Returns the text as a person or a judge reads it.
    pub fn shown(&self) -> String {
        match self {
            Text::Plain(text) | Text::Said(Said { text, .. }) => text.clone(),
            Text::Chat(chat) => chat.shown(),
        }
    }
}

/// The place of a row in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: PathBuf,
    /// The line in a JSON file or the row in a Parquet file; from 1.
    pub line: usize,
}

/// One row of data. If one of its texts is a chat, the prompt is a chat too, and every response that is a chat begins
/// with the assistant's turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub prompt: Text,
    pub completion: Option<Text>,
    /// The preferred completion.
    pub chosen: Option<Text>,
    pub rejected: Option<Text>,
    /// The reference answer, for verifiers. A number has the digits of the file, except that `5.0` becomes `5` and
    /// `1e+16` its digits: Python writes whole numbers in columns with gaps in this way.
    pub answer: Option<String>,
    /// True if the completion is good, for unpaired preferences.
    pub label: Option<bool>,
    /// The margin by which `chosen` is preferred.
    pub margin: Option<f64>,
    /// The probability that `chosen` is preferred, in 0.5..=1, for pairs.
    pub probability: Option<f64>,
    pub row: Place,
}

impl Record {
    /// Returns the same record with the likelier side as `chosen`.
    fn in_order(mut self) -> Self {
        if let Some(less) = self.probability.filter(|probability| *probability < 0.5) {
            std::mem::swap(&mut self.chosen, &mut self.rejected);
            self.probability = Some(1.0 - less);
        }
        self
    }
}

/// Settings for reading rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    pub columns: Columns,
    pub on_bad: OnBad,
    /// The largest number of records.
    pub limit: Option<usize>,
    /// If true, a response continues a prompt that ends with the assistant's turn; else its row is bad.
    pub continues: bool,
    /// If true, a prompt that is a text is a message of the user.
    pub asks: bool,
    /// If true, pairs are read: a row with one side alone, or with two equal sides, is bad.
    pub pairs: bool,
    pub settings: Settings,
}

/// The way in which a user writes the settings of a reading, for messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Settings {
    /// `bad_rows = skip`
    #[default]
    Fields,
    /// `--bad-rows skip`
    Options,
}

impl Reading {
    /// Returns a setting as the user writes it.
    fn setting(&self, name: &str, value: &str) -> String {
        match self.settings {
            Settings::Fields => format!("`{name} = {value}`"),
            Settings::Options => format!("`--{} {value}`", name.replace('_', "-")),
        }
    }
}

/// The handling of a row that cannot be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnBad {
    /// It is left out and listed in `Read::bad`.
    Skip,
    /// The first bad row is an error.
    #[default]
    #[serde(rename = "fail")]
    Fatal,
}

/// A row that cannot be used, and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    pub file: PathBuf,
    /// As in `Place`.
    pub line: usize,
    /// The byte in the line, from 1; 1 if only the row is known.
    pub column: usize,
    pub message: String,
    /// Advice on how to fix it.
    pub help: Option<String>,
}

impl Bad {
    fn error(&self, reading: &Reading) -> Error {
        let mend = self.help.as_deref().unwrap_or("mend the row");
        Error::at_line(&self.file, self.line, self.column, &self.message)
            .help(format!("{mend}; or leave such rows out: {}", reading.setting("bad_rows", "skip")))
    }
}

/// A fault of a row: a column (byte in the line, from 1), a message, and advice.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    column: usize,
    message: String,
    help: Option<String>,
}

impl Fault {
    fn at(column: usize, message: impl Into<String>) -> Self {
        Self { column, message: message.into(), help: None }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn bad(self, file: &Path, line: usize) -> Bad {
        let Fault { column, message, help } = self;
        Bad { file: file.to_owned(), line, column, message, help }
    }
}

/// The result of reading: records, or labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Read<T = Record> {
    pub records: Vec<T>,
    /// The rows that were left out, in order; empty with `OnBad::Fatal`.
    pub bad: Vec<Bad>,
    /// Notes for the user: how a column was read, and what was skipped.
    pub notes: Vec<String>,
    /// The number of rows read, good and bad, without empty lines.
    pub rows: usize,
    /// The blake3 digest in hex of all files joined, as `cat FILES | b3sum` prints it.
    pub digest: String,
}

impl<T> Read<T> {
    /// Returns one sentence about the rows that were left out, or `None` if there are none.
    pub fn left_out(&self) -> Option<String> {
        let Bad { file, line, column, message, .. } = self.bad.first()?;
        let place = format!("{}:{line}:{column}", file.display());
        Some(format!("{} of {} rows are left out; the first, {place}: {message}", self.bad.len(), self.rows))
    }
}

/// A row as its file gives it.
pub(crate) struct Row<'a> {
    /// As in `Place`.
    line: usize,
    fields: Result<Vec<Field<'a>>, Fault>,
}

/// A column of a row.
pub(crate) struct Field<'a> {
    name: String,
    /// The position of its key in the line, from 1; 1 if only the row is known.
    at: usize,
    value: Cell<'a>,
}

/// A value: JSON text, which is parsed only on demand, or a value of a Parquet file.
pub(crate) enum Cell<'a> {
    Text(&'a str),
    #[cfg_attr(not(feature = "parquet"), allow(dead_code))]
    Value(Json),
}

/// Reads records from files, in order. Rows after the limit are only scanned until every named column has been seen.
/// seen.
///
/// Errors: a file that cannot be read; a named column that no row of a file has; no prompt, neither as a column nor as
/// the common beginning of `chosen` and `rejected`; with `OnBad::Fatal`, the first bad row. A row is bad if it is not a
/// JSON object, if a field of it holds a value of the wrong type, or if its texts fit no form that `sides.rs` knows.
/// Columns that are not mapped may hold anything.
pub fn read(paths: &[PathBuf], reading: &Reading) -> Result<Read, Error> {
    read_as(paths, reading, |mapping, row| mapping.record(row))
}

/// Reads rows and applies `convert` to each.
fn read_as<T>(
    paths: &[PathBuf],
    reading: &Reading,
    convert: impl Fn(&mut columns::Mapping<'_>, &Row<'_>) -> Result<T, Fault>,
) -> Result<Read<T>, Error> {
    let mut read = Read { records: Vec::new(), bad: Vec::new(), notes: Vec::new(), rows: 0, digest: String::new() };
    let limit = reading.limit.unwrap_or(usize::MAX);
    for path in paths {
        let mut mapping = columns::Mapping::new(reading, path);
        let first_row = read.rows;
        let mut first_bad = None;
        rows(path, &reading.columns.top_level(), |row| {
            if read.records.len() >= limit {
                // The columns of a bad row are not noted if they cannot be read.
                let _ = mapping.fields(&row);
                return !mapping.is_settled();
            }
            read.rows += 1;
            match (convert(&mut mapping, &row), reading.on_bad) {
                (Ok(record), _) => read.records.push(record),
                (Err(fault), OnBad::Skip) => read.bad.push(fault.bad(path, row.line)),
                // The rows after it may show that a column is missing, which is the better message.
                (Err(fault), OnBad::Fatal) => {
                    first_bad.get_or_insert_with(|| fault.bad(path, row.line));
                }
            }
            true
        })?;
        if read.rows > first_row {
            mapping.check()?;
        }
        if let Some(bad) = first_bad {
            return Err(bad.error(reading));
        }
        read.notes.extend(mapping.note());
    }
    read.notes.extend(dataset::parts(paths));
    read.digest = files::digest(paths)?;
    Ok(read)
}

/// Calls `each` with every row of a file until it returns false.
fn rows(path: &Path, columns: &[&str], each: impl FnMut(Row<'_>) -> bool) -> Result<(), Error> {
    match path.extension().and_then(|end| end.to_str()) {
        Some("jsonl" | "json" | "ndjson") => json::rows(path, each),
        Some("parquet") => parquet_rows(path, columns, each),
        _ => Err(Error::at(path, "unknown kind of data file").help(
            "use .jsonl, .json or .parquet; `datasets` of Hugging Face writes them with `to_json`, `to_parquet`",
        )),
    }
}

#[cfg(feature = "parquet")]
fn parquet_rows(path: &Path, columns: &[&str], each: impl FnMut(Row<'_>) -> bool) -> Result<(), Error> {
    files::guarded(path, || parquet::rows(path, Some(columns), each))
}

#[cfg(not(feature = "parquet"))]
fn parquet_rows(path: &Path, _: &[&str], _: impl FnMut(Row<'_>) -> bool) -> Result<(), Error> {
    Err(Error::at(path, "this build does not read Parquet files")
        .help("build with `cargo build --release --features parquet`, or convert the file to JSON lines"))
}

/// Returns all rows of a Parquet file, with every column.
#[cfg(feature = "parquet")]
pub fn rows_of_parquet(path: &Path) -> Result<Vec<Map<String, Value>>, Error> {
    let (mut all, mut bad) = (Vec::new(), None);
    let keep = |row: Row<'_>| match row.fields {
        Ok(fields) => {
            let value = |field: Field<'_>| match field.value {
                Cell::Value(value) => Some((field.name, Value::from(value))),
                Cell::Text(_) => None,
            };
            all.push(fields.into_iter().filter_map(value).collect());
            true
        }
        Err(fault) => {
            bad = Some(Error::at_line(path, row.line, fault.column, fault.message));
            false
        }
    };
    files::guarded(path, || parquet::rows(path, None, keep))?;
    bad.map_or(Ok(all), Err)
}

/// Returns an error, because this build does not read Parquet.
#[cfg(not(feature = "parquet"))]
pub fn rows_of_parquet(path: &Path) -> Result<Vec<Map<String, Value>>, Error> {
    parquet_rows(path, &[], |_| true).map(|()| Vec::new())
}
