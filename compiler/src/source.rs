//! The texts of a compilation: the files, and the short ones from the command line.

use std::sync::Arc;

use pbpo_grammar::{FileId, Span};

/// The name of the virtual file with an override's text.
pub const SET: &str = "--set";
/// The name of the virtual file with the name of the requested target.
pub const TARGET: &str = "command line";

/// One text with its name in messages.
#[derive(Clone, Debug)]
pub struct SourceFile {
    pub name: String,
    pub text: Arc<str>,
    /// The byte at which each line starts.
    lines: Vec<usize>,
    /// The number of characters in front of each block of `BLOCK` bytes, so that a column far along a line is not counted
    /// from its start.
    blocks: Vec<usize>,
}

/// The number of bytes of a block.
const BLOCK: usize = 256;

/// Returns the number of characters that start in some bytes.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

impl SourceFile {
    fn new(name: &str, text: &str) -> Self {
        let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(starts).collect();
        let blocks = text.as_bytes().chunks(BLOCK).scan(0, |before, block| {
            let here = *before;
            *before += characters(block);
            Some(here)
        });
        Self { name: name.to_owned(), text: text.into(), lines, blocks: blocks.collect() }
    }

    /// Returns the number of characters in front of a byte.
    fn before(&self, at: usize) -> usize {
        let block = (at / BLOCK).min(self.blocks.len().saturating_sub(1));
        let rest = self.text.as_bytes().get(block * BLOCK..at).unwrap_or_default();
        self.blocks.get(block).map_or(0, |before| before + characters(rest))
    }
}

/// Every text that a span may point into.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// Adds a text.
    pub fn add(&mut self, name: &str, text: &str) -> FileId {
        let id = FileId(u16::try_from(self.files.len()).unwrap_or(u16::MAX));
        self.files.push(SourceFile::new(name, text));
        id
    }

    pub fn get(&self, file: FileId) -> Option<&SourceFile> {
        self.files.get(usize::from(file.0))
    }

    /// Returns the text a span covers.
    pub fn text(&self, span: Span) -> &str {
        self.get(span.file).map_or("", |file| span.text(&file.text))
    }

    /// Returns the line and column of the span's start, both from 1, the column in characters.
    pub fn position(&self, span: Span) -> (usize, usize) {
        let Some(file) = self.get(span.file) else { return (1, 1) };
        let at = span.start as usize;
        let line = file.lines.partition_point(|start| *start <= at).max(1);
        let start = file.lines.get(line - 1).copied().unwrap_or(0);
        let Some(before) = file.text.get(start..at) else { return (line, 1) };
        // A mark of the byte order takes no column.
        let mark = usize::from(before.starts_with('\u{FEFF}'));
        (line, file.before(at) - file.before(start) - mark + 1)
    }

    /// Returns the name of the span's file.
    pub fn name(&self, span: Span) -> &str {
        self.get(span.file).map_or("", |file| &file.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_start_at_one() {
        let mut map = SourceMap::default();
        let file = map.add("x.pbpo", "a\r\nä = ß\n");
        assert_eq!(map.position(Span::new(file, 0, 1)), (1, 1));
        assert_eq!(map.position(Span::new(file, 8, 10)), (2, 5));
        assert_eq!(map.position(Span::new(file, 11, 11)), (3, 1));
    }

    #[test]
    fn columns_of_long_lines_are_those_of_short_ones() {
        let mut map = SourceMap::default();
        let text = format!("\u{FEFF}{}\n{}", "aä東🦀".repeat(300), "ß".repeat(1000));
        let file = map.add("x.pbpo", &text);
        for (at, _) in text.char_indices() {
            let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
            let column = text[line..at].chars().filter(|c| *c != '\u{FEFF}').count() + 1;
            assert_eq!(map.position(Span::new(file, at, at)).1, column, "byte {at}");
        }
    }
}
