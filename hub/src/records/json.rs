//! Rows of JSON lines, and of one JSON array of objects.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde_json::{Map, Value};

use super::Row;
use crate::Error;

/// Calls `each` with every row until it returns false. A file whose first character is `[` is an array.
pub(super) fn rows(path: &Path, each: impl FnMut(Row) -> bool) -> Result<(), Error> {
    let failed = |error: std::io::Error| Error::io(path, "read", &error);
    let mut reader = BufReader::with_capacity(1 << 16, File::open(path).map_err(failed)?);
    if reader.fill_buf().map_err(failed)?.starts_with(b"\xEF\xBB\xBF") {
        reader.consume(3);
    }
    let first = reader.fill_buf().map_err(failed)?.iter().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(&b'[') {
        let mut text = Vec::new();
        reader.read_to_end(&mut text).map_err(failed)?;
        return array(path, &text, each);
    }
    lines(reader, each).map_err(failed)
}

fn lines(mut reader: impl BufRead, mut each: impl FnMut(Row) -> bool) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        if !each(row(line, &bytes)) {
            break;
        }
    }
    Ok(())
}

fn row(line: usize, bytes: &[u8]) -> Row {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.trim_end_matches(['\n', '\r']),
        Err(error) => {
            let fault = (error.valid_up_to() + 1, "invalid UTF-8".to_owned());
            return Row { line, value: Err(fault), text: String::new() };
        }
    };
    let value = serde_json::from_str(text).map_err(|error| fault(&error)).and_then(object);
    Row { line, value, text: text.to_owned() }
}

fn object(value: Value) -> Result<Map<String, Value>, (usize, String)> {
    match value {
        Value::Object(map) => Ok(map),
        _ => Err((1, "expected an object `{ ... }`".to_owned())),
    }
}

/// Column and reason of a syntax error.
fn fault(error: &serde_json::Error) -> (usize, String) {
    let text = error.to_string();
    (error.column().max(1), text.split(" at line ").next().unwrap_or(&text).to_owned())
}

/// The elements of an array one by one, so that each has its line. After a syntax error nothing can be trusted.
fn array(path: &Path, bytes: &[u8], mut each: impl FnMut(Row) -> bool) -> Result<(), Error> {
    let position = |at: usize| {
        let before = &bytes[..at.min(bytes.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        (line, at - before.iter().rposition(|byte| *byte == b'\n').map_or(0, |start| start + 1) + 1)
    };
    let error = |at: usize, message: &str| {
        let (line, column) = position(at);
        Error::at_line(path, line, column, message)
    };
    if let Err(invalid) = std::str::from_utf8(bytes) {
        return Err(error(invalid.valid_up_to(), "invalid UTF-8"));
    }
    let skip = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
        at
    };
    let mut at = skip(skip(0) + 1);
    // The line is counted on from the last element, so that long files take linear time.
    let (mut line, mut counted) = (1, 0);
    let mut first = true;
    loop {
        match bytes.get(at) {
            Some(b']') => {
                let end = skip(at + 1);
                return if end == bytes.len() { Ok(()) } else { Err(error(end, "text after the array's end")) };
            }
            Some(b',') if !first => at = skip(at + 1),
            None => return Err(error(at, "the array does not end")),
            Some(_) if first => {}
            Some(_) => return Err(error(at, "expected `,` or `]`")),
        }
        first = false;
        let mut values = serde_json::Deserializer::from_slice(&bytes[at..]).into_iter::<Value>();
        let value = match values.next() {
            Some(Ok(value)) => value,
            Some(Err(fault)) => return Err(nested(&error, at, bytes, &fault)),
            None => return Err(error(at, "the array does not end")),
        };
        line += bytes[counted..at].iter().filter(|byte| **byte == b'\n').count();
        counted = at;
        let end = at + values.byte_offset();
        // Columns are only known where an element has a line for itself.
        if !each(Row { line, value: object(value), text: String::new() }) {
            return Ok(());
        }
        at = skip(end);
    }
}

/// A syntax error inside the element that begins at byte `at`.
fn nested(error: &impl Fn(usize, &str) -> Error, at: usize, bytes: &[u8], fault: &serde_json::Error) -> Error {
    let element = &bytes[at..];
    let line_starts = element.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    let start = std::iter::once(0).chain(line_starts).nth(fault.line().saturating_sub(1)).unwrap_or(0);
    let text = fault.to_string();
    error(at + start + fault.column().saturating_sub(1), text.split(" at line ").next().unwrap_or(&text))
}
