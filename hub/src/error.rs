//! What goes wrong with files: one clear message that names the file and the place in it, and what to do.

use std::fmt;
use std::path::Path;

/// A failure that a user can read and act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What is wrong and where: file, line, key or tensor.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Error {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    /// An error in a file: `FILE: message`.
    pub fn at(file: &Path, message: impl fmt::Display) -> Self {
        Self::new(format!("{}: {message}", file.display()))
    }

    /// An error at a line and column of a file, both counted from 1.
    pub fn at_line(file: &Path, line: usize, column: usize, message: impl fmt::Display) -> Self {
        Self::new(format!("{}:{line}:{column}: {message}", file.display()))
    }

    /// The system could not read or write a file; `doing` is a verb ("read", "write").
    pub fn io(file: &Path, doing: &str, error: &std::io::Error) -> Self {
        Self::at(file, format!("cannot {doing} it: {error}"))
    }

    /// A file that is not read, and why.
    pub fn refused(file: &Path, refused: &pbpo_outside::file::Refused) -> Self {
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
