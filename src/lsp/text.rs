//! Converts between positions of the protocol, in lines and UTF-16 units, and bytes of a text.

use std::collections::BTreeMap;

use lsp_types::{Position, Range};
use pbpo_compiler::Span;
use pbpo_compiler::source::SourceMap;
use pbpo_grammar::FileId;

/// A text with the places of its lines. Lines end as the protocol says: with `\n`, `\r\n` or `\r`.
pub struct Lines<'t> {
    text: &'t str,
    /// Start and end of each line, without its mark.
    lines: Vec<(usize, usize)>,
    /// True if each character is one byte and one unit.
    plain: bool,
}

impl<'t> Lines<'t> {
    pub fn new(text: &'t str) -> Self {
        let (mut lines, mut start) = (Vec::new(), 0);
        while let Some(end) = text[start..].find(['\n', '\r']).map(|at| start + at) {
            lines.push((start, end));
            start = end + if text[end..].starts_with("\r\n") { 2 } else { 1 };
        }
        lines.push((start, text.len()));
        Self { text, lines, plain: text.is_ascii() }
    }

    /// Returns the position of a byte.
    pub fn position(&self, at: usize) -> Position {
        let line = self.lines.partition_point(|(start, _)| *start <= at).saturating_sub(1);
        let (start, end) = self.lines[line];
        let before = self.text.get(start..at.min(end)).unwrap_or("");
        // Columns of a long line are not counted again for each of its findings.
        let before = if self.plain { before.len() } else { before.encode_utf16().count() };
        let narrow = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Position::new(narrow(line), narrow(before))
    }

    /// Returns the byte of a position; the end of the line if it is shorter, the end of the text after the last line.
    pub fn offset(&self, position: Position) -> usize {
        let Some((start, end)) = self.lines.get(position.line as usize) else { return self.text.len() };
        let mut units = 0;
        for (at, c) in self.text[*start..*end].char_indices() {
            if units >= position.character as usize {
                return start + at;
            }
            units += c.len_utf16();
        }
        *end
    }

    /// Returns the range of some bytes.
    pub fn range(&self, start: usize, end: usize) -> Range {
        Range::new(self.position(start), self.position(end))
    }

    /// Returns the range of a span of this text.
    pub fn span(&self, span: Span) -> Range {
        self.range(span.start as usize, span.end as usize)
    }
}

/// The lines of the texts of a program, each computed once.
#[derive(Default)]
pub struct Places<'s>(BTreeMap<FileId, Lines<'s>>);

impl<'s> Places<'s> {
    /// Returns the range of a span of one of the texts.
    pub fn range(&mut self, sources: &'s SourceMap, span: Span) -> Option<Range> {
        let file = sources.get(span.file)?;
        Some(self.0.entry(span.file).or_insert_with(|| Lines::new(&file.text)).span(span))
    }
}

/// Changes a part of a text, or all of it.
pub fn change(text: &mut String, part: Option<Range>, new: &str) {
    match part {
        None => new.clone_into(text),
        Some(part) => {
            let lines = Lines::new(text);
            let (start, end) = (lines.offset(part.start), lines.offset(part.end));
            text.replace_range(start..end.max(start), new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_utf16_units() {
        let lines = Lines::new("// ä 🦀 x\r\nab\rc\n");
        for (at, line, character) in [(0, 0, 0), (5, 0, 4), (6, 0, 5), (10, 0, 7), (14, 1, 0), (17, 2, 0), (19, 3, 0)] {
            assert_eq!(lines.position(at), Position::new(line, character), "byte {at}");
            assert_eq!(lines.offset(Position::new(line, character)), at, "{line}:{character}");
        }
        assert_eq!(lines.offset(Position::new(0, 99)), 12);
        assert_eq!(lines.offset(Position::new(99, 0)), 19);
        // There is no byte between the two halves of the crab, so the position after it counts.
        assert_eq!(lines.offset(Position::new(0, 6)), 10);
    }

    #[test]
    fn changes_of_a_part() {
        let mut text = String::from("a🦀b\nc");
        change(&mut text, Some(Lines::new("a🦀b\nc").range(1, 5)), "ö");
        assert_eq!(text, "aöb\nc");
        change(&mut text, Some(Range::new(Position::new(0, 3), Position::new(1, 0))), "");
        assert_eq!(text, "aöbc");
        change(&mut text, None, "new");
        assert_eq!(text, "new");
    }
}
