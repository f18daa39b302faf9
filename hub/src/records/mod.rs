//! Prompts, completions and preferences from data files: JSON lines, JSON arrays, and Parquet (feature `parquet`).
//!
//! `read` maps columns to the fields of a `Record` (`columns.rs`), row by row as the formats give them (`json.rs`,
//! `array.rs`, `parquet.rs`); `dataset.rs` finds the files of a split in a dataset's directory.

mod array;
mod columns;
mod dataset;
mod json;
#[cfg(feature = "parquet")]
mod parquet;
mod said;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

pub use columns::Columns;
pub use dataset::split_files;
pub use said::{Ids, Said};

use crate::template::Message;
use crate::{Error, files};

/// A string, a response that a run recorded, or a chat.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Text {
    Plain(String),
    /// A response as a policy said it.
    Said(Said),
    /// At least one message.
    Chat(Vec<Message>),
}

/// Where a row stands in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: PathBuf,
    /// Line in a JSON file, row in a Parquet file; from 1.
    pub line: usize,
}

/// One row of data.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub prompt: Text,
    pub completion: Option<Text>,
    /// The preferred completion.
    pub chosen: Option<Text>,
    pub rejected: Option<Text>,
    /// The reference answer, for verifiers; a number is spelled out.
    pub answer: Option<String>,
    /// Whether the completion is good, for unpaired preferences.
    pub label: Option<bool>,
    /// By how much `chosen` is preferred.
    pub margin: Option<f64>,
    /// Of a pair: how likely `chosen` is preferred, in 0..=1.
    pub probability: Option<f64>,
    pub row: Place,
}

/// What happens to a row that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBad {
    /// It is left out and listed in `Read::bad`.
    Skip,
    /// The first one is an error.
    Fatal,
}

/// A row that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    pub file: PathBuf,
    /// As in `Place`.
    pub line: usize,
    /// Byte in the line, from 1; 1 where only the row is known.
    pub column: usize,
    pub message: String,
}

impl Bad {
    pub fn error(&self) -> Error {
        Error::at_line(&self.file, self.line, self.column, &self.message)
            .help("mend the row, or leave such rows out: `bad_rows = skip`")
    }
}

/// What was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    pub records: Vec<Record>,
    pub bad: Vec<Bad>,
    /// Rows looked at, good and bad; empty lines are none.
    pub rows: usize,
    /// The blake3 digest in hex of the whole files: what `cat FILES | b3sum` prints.
    pub digest: String,
}

/// A row as its file gives it.
pub(crate) struct Row {
    /// As in `Place`.
    pub line: usize,
    /// The keys and values, or column and message of what is wrong.
    pub value: Result<Map<String, Value>, (usize, String)>,
    /// The row's text, for the columns of errors; empty for Parquet.
    pub text: String,
}

/// Reads records from files, in order, at most `limit` of them. Rows behind the limit are only looked at until every
/// column that is named has been seen.
///
/// Errors: a file that cannot be read; a column of `columns` that no row of a file has; no prompt, neither as a column
/// nor as what `chosen` and `rejected` begin with; with `OnBad::Fatal`, the first bad row.
pub fn read(paths: &[PathBuf], columns: &Columns, on_bad: OnBad, limit: Option<usize>) -> Result<Read, Error> {
    let mut read = Read { records: Vec::new(), bad: Vec::new(), rows: 0, digest: String::new() };
    let limit = limit.unwrap_or(usize::MAX);
    for path in paths {
        let mut mapping = columns::Mapping::new(columns, path);
        let (first_row, first_bad) = (read.rows, read.bad.len());
        rows(path, columns, |row| {
            if read.records.len() >= limit {
                // A bad row has no columns to note.
                let _ = mapping.fields(&row);
                return !mapping.is_settled();
            }
            read.rows += 1;
            match mapping.record(&row) {
                Ok(record) => read.records.push(record),
                Err((column, message)) => {
                    read.bad.push(Bad { file: path.clone(), line: row.line, column, message });
                }
            }
            true
        })?;
        if read.rows > first_row {
            mapping.check()?;
        }
        if let (OnBad::Fatal, Some(bad)) = (on_bad, read.bad.get(first_bad)) {
            return Err(bad.error());
        }
    }
    read.digest = files::digest(paths)?;
    Ok(read)
}

/// Calls `each` with every row of a file until it returns false.
fn rows(path: &Path, columns: &Columns, each: impl FnMut(Row) -> bool) -> Result<(), Error> {
    match path.extension().and_then(|end| end.to_str()) {
        Some("jsonl" | "json" | "ndjson") => json::rows(path, each),
        Some("parquet") => parquet_rows(path, columns, each),
        _ => Err(Error::at(path, "unknown kind of data file").help(
            "use .jsonl, .json or .parquet; `datasets` of Hugging Face writes them with `to_json`, `to_parquet`",
        )),
    }
}

#[cfg(feature = "parquet")]
fn parquet_rows(path: &Path, columns: &Columns, each: impl FnMut(Row) -> bool) -> Result<(), Error> {
    files::guarded(path, || parquet::rows(path, Some(columns), each))
}

#[cfg(not(feature = "parquet"))]
fn parquet_rows(path: &Path, _: &Columns, _: impl FnMut(Row) -> bool) -> Result<(), Error> {
    Err(Error::at(path, "this build does not read Parquet files")
        .help("build with `cargo build --release --features parquet`, or convert the file to JSON lines"))
}

/// All rows of a Parquet file, with every column.
#[cfg(feature = "parquet")]
pub fn rows_of_parquet(path: &Path) -> Result<Vec<Map<String, Value>>, Error> {
    let mut all = Vec::new();
    let keep = |row: Row| {
        all.extend(row.value.ok());
        true
    };
    files::guarded(path, || parquet::rows(path, None, keep))?;
    Ok(all)
}

/// All rows of a Parquet file: an error of a build that reads none.
#[cfg(not(feature = "parquet"))]
pub fn rows_of_parquet(path: &Path) -> Result<Vec<Map<String, Value>>, Error> {
    parquet_rows(path, &Columns::default(), |_| true).map(|()| Vec::new())
}
