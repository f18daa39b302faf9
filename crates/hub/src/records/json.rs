//! Rows of JSON lines; a file that begins with `[` is read by `array.rs`.

use std::io::Read;
use std::path::Path;

use pbpo_outside::file::{self, Lines, limit};

use super::{Fault, Row, array, raw};
use crate::Error;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Calls `each` with every row until it returns false. A file whose first character is `[` is an array. A byte order
/// mark at the beginning is skipped.
pub(super) fn rows(path: &Path, each: impl FnMut(Row<'_>) -> bool) -> Result<(), Error> {
    if is_array(path)? {
        let bytes = file::bytes(path, limit::ARRAY).map_err(|refused| Error::refused(path, &refused))?;
        let text = std::str::from_utf8(bytes.strip_prefix(BOM).unwrap_or(&bytes));
        return array::rows(path, text.map_err(|error| Error::at(path, error))?, each);
    }
    lines(path, each).map_err(|refused| Error::refused(path, &refused))
}

fn is_array(path: &Path) -> Result<bool, Error> {
    let mut head = Vec::new();
    let opened = file::open(path, limit::LINES).map_err(|refused| Error::refused(path, &refused))?;
    opened.take(1 << 16).read_to_end(&mut head).map_err(|error| Error::io(path, "read", &error))?;
    let text = head.strip_prefix(BOM).unwrap_or(&head);
    Ok(text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'['))
}

fn lines(path: &Path, mut each: impl FnMut(Row<'_>) -> bool) -> Result<(), file::Refused> {
    let mut lines = Lines::open(path, limit::LINES)?;
    let mut bytes = Vec::new();
    while let Some(line) = lines.next_into(&mut bytes)? {
        let bytes = if line == 1 { bytes.strip_prefix(BOM).unwrap_or(&bytes) } else { &bytes };
        if bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let fields = match std::str::from_utf8(bytes) {
            Ok(text) => raw::fields(text.trim_end_matches(['\n', '\r'])),
            Err(error) => Err(Fault::at(error.valid_up_to() + 1, "invalid UTF-8")),
        };
        if !each(Row { line, fields }) {
            break;
        }
    }
    Ok(())
}
