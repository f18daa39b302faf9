//! Maps the columns of a file to the fields of a record.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::values::{self, short};
use super::{Cell, Fault, Place, Reading, Record, Row, Text, raw, said, sides};
use crate::Error;
use crate::json::Json;

/// The column of each field. `None` means the column with the field's own name, if the file has it. A column that is
/// named must exist; `a.b` is the key `b` of the object in column `a`; an empty name leaves the field out. Other
/// columns are allowed and are not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// The prompt's column. Without one, the prompt is the common beginning of `chosen` and `rejected`.
    pub prompt: Option<String>,
    pub completion: Option<String>,
    pub chosen: Option<String>,
    pub rejected: Option<String>,
    /// The response that the judge saw first, in a recorded label.
    pub first: Option<String>,
    pub second: Option<String>,
    /// The preference in a recorded label: `first`, `second` or `tie`.
    pub preferred: Option<String>,
    pub answer: Option<String>,
    pub label: Option<String>,
    pub margin: Option<String>,
    pub probability: Option<String>,
    /// The `tools` of the chat template: a list, or its JSON as a text.
    pub tools: Option<String>,
    /// Further variables of the chat template: an object.
    pub chat_template_kwargs: Option<String>,
}

impl Columns {
    /// Returns every field's name, and the column given for it.
    fn fields(&self) -> [(&'static str, &Option<String>); 13] {
        [
            ("prompt", &self.prompt),
            ("completion", &self.completion),
            ("chosen", &self.chosen),
            ("rejected", &self.rejected),
            ("first", &self.first),
            ("second", &self.second),
            ("preferred", &self.preferred),
            ("answer", &self.answer),
            ("label", &self.label),
            ("margin", &self.margin),
            ("probability", &self.probability),
            ("tools", &self.tools),
            ("chat_template_kwargs", &self.chat_template_kwargs),
        ]
    }

    /// Returns every field's name and its column.
    fn mapped(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.fields().into_iter().map(|(field, given)| (field, given.as_deref().unwrap_or(field)))
    }

    /// The same without the columns that a policy's text does not depend on: the answer, labels and numbers.
    pub fn texts_only(self) -> Self {
        let none = || Some(String::new());
        let (answer, label, margin, probability) = (none(), none(), none(), none());
        Self { answer, label, margin, probability, ..self }
    }

    /// Names of the columns to read, with the keys after them cut off.
    pub(super) fn top_level(&self) -> Vec<&str> {
        let given = self.mapped().flat_map(|(_, name)| [name, name.split('.').next().unwrap_or(name)]);
        given.chain([said::COLUMN]).collect()
    }
}

/// The number of column names that an error lists.
const LISTED: usize = 20;

/// Makes records of one file's rows, and notes which columns there are.
pub(super) struct Mapping<'a> {
    reading: &'a Reading,
    file: PathBuf,
    /// Columns of the file, from the rows so far.
    there: BTreeSet<String>,
    /// Fields whose column some row had.
    found: BTreeSet<&'static str>,
    /// The number of answers that were whole numbers with a fraction of 0, and the first of them.
    whole: (usize, String),
}

impl<'a> Mapping<'a> {
    pub fn new(reading: &'a Reading, file: &Path) -> Self {
        Self {
            reading,
            file: file.to_owned(),
            there: BTreeSet::new(),
            found: BTreeSet::new(),
            whole: (0, String::new()),
        }
    }

    /// Notes the columns of a row, and returns its fields.
    pub fn fields<'r>(&mut self, row: &'r Row<'r>) -> Result<Fields<'r>, Fault>
    where
        'a: 'r,
    {
        for field in row.fields.as_ref().map_err(Clone::clone)? {
            if !self.there.contains(&field.name) {
                self.there.insert(field.name.clone());
            }
        }
        let fields = Fields::of(row, self.reading.columns.mapped().chain([(said::COLUMN, said::COLUMN)]))?;
        self.found.extend(fields.0.iter().map(|found| found.field));
        Ok(fields)
    }

    /// Makes the record of a row.
    pub fn record(&mut self, row: &Row<'_>) -> Result<Record, Fault> {
        let values = self.fields(row)?;
        let texts = values.texts(self.reading)?;
        let is_pair = texts.chosen.is_some() && texts.rejected.is_some();
        let probability = if is_pair { values.convert("probability", "a number in 0..=1", probability)? } else { None };
        let sides = sides::settle(texts, self.reading)?;
        let (chosen, rejected) = (values.said("chosen", sides.chosen)?, values.said("rejected", sides.rejected)?);
        sides::pair(chosen.as_ref(), rejected.as_ref(), self.reading)?;
        let (answer, written) = match values.answer()? {
            Some((answer, written)) => (Some(answer), written),
            None => (None, None),
        };
        let record = Record {
            prompt: sides.prompt,
            completion: values.said("completion", sides.completion)?,
            chosen,
            rejected,
            answer,
            label: values.convert("label", "true, false, 0 or 1", label)?,
            margin: values.convert("margin", "a number", number)?,
            probability,
            row: Place { file: self.file.clone(), line: row.line },
        };
        if let Some(written) = written {
            if self.whole.0 == 0 {
                self.whole.1 = written;
            }
            self.whole.0 += 1;
        }
        Ok(record.in_order())
    }

    /// Returns a note about the file for the user, once it is read.
    pub fn note(&self) -> Option<String> {
        let (count, first) = &self.whole;
        (*count > 0).then(|| {
            format!(
                "{}: {count} answers such as {first} are read as {}: a column of whole numbers with gaps is written so",
                self.file.display(),
                values::whole(first).unwrap_or_default()
            )
        })
    }

    /// Tells whether the rows so far had every named column, and a prompt.
    pub fn is_settled(&self) -> bool {
        self.missing().is_none() && self.has_prompt()
    }

    /// Returns an error if the file lacks a named column, or a prompt.
    pub fn check(&self) -> Result<(), Error> {
        match self.missing() {
            Some((field, column)) if self.there.contains(column) => Err(Error::at(
                &self.file,
                format!("column `{column}`, which `{field}` is mapped to, is null in every row"),
            )),
            Some((field, column)) => {
                Err(self.absent(column, &format!("no column `{column}`, which `{field}` is mapped to")))
            }
            // Without any column, every row is reported as bad on its own.
            None if self.has_prompt() || self.there.is_empty() => Ok(()),
            None => Err(self.absent("prompt", "no column `prompt`, and no `chosen` and `rejected` to take it from")),
        }
    }

    /// Returns a field whose named column was in no row.
    fn missing(&self) -> Option<(&'static str, &str)> {
        let fields = self.reading.columns.fields().into_iter();
        let mut named = fields.filter_map(|(field, given)| Some((field, given.as_deref()?)));
        named.find(|(field, column)| !column.is_empty() && !self.found.contains(field))
    }

    fn has_prompt(&self) -> bool {
        let found = |field| self.found.contains(field);
        found("prompt") || (found("chosen") && found("rejected")) || (found("first") && found("second"))
    }

    fn absent(&self, column: &str, message: &str) -> Error {
        let names: Vec<&str> = self.there.iter().map(String::as_str).collect();
        let more = names.len().saturating_sub(LISTED);
        let and_more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let close = |name: &&&str| {
            let most = (column.chars().count() / 3).max(1);
            name.eq_ignore_ascii_case(column) || strsim::osa_distance(name, column) <= most
        };
        let guess = names.iter().filter(close).min_by_key(|name| strsim::osa_distance(name, column));
        let guess = guess.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        Error::at(&self.file, format!("{message}{guess}")).help(format!(
            "the columns there are {}{and_more}: map one of them",
            names[..names.len() - more].join(", ")
        ))
    }
}

/// The fields of one row that have a value; null counts as absent.
pub(super) struct Fields<'r>(Vec<Found<'r>>);

struct Found<'r> {
    field: &'static str,
    column: &'r str,
    /// The column's position in its line, from 1.
    at: usize,
    /// The number as the file writes it, if the value is a number.
    number: Option<&'r str>,
    /// The value, or the reason why it can't be read.
    value: Result<Cow<'r, Json>, String>,
}

impl<'r> Fields<'r> {
    /// Looks up the fields of a row by name and column.
    pub fn of(row: &'r Row<'r>, wanted: impl Iterator<Item = (&'static str, &'r str)>) -> Result<Self, Fault> {
        let fields = row.fields.as_ref().map_err(Clone::clone)?;
        let found = wanted.filter(|(_, column)| !column.is_empty()).filter_map(|(field, column)| {
            let exact =
                fields.iter().find(|found| found.name == column).map(|found| (found.at, found.value.borrowed()));
            let (at, cell) = match exact {
                Some((at, cell)) => (at, Ok(cell)),
                None => {
                    let (first, keys) = column.split_once('.')?;
                    let first = fields.iter().find(|found| found.name == first)?;
                    (first.at, first.value.borrowed().at_keys(keys).transpose()?)
                }
            };
            let (number, value) = (cell.as_ref().ok().and_then(Part::number), cell.and_then(|cell| cell.parsed()));
            let is_null = value.as_ref().is_ok_and(|value| value.is_null());
            (!is_null).then_some(Found { field, column, at, number, value })
        });
        Ok(Self(found.collect()))
    }

    fn find(&self, field: &str) -> Option<&Found<'r>> {
        self.0.iter().find(|found| found.field == field)
    }

    /// Returns the value of a field, or a fault if it is wrong.
    pub fn parsed<T>(&self, field: &str, parse: impl Fn(&Json) -> Result<T, String>) -> Result<Option<T>, Fault> {
        let Some(Found { column, at, value, .. }) = self.find(field) else { return Ok(None) };
        let value = value.as_ref().map_err(Clone::clone);
        value
            .and_then(|value| parse(value))
            .map(Some)
            .map_err(|message| Fault::at(*at, format!("`{column}`: {message}")))
    }

    /// Returns the value of a field, which must be `wanted`.
    pub fn convert<T>(
        &self,
        field: &str,
        wanted: &str,
        convert: impl Fn(&Json) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        self.parsed(field, |value| convert(value).ok_or_else(|| format!("expected {wanted}, found {}", short(value))))
    }

    pub fn text(&self, field: &str) -> Result<Option<Text>, Fault> {
        self.parsed(field, values::text)
    }

    /// What a prompt and its responses are made of. `chosen` and `rejected` are read if pairs are, or if the prompt is what
    /// they begin with.
    pub fn texts(&self, reading: &Reading) -> Result<sides::Texts, Fault> {
        let prompt = self.text("prompt")?;
        let side = |name| if reading.pairs || prompt.is_none() { self.text(name) } else { Ok(None) };
        let (chosen, rejected) = (side("chosen")?, side("rejected")?);
        Ok(sides::Texts {
            prompt,
            completion: self.text("completion")?,
            chosen,
            rejected,
            tools: self.parsed("tools", values::tools)?,
            kwargs: self.parsed("chat_template_kwargs", values::kwargs)?,
        })
    }

    /// Returns a response with the information that the row's column `said` has about it.
    fn said(&self, field: &str, text: Option<Text>) -> Result<Option<Text>, Fault> {
        let (Some(text), Some(of)) = (&text, self.find(field)) else { return Ok(text) };
        let with = self.parsed(said::COLUMN, |said| said::with_said(said, of.column, text.clone()))?;
        Ok(Some(with.unwrap_or_else(|| text.clone())))
    }

    /// Returns the reference answer: a text, or the digits of a number. If a number lost a fraction of 0, it also
    /// returns the number as written.
    fn answer(&self) -> Result<Option<(String, Option<String>)>, Fault> {
        match self.find("answer") {
            Some(Found { number: Some(number), .. }) => Ok(Some(match values::whole(number) {
                Some(whole) => (whole, Some((*number).to_owned())),
                None => ((*number).to_owned(), None),
            })),
            _ => self.convert("answer", "a string or a number", |value| match value {
                Json::Text(text) => Some((text.clone(), None)),
                Json::Number(number) => {
                    let written = number.to_string();
                    Some(values::whole(&written).map_or((written.clone(), None), |whole| (whole, Some(written))))
                }
                _ => None,
            }),
        }
    }
}

impl<'r> Cell<'r> {
    fn borrowed(&'r self) -> Part<'r> {
        match self {
            Cell::Text(text) => Part::Text(text),
            Cell::Value(value) => Part::Value(value),
        }
    }
}

/// A value in a row.
enum Part<'r> {
    Text(&'r str),
    Value(&'r Json),
}

impl<'r> Part<'r> {
    /// Returns the value of the keys `a.b.c`, each in the object of the one before. Returns `None` if a key is absent
    /// or its parent is not an object; an object that can't be read is an error.
    fn at_keys(self, keys: &str) -> Result<Option<Self>, String> {
        keys.split('.').try_fold(Some(self), |part, key| match part {
            Some(part) => part.key(key),
            None => Ok(None),
        })
    }

    fn key(self, key: &str) -> Result<Option<Self>, String> {
        match self {
            Part::Text(text) if text.starts_with('{') => {
                let fields = raw::fields(text).map_err(|fault| fault.message)?;
                let field = fields.into_iter().find(|field| field.name == key);
                Ok(field
                    .and_then(|field| if let Cell::Text(text) = field.value { Some(Part::Text(text)) } else { None }))
            }
            Part::Text(_) => Ok(None),
            Part::Value(value) => Ok(value.as_object().and_then(|object| object.get(key)).map(Part::Value)),
        }
    }

    fn number(&self) -> Option<&'r str> {
        match self {
            Part::Text(text) => text.starts_with(|c: char| c == '-' || c.is_ascii_digit()).then_some(*text),
            Part::Value(_) => None,
        }
    }

    fn parsed(&self) -> Result<Cow<'r, Json>, String> {
        match self {
            Part::Text(text) => {
                serde_json::from_str(text).map(Cow::Owned).map_err(|error| crate::files::json_reason(&error))
            }
            Part::Value(value) => Ok(Cow::Borrowed(value)),
        }
    }
}

fn label(value: &Json) -> Option<bool> {
    match value {
        Json::Bool(label) => Some(*label),
        other => match number(other)? {
            0.0 => Some(false),
            1.0 => Some(true),
            _ => None,
        },
    }
}

fn number(value: &Json) -> Option<f64> {
    if let Json::Number(number) = value { number.as_f64() } else { None }
}

pub(super) fn probability(value: &Json) -> Option<f64> {
    number(value).filter(|p| (0.0..=1.0).contains(p))
}
