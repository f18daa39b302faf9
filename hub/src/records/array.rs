//! The elements of one JSON array of objects, one by one, each with its line.

use std::path::Path;

use serde_json::{Deserializer, Value};

use super::Row;
use super::json::object;
use crate::Error;
use crate::files::json_reason;

/// Calls `each` with every element until it returns false. After a syntax error nothing of the array can be trusted,
/// so that it is the whole file's.
pub(super) fn rows(path: &Path, text: &str, mut each: impl FnMut(Row) -> bool) -> Result<(), Error> {
    let mut array = Array { path, text, at: 0, line: 1, line_start: 0 };
    array.skip_space();
    array.advance(1);
    array.skip_space();
    let mut first = true;
    loop {
        match array.text.as_bytes().get(array.at) {
            Some(b']') => break,
            Some(b',') if !first => array.advance(1),
            Some(_) if !first => return Err(array.error("expected `,` or `]`")),
            _ => {}
        }
        array.skip_space();
        if !each(array.element()?) {
            return Ok(());
        }
        array.skip_space();
        first = false;
    }
    array.advance(1);
    array.skip_space();
    if array.at == text.len() { Ok(()) } else { Err(array.error("text after the array's end")) }
}

/// A place in the text, with the line it is in.
struct Array<'a> {
    path: &'a Path,
    text: &'a str,
    /// Byte in the text.
    at: usize,
    /// From 1.
    line: usize,
    /// The line's first byte.
    line_start: usize,
}

impl Array<'_> {
    fn error(&self, message: &str) -> Error {
        Error::at_line(self.path, self.line, self.at - self.line_start + 1, message)
    }

    fn advance(&mut self, count: usize) {
        for at in self.at..self.at + count {
            if self.text.as_bytes()[at] == b'\n' {
                self.line += 1;
                self.line_start = at + 1;
            }
        }
        self.at += count;
    }

    fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        self.advance(rest.len() - rest.trim_ascii_start().len());
    }

    /// The element that begins here.
    fn element(&mut self) -> Result<Row, Error> {
        let mut values = Deserializer::from_str(&self.text[self.at..]).into_iter::<Value>();
        let value = match values.next() {
            Some(Ok(value)) => value,
            None => return Err(self.error("the array does not end")),
            Some(Err(error)) => {
                let column = if error.line() == 1 { self.at - self.line_start } else { 0 } + error.column();
                return Err(Error::at_line(self.path, self.line + error.line() - 1, column, json_reason(&error)));
            }
        };
        let line = self.line;
        self.advance(values.byte_offset());
        // Columns are only known where a row is a line.
        Ok(Row { line, value: object(value), text: String::new() })
    }
}
