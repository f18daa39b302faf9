//! Rows of JSON lines; a file that begins with `[` is read by `array.rs`.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde_json::{Map, Value};

use super::{Row, array};
use crate::Error;
use crate::files::json_reason;

/// Calls `each` with every row until it returns false. A file whose first character is `[` is an array.
pub(super) fn rows(path: &Path, each: impl FnMut(Row) -> bool) -> Result<(), Error> {
    let failed = |error: std::io::Error| Error::io(path, "read", &error);
    let mut reader = BufReader::with_capacity(1 << 16, File::open(path).map_err(failed)?);
    if reader.fill_buf().map_err(failed)?.starts_with(b"\xEF\xBB\xBF") {
        reader.consume(3);
    }
    let first = reader.fill_buf().map_err(failed)?.iter().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(&b'[') {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(failed)?;
        let text = std::str::from_utf8(&bytes).map_err(|error| Error::at(path, error))?;
        return array::rows(path, text, each);
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
    let value =
        serde_json::from_str(text).map_err(|error| (error.column().max(1), json_reason(&error))).and_then(object);
    Row { line, value, text: text.to_owned() }
}

pub(super) fn object(value: Value) -> Result<Map<String, Value>, (usize, String)> {
    match value {
        Value::Object(map) => Ok(map),
        _ => Err((1, "expected an object `{ ... }`".to_owned())),
    }
}
