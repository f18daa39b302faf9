//! Columns of a file to the fields of a record.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{Place, Record, Row, Text, said};
use crate::Error;
use crate::template::Message;

/// Which column each field comes from. None: the column of the field's own name, if the file has it. A name that is
/// given must be there; `a.b` is the key `b` of the object in column `a`; an empty name leaves the field out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// Without a prompt, it is what `chosen` and `rejected` begin with alike.
    pub prompt: Option<String>,
    pub completion: Option<String>,
    pub chosen: Option<String>,
    pub rejected: Option<String>,
    pub answer: Option<String>,
    pub label: Option<String>,
    pub margin: Option<String>,
    pub probability: Option<String>,
}

impl Columns {
    /// Every field's name, and the column that is given for it.
    fn fields(&self) -> [(&'static str, &Option<String>); 8] {
        [
            ("prompt", &self.prompt),
            ("completion", &self.completion),
            ("chosen", &self.chosen),
            ("rejected", &self.rejected),
            ("answer", &self.answer),
            ("label", &self.label),
            ("margin", &self.margin),
            ("probability", &self.probability),
        ]
    }

    /// Names of the columns to read, with the keys behind them cut off.
    #[cfg_attr(not(feature = "parquet"), allow(dead_code))]
    pub(super) fn top_level(&self) -> Vec<&str> {
        let names = self.fields().map(|(field, given)| given.as_deref().unwrap_or(field));
        let given = names.iter().flat_map(|name| [*name, name.split('.').next().unwrap_or(name)]);
        given.chain([said::COLUMN]).collect()
    }
}

/// What is wrong with a row: a column (byte in the line, from 1) and a message.
type Fault = (usize, String);

/// Makes records of one file's rows, and notes which columns there are.
pub(super) struct Mapping<'a> {
    columns: &'a Columns,
    file: PathBuf,
    /// Columns of the file, from the rows so far.
    there: BTreeSet<String>,
    /// Fields whose column some row had.
    found: BTreeSet<&'static str>,
}

impl<'a> Mapping<'a> {
    pub fn new(columns: &'a Columns, file: &Path) -> Self {
        Self { columns, file: file.to_owned(), there: BTreeSet::new(), found: BTreeSet::new() }
    }

    /// Notes the columns of a row, and gives its fields.
    pub fn fields<'r>(&mut self, row: &'r Row) -> Result<Fields<'r>, Fault>
    where
        'a: 'r,
    {
        let map = row.value.as_ref().map_err(Clone::clone)?;
        for key in map.keys() {
            if !self.there.contains(key) {
                self.there.insert(key.clone());
            }
        }
        let mut fields = Fields { row, entries: Vec::new() };
        for (field, given) in self.columns.fields() {
            let column = given.as_deref().unwrap_or(field);
            if let Some(value) = lookup(map, column) {
                self.found.insert(field);
                fields.entries.push((field, column, value));
            }
        }
        Ok(fields)
    }

    /// The record of a row.
    pub fn record(&mut self, row: &Row) -> Result<Record, Fault> {
        let values = self.fields(row)?;
        let (chosen, rejected) = (values.text("chosen")?, values.text("rejected")?);
        let (prompt, chosen, rejected) = match (values.text("prompt")?, chosen, rejected) {
            (Some(prompt), chosen, rejected) => (prompt, chosen, rejected),
            (None, Some(chosen), Some(rejected)) => {
                let (prompt, chosen, rejected) = shared_prompt(chosen, rejected).map_err(|message| (1, message))?;
                (prompt, Some(chosen), Some(rejected))
            }
            _ => return Err((1, format!("no `{}`", self.columns.prompt.as_deref().unwrap_or("prompt")))),
        };
        let is_pair = chosen.is_some() && rejected.is_some();
        let probability = || values.convert("probability", "a number in 0..=1", probability);
        Ok(Record {
            prompt,
            completion: values.said("completion", values.text("completion")?)?,
            chosen: values.said("chosen", chosen)?,
            rejected: values.said("rejected", rejected)?,
            answer: values.convert("answer", "a string or a number", answer)?,
            label: values.convert("label", "true, false, 0 or 1", label)?,
            margin: values.convert("margin", "a number", Value::as_f64)?,
            probability: if is_pair { probability()? } else { None },
            row: Place { file: self.file.clone(), line: row.line },
        })
    }

    /// Whether the rows so far had every column that is named, and a prompt.
    pub fn is_settled(&self) -> bool {
        self.missing().is_none() && self.has_prompt()
    }

    /// An error if the file lacks a column that is named, or a prompt.
    pub fn check(&self) -> Result<(), Error> {
        match self.missing() {
            Some((field, column)) if self.there.contains(column) => Err(Error::at(
                &self.file,
                format!("column `{column}`, which `{field}` is mapped to, is null in every row"),
            )),
            Some((field, column)) => {
                Err(self.absent(column, &format!("no column `{column}`, which `{field}` is mapped to")))
            }
            // Without any column, every row is bad for itself.
            None if self.has_prompt() || self.there.is_empty() => Ok(()),
            None => Err(self.absent("prompt", "no column `prompt`, and no `chosen` and `rejected` to take it from")),
        }
    }

    /// A field with a column that is named and that no row had.
    fn missing(&self) -> Option<(&'static str, &str)> {
        let named = self.columns.fields().into_iter().filter_map(|(field, given)| Some((field, given.as_deref()?)));
        named.into_iter().find(|(field, column)| !column.is_empty() && !self.found.contains(field))
    }

    fn has_prompt(&self) -> bool {
        let found = |field| self.found.contains(field);
        found("prompt") || (found("chosen") && found("rejected"))
    }

    fn absent(&self, column: &str, message: &str) -> Error {
        let names: Vec<&str> = self.there.iter().map(String::as_str).collect();
        let close = |name: &&&str| {
            let most = (column.chars().count() / 3).max(1);
            name.eq_ignore_ascii_case(column) || strsim::osa_distance(name, column) <= most
        };
        let guess = names.iter().filter(close).min_by_key(|name| strsim::osa_distance(name, column));
        let guess = guess.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        Error::at(&self.file, format!("{message}{guess}"))
            .help(format!("the columns there are {}: map one of them", names.join(", ")))
    }
}

/// The value of a column, or of a key in it; null counts as absent.
fn lookup<'a>(map: &'a Map<String, Value>, column: &str) -> Option<&'a Value> {
    let value = map.get(column).or_else(|| {
        let mut keys = column.split('.');
        let first = map.get(keys.next()?)?;
        keys.try_fold(first, |value, key| value.get(key))
    });
    value.filter(|value| !value.is_null())
}

/// The fields of one row: name, column, value.
pub(super) struct Fields<'a> {
    row: &'a Row,
    entries: Vec<(&'static str, &'a str, &'a Value)>,
}

impl Fields<'_> {
    fn convert<T>(&self, field: &str, wanted: &str, convert: impl Fn(&Value) -> Option<T>) -> Result<Option<T>, Fault> {
        let Some((_, column, value)) = self.entries.iter().find(|(name, ..)| *name == field) else { return Ok(None) };
        let wrong = || (self.at(column), format!("`{column}`: expected {wanted}, found {}", shown(value)));
        convert(value).map(Some).ok_or_else(wrong)
    }

    fn text(&self, field: &str) -> Result<Option<Text>, Fault> {
        self.convert(field, "a string or a list of messages with `role` and `content`", text)
    }

    /// A response with what the row's column `said` tells of it.
    fn said(&self, field: &str, text: Option<Text>) -> Result<Option<Text>, Fault> {
        let entry = self.entries.iter().find(|(name, ..)| *name == field);
        let (Some(text), Some((_, column, _)), Ok(row)) = (&text, entry, &self.row.value) else { return Ok(text) };
        let said = said::with_said(row, column, text.clone());
        said.map(Some).map_err(|message| (self.at(said::COLUMN), message))
    }

    /// Where a column's key stands in the row's text.
    fn at(&self, column: &str) -> usize {
        let key = column.rsplit('.').next().unwrap_or(column);
        self.row.text.find(&format!("\"{key}\"")).map_or(1, |at| at + 1)
    }
}

fn text(value: &Value) -> Option<Text> {
    let text = |message: &Value, key: &str| message.get(key)?.as_str().map(str::to_owned);
    let message = |m: &Value| Some(Message { role: text(m, "role")?, content: text(m, "content")? });
    match value {
        Value::String(text) => Some(Text::Plain(text.clone())),
        Value::Array(list) if !list.is_empty() => list.iter().map(message).collect::<Option<_>>().map(Text::Chat),
        _ => None,
    }
}

fn answer(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn label(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(label) => Some(*label),
        other => match other.as_f64()? {
            0.0 => Some(false),
            1.0 => Some(true),
            _ => None,
        },
    }
}

fn probability(value: &Value) -> Option<f64> {
    value.as_f64().filter(|p| (0.0..=1.0).contains(p))
}

/// A value in a message, cut short.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("`{}...`", &text[..end]),
        None => format!("`{text}`"),
    }
}

/// The prompt that two completions begin with alike, taken off both: whole messages of chats, characters of strings
/// (without a last space, as TRL's `extract_prompt`).
fn shared_prompt(chosen: Text, rejected: Text) -> Result<(Text, Text, Text), String> {
    let nothing = || "no prompt, and `chosen` and `rejected` begin differently".to_owned();
    let same = || "no prompt, and `chosen` and `rejected` are the same".to_owned();
    match (chosen, rejected) {
        (Text::Chat(mut chosen), Text::Chat(mut rejected)) => {
            let shared = chosen.iter().zip(&rejected).take_while(|(a, b)| a == b).count();
            match shared {
                0 => Err(nothing()),
                _ if shared == chosen.len() || shared == rejected.len() => Err(same()),
                _ => {
                    let ends = (chosen.split_off(shared), rejected.split_off(shared));
                    Ok((Text::Chat(chosen), Text::Chat(ends.0), Text::Chat(ends.1)))
                }
            }
        }
        (Text::Plain(chosen), Text::Plain(rejected)) => {
            let shared = chosen.chars().zip(rejected.chars()).take_while(|(a, b)| a == b);
            let shared: usize = shared.map(|(c, _)| c.len_utf8()).sum();
            if chosen == rejected {
                return Err(same());
            }
            let shared = chosen[..shared].strip_suffix(' ').map_or(shared, str::len);
            let (prompt, chosen, rejected) = (&chosen[..shared], &chosen[shared..], &rejected[shared..]);
            if prompt.is_empty() {
                return Err(nothing());
            }
            let plain = |text: &str| Text::Plain(text.to_owned());
            Ok((plain(prompt), plain(chosen), plain(rejected)))
        }
        _ => Err("no prompt, and of `chosen` and `rejected` one is a string and one a chat".to_owned()),
    }
}
