//! The fields of a JSON object as their texts, so that numbers keep their digits and only requested fields are parsed.

use std::collections::HashSet;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Deserializer, Value};

use super::{Cell, Fault, Field};
use crate::files::json_reason;
use crate::quoted;

/// Returns the fields of the object in a text. A text that is not a JSON object, or that has a key twice, is a fault.
pub(super) fn fields(text: &str) -> Result<Vec<Field<'_>>, Fault> {
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| fault(text, &error))?;
    let start = text.len() - text.trim_ascii_start().len();
    if !text[start..].starts_with('{') {
        return Err(Fault::at(start + 1, "expected an object `{ ... }`"));
    }
    let mut fields: Vec<Field<'_>> = Vec::new();
    let mut scan = Scan { text, at: start + 1 };
    while let Some(at) = scan.next_key() {
        let name: String = scan.value()?.1;
        scan.next_key();
        let (value, IgnoredAny) = scan.value()?;
        fields.push(Field { name, at: at + 1, value: Cell::Text(value) });
    }
    let mut seen = HashSet::new();
    match fields.iter().find(|field| !seen.insert(field.name.as_str())) {
        Some(Field { name, at, .. }) => Err(Fault::at(*at, format!("the key `{}` is there twice", quoted(name)))),
        None => Ok(fields),
    }
}

/// A place in an object that is known to be JSON.
struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    /// Skips spaces and separators up to the next key or value. Returns `None` at the object's end.
    fn next_key(&mut self) -> Option<usize> {
        let rest = self.text[self.at..].trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ',' || c == ':');
        self.at = self.text.len() - rest.len();
        (!rest.is_empty() && !rest.starts_with('}')).then_some(self.at)
    }

    /// Returns the text and the value that begin here.
    fn value<T: DeserializeOwned>(&mut self) -> Result<(&'a str, T), Fault> {
        let rest = &self.text[self.at..];
        let mut values = Deserializer::from_str(rest).into_iter::<T>();
        let value = values.next();
        let end = values.byte_offset();
        let column = self.at + 1;
        self.at += end;
        match value {
            Some(Ok(value)) => Ok((&rest[..end], value)),
            Some(Err(error)) => Err(Fault::at(column, json_reason(&error))),
            None => Err(Fault::at(column, "the object does not end")),
        }
    }
}

/// Returns the fault of a text that is not JSON.
fn fault(text: &str, error: &serde_json::Error) -> Fault {
    let column = error.column().max(1);
    match not_a_number(text, column) {
        Some((at, message)) => Fault::at(at, message),
        // A parser of values gives a better message than one that skips them.
        None => Fault::at(column, json_reason(serde_json::from_str::<Value>(text).err().as_ref().unwrap_or(error))),
    }
}

/// Finds a number that Python's `json` writes and JSON lacks (as `NaN`), near the column of an error. Returns its place
/// and the number.
pub(super) fn not_a_number(line: &str, column: usize) -> Option<(usize, String)> {
    let (at, word) = (column.saturating_sub(2)..=column).find_map(|at| {
        let rest = line.get(at..)?;
        ["NaN", "Infinity"].into_iter().find(|word| rest.starts_with(word)).map(|word| (at, word))
    })?;
    let (at, sign) = if line[..at].ends_with('-') { (at - 1, "-") } else { (at, "") };
    let key = line[..at].trim_end().strip_suffix(':').and_then(|before| before.trim_end().strip_suffix('"'));
    let key = key.and_then(|key| Some(format!("`{}`: ", &key[key.rfind('"')? + 1..]))).unwrap_or_default();
    Some((at + 1, format!("{key}{sign}{word} is not JSON, though Python's `json` writes it: write null")))
}
