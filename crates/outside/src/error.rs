//! Errors about what comes from outside: one message that names the place, and advice.

use std::fmt;
use std::path::Path;

use crate::file::Refused;

/// A failure that a user can read and act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The error and its place: file, line, key or tensor. It never holds a secret.
    pub message: String,
    /// Advice on how to fix it.
    pub help: Option<String>,
}

impl Error {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    /// Makes an error in a file: `FILE: message`.
    pub fn at(file: &Path, message: impl fmt::Display) -> Self {
        Self::new(format!("{}: {message}", file.display()))
    }

    /// Makes an error at a line and column of a file, both counted from 1.
    pub fn at_line(file: &Path, line: usize, column: usize, message: impl fmt::Display) -> Self {
        Self::new(format!("{}:{line}:{column}: {message}", file.display()))
    }

    /// Makes an error of the system while reading or writing a file; `doing` is a verb ("read", "write").
    pub fn io(file: &Path, doing: &str, error: &std::io::Error) -> Self {
        Self::at(file, format!("cannot {doing} it: {error}"))
    }

    /// Makes an error for a file that is refused, with the reason.
    pub fn refused(file: &Path, refused: &Refused) -> Self {
        Self::at(file, refused)
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
