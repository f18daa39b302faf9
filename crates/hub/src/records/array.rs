//! The elements of one JSON array of objects, one by one, each with its line.

use std::path::Path;

use serde::de::IgnoredAny;
use serde_json::Deserializer;

use super::{Fault, Row, raw};
use crate::Error;
use crate::files::json_reason;

/// Calls `each` with every element until it returns false. A syntax error makes the whole file an error, because the
/// elements after it cannot be found.
pub(super) fn rows(path: &Path, text: &str, mut each: impl FnMut(Row<'_>) -> bool) -> Result<(), Error> {
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
    /// The byte in the text.
    at: usize,
    /// The line number, from 1.
    line: usize,
    /// The line's first byte.
    line_start: usize,
}

impl<'a> Array<'a> {
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

    /// Reads the element that begins here.
    fn element(&mut self) -> Result<Row<'a>, Error> {
        let rest = &self.text[self.at..];
        let mut values = Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        match values.next() {
            Some(Ok(_)) => {}
            None => return Err(self.error("the array does not end")),
            Some(Err(error)) => return Err(self.broken(&error)),
        }
        let line = self.line;
        let text = &rest[..values.byte_offset()];
        self.advance(text.len());
        // Columns are only reported if a row is a line.
        let fields = raw::fields(text).map_err(|fault| Fault { column: 1, ..fault });
        let without_columns = |mut fields: Vec<super::Field<'a>>| {
            fields.iter_mut().for_each(|field| field.at = 1);
            fields
        };
        Ok(Row { line, fields: fields.map(without_columns) })
    }

    /// Makes the error for a syntax error in the element that begins here.
    fn broken(&self, error: &serde_json::Error) -> Error {
        let (from, line) =
            if error.line() == 1 { (self.at - self.line_start, self.line) } else { (0, self.line + error.line() - 1) };
        let column = from + error.column();
        let text = self.text.lines().nth(line - 1).unwrap_or_default();
        match raw::not_a_number(text, column) {
            Some((column, message)) => Error::at_line(self.path, line, column, message),
            None => Error::at_line(self.path, line, column, json_reason(error)),
        }
    }
}
