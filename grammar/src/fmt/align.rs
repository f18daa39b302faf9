//! Columns: `=` of neighbouring fields, heads of neighbouring one-line blocks, trailing comments.

use super::Line;
use crate::lex::Kind;

/// Aligns neighbouring lines.
pub(super) fn align(lines: &mut [Line<'_>]) {
    // The `=` of `+=` is aligned with that of `=`.
    runs(lines, true, Line::assigns, Line::equals, |line, width| line.pad(width - line.equals()));
    runs(lines, true, Line::is_block, |line| line.head.len(), |line, width| line.pad(width - line.head.len()));
    runs(
        lines,
        false,
        |line| line.has_comment().then(|| line.depth.to_string()),
        Line::width,
        |line, width| line.gap = width - line.width() + 2,
    );
}

/// Calls `change` on each line of a run, with the largest measure in it. Neighbours with the same key are a run; with
/// `across`, also across an empty line.
fn runs<'s>(
    lines: &mut [Line<'s>],
    across: bool,
    key: impl Fn(&Line<'s>) -> Option<String>,
    measure: impl Fn(&Line<'s>) -> usize,
    change: impl Fn(&mut Line<'s>, usize),
) {
    let mut start = 0;
    while start < lines.len() {
        let Some(first) = lines.get(start).and_then(&key) else {
            start += 1;
            continue;
        };
        let goes_on = |line: &&Line<'s>| (across || !line.spaced) && key(line).as_ref() == Some(&first);
        let same = 1 + lines.iter().skip(start + 1).take_while(goes_on).count();
        let width = lines.iter().skip(start).take(same).map(&measure).max().unwrap_or(0);
        lines.iter_mut().skip(start).take(same).for_each(|line| change(line, width));
        start += same;
    }
}

impl Line<'_> {
    /// Returns a key for a line that is one assignment: `name = value`, `a.b += value`. The key identifies the group of
    /// lines.
    fn assigns(&self) -> Option<String> {
        let operator = self.tokens.iter().position(|token| token.kind == Kind::Operator)?;
        let path = self.tokens.iter().take(operator);
        let plain = path.clone().all(|token| matches!(token.kind, Kind::Word | Kind::Dot)) && operator % 2 == 1;
        let text = self.tokens.get(operator)?.text;
        (plain && self.depth > 0 && self.balanced && matches!(text, "=" | "+=")).then(|| format!("= {}", self.group))
    }

    /// Returns the kind of a top-level block on one line, as `data held { ... }`.
    fn is_block(&self) -> Option<String> {
        let [kind, name, third, ..] = self.tokens.as_slice() else { return None };
        let third = third.text == "{" || third.text == "of" || third.text == "over";
        let words = kind.kind == Kind::Word && name.kind == Kind::Word;
        (words && third && self.depth == 0 && self.balanced && self.ends_with_brace()).then(|| kind.text.to_owned())
    }

    /// Returns the column of the `=` before alignment.
    fn equals(&self) -> usize {
        self.text.find('=').unwrap_or(0)
    }

    /// Adds blanks after the head.
    fn pad(&mut self, blanks: usize) {
        let behind = self.text.get(self.head.len()..).unwrap_or_default();
        self.text = format!("{}{}{behind}", self.head, " ".repeat(blanks));
    }

    fn ends_with_brace(&self) -> bool {
        self.tokens.iter().rfind(|token| token.kind != Kind::Comment).is_some_and(|token| token.text == "}")
    }

    fn has_comment(&self) -> bool {
        self.comment.is_some() && !self.text.is_empty()
    }

    fn width(&self) -> usize {
        2 * self.indent + self.text.chars().count()
    }
}
