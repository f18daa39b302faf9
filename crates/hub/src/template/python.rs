//! Differences between Jinja in Python and minijinja.

use std::fmt::Write as _;
use std::io::Write as _;

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, ErrorKind, Output, State, Value};
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

use super::bounds::{Limited, TOO_LONG};
use super::dumps::{Pretty, Spaced};

/// Prints a value: True, False and None with capitals, everything else as in minijinja.
pub(super) fn format(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::Bool => out.write_str(if value.is_true() { "True" } else { "False" }).map_err(Error::from),
        ValueKind::None => out.write_str("None").map_err(Error::from),
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => {
            weigh(state, value)?;
            minijinja::escape_formatter(out, state, value)
        }
        _ => match float_of(value) {
            Some(number) => out.write_str(&float(number)).map_err(Error::from),
            None => minijinja::escape_formatter(out, state, value),
        },
    }
}

/// Returns the number of a value that is a float.
pub(super) fn float_of(value: &Value) -> Option<f64> {
    if value.kind() != ValueKind::Number || value.is_integer() {
        return None;
    }
    f64::try_from(value.clone()).ok()
}

/// Returns a float as Python writes it: the shortest digits that give it back, with an exponent of at least two digits
/// from 1e16 on and below 0.0001.
pub(super) fn float(number: f64) -> String {
    if !number.is_finite() {
        let sign = if number < 0.0 { "-" } else { "" };
        return format!("{sign}{}", if number.is_nan() { "nan" } else { "inf" });
    }
    let scientific = format!("{number:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    match exponent.parse::<i32>() {
        Ok(-4..16) => format!("{number:?}"),
        Ok(exponent) => format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs()),
        Err(_) => scientific,
    }
}

/// Returns the result of the `iterable` test, which is false for None.
pub(super) fn is_iterable(value: &Value) -> bool {
    !value.is_none() && value.try_iter().is_ok()
}

/// Asks for fuel for everything that a value holds, counted as often as it is held, before it is shown: a list that
/// holds another many times takes no memory until then.
pub(super) fn weigh(state: &State, value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::String => state.consume_fuel(value.len().unwrap_or_default() as u64 / 64),
        ValueKind::Map => value.try_iter()?.try_for_each(|key| {
            weigh(state, &value.get_item(&key)?)?;
            weigh(state, &key)
        }),
        ValueKind::Seq | ValueKind::Iterable => value.try_iter()?.try_for_each(|item| weigh(state, &item)),
        ValueKind::Invalid => Err(Error::new(ErrorKind::InvalidOperation, value.to_string())),
        _ => state.consume_fuel(1),
    }
}

/// Returns a value as `{{ value }}` prints it, or an error if that is too long.
pub(super) fn text(state: &State, value: &Value) -> Result<String, Error> {
    weigh(state, value)?;
    if let Some(number) = float_of(value) {
        return Ok(float(number));
    }
    let mut text = Text(Limited::default());
    write!(text, "{value}").map_err(|_| Error::new(ErrorKind::InvalidOperation, TOO_LONG))?;
    String::from_utf8(text.0.bytes).map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
}

struct Text(Limited);

impl std::fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.write_all(text.as_bytes()).map_err(|_| std::fmt::Error)
    }
}

/// The largest number of spaces for one level of `tojson`.
const INDENT: usize = 64;

/// Implements the `tojson` filter of transformers: `json.dumps` with `ensure_ascii=False`, without escaping HTML.
pub(super) fn tojson(state: &State, value: &Value, options: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = options.get("indent")?;
    let sorted: Option<bool> = options.get("sort_keys")?;
    let ascii: Option<bool> = options.get("ensure_ascii")?;
    options.assert_all_used()?;
    if ascii == Some(true) {
        return Err(Error::new(ErrorKind::InvalidOperation, "tojson with ensure_ascii=true is not supported"));
    }
    if indent.is_some_and(|indent| indent > INDENT) {
        return Err(Error::new(ErrorKind::InvalidOperation, format!("tojson: an indent of more than {INDENT}")));
    }
    weigh(state, value)?;
    let plain = dump(value, indent)?;
    // Writing it as JSON takes several times as long as copying it.
    state.consume_fuel(plain.len() as u64 / 4)?;
    match sorted {
        Some(true) => dump(&serde_json::to_value(value).map_err(failed)?, indent),
        _ => Ok(plain),
    }
}

fn dump(value: &impl Serialize, indent: Option<usize>) -> Result<String, Error> {
    let mut out = Limited::default();
    match indent {
        None => value.serialize(&mut Serializer::with_formatter(&mut out, Spaced)),
        Some(count) => {
            let indent = " ".repeat(count);
            let pretty = Pretty(PrettyFormatter::with_indent(indent.as_bytes()));
            value.serialize(&mut Serializer::with_formatter(&mut out, pretty))
        }
    }
    .map_err(failed)?;
    String::from_utf8(out.bytes).map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))
}

fn failed(error: serde_json::Error) -> Error {
    Error::new(ErrorKind::BadSerialization, error.to_string())
}
