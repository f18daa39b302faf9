//! What an editor asks: plain data in, plain data out. No protocol, no files.
//!
//! `context.rs`: where in a file the cursor is, by its text alone, so that half-written lines work;
//! `complete.rs`, `hover.rs`: what could stand there, and what does; `names.rs`: definitions and renaming.

mod complete;
mod context;
mod hover;
mod names;

pub use complete::{Completion, CompletionKind};
pub use names::{Edit, RenameError};

pub(crate) use hover::type_text;

use pbpo_grammar::{FileId, Span};

use crate::check::Program;
use crate::source::SourceMap;
use crate::{Compiled, Input, Work};

/// A file with everything that is known of it.
pub struct Analysis {
    /// Findings, and the texts of all files; the first is the file itself.
    pub compiled: Compiled,
    pub(crate) work: Work,
    pub(crate) program: Program,
}

impl Analysis {
    pub fn of(input: Input<'_>) -> Self {
        let (mut work, program) = crate::checked(input, &[]);
        let diagnostics = std::mem::take(&mut work.out);
        let compiled = Compiled { points: Vec::new(), diagnostics, sources: work.sources.clone() };
        Self { compiled, work, program }
    }

    /// The text of the file.
    pub fn text(&self) -> &str {
        self.work.sources.get(FileId::default()).map_or("", |file| &file.text)
    }

    pub fn sources(&self) -> &SourceMap {
        &self.work.sources
    }

    /// What could be written at a byte of the file.
    pub fn completions(&self, offset: usize) -> Vec<Completion> {
        complete::at(self, offset)
    }

    /// What stands at a byte of the file, in Markdown, and its place.
    pub fn hover(&self, offset: usize) -> Option<(String, Span)> {
        hover::at(self, offset)
    }

    /// Where the name at a byte is declared.
    pub fn definition(&self, offset: usize) -> Option<Span> {
        names::definition(self, offset)
    }

    /// Every place of the name at a byte.
    pub fn references(&self, offset: usize) -> Vec<Span> {
        names::references(self, offset)
    }

    /// The edits that give the name at a byte another.
    pub fn rename(&self, offset: usize, to: &str) -> Result<Vec<Edit>, RenameError> {
        names::rename(self, offset, to)
    }
}
