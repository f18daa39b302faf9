//! The formatter. The author decides where lines end; the formatter decides everything else: indentation, blanks,
//! columns, empty lines. So no text is lost or moved, including comments.
//!
//! `spacing.rs`: blanks between the pieces of a line; `align.rs`: columns.

mod align;
mod spacing;

use crate::ast::Fault;
use crate::lex::{self, Kind, Token};
use crate::{FileId, parse};

/// A line while it is formatted.
struct Line<'s> {
    tokens: Vec<Token<'s>>,
    /// The text without indentation and trailing comment.
    text: String,
    /// The text before a column: a path and the `+` of `+=`, or the first two words of a block.
    head: String,
    comment: Option<&'s str>,
    /// The number of blanks before the comment.
    gap: usize,
    indent: usize,
    /// The number of brackets that are open at its start.
    depth: usize,
    /// The line of the innermost open bracket.
    group: usize,
    /// True if it closes all brackets that it opens.
    balanced: bool,
    /// True if an empty line precedes it.
    spaced: bool,
}

/// Formats a file, or returns its faults: a file that cannot be parsed is not changed. All text except blanks stays the
/// same, in the same order; formatting twice changes nothing.
pub fn format(source: &str) -> Result<String, Vec<Fault>> {
    let file = parse(FileId::default(), source);
    if !file.faults.is_empty() {
        return Err(file.faults);
    }
    // All kinds of line ends are unified, and a byte order mark is removed.
    let text = source.trim_start_matches('\u{FEFF}').replace("\r\n", "\n").replace('\r', "\n");
    let mut lines = layout(&text);
    space(&mut lines);
    align::align(&mut lines);
    let mut out = String::with_capacity(source.len());
    for line in &lines {
        if line.spaced && !out.is_empty() {
            out.push('\n');
        }
        let mut text = format!("{}{}", "  ".repeat(line.indent), line.text);
        if let Some(comment) = line.comment {
            if !line.text.is_empty() {
                text.push_str(&" ".repeat(line.gap));
            }
            text.push_str(comment);
        }
        out.push_str(&text);
        out.push('\n');
    }
    Ok(out)
}

/// An open bracket.
struct Open {
    /// The line on which it was opened.
    line: usize,
    /// The indentation of that line, and that of lines inside.
    outside: usize,
    inside: usize,
    /// True unless it opens a body: an expression continues inside it unchanged.
    round: bool,
}

/// Returns lines with their pieces and indentation; an empty line becomes a mark on the next one.
fn layout(source: &str) -> Vec<Line<'_>> {
    let (mut lines, mut stack) = (Vec::new(), Vec::<Open>::new());
    // These are true after an empty line, after an operator, and after the end of a value.
    let (mut spaced, mut continues, mut value) = (false, false, false);
    for text in source.lines() {
        let tokens = lex::line(text);
        if tokens.is_empty() {
            spaced = true;
            continue;
        }
        let (depth, number) = (stack.len(), lines.len());
        let group = stack.last().map_or(0, |open| open.line + 1);
        let closes = tokens.iter().take_while(|token| token.kind == Kind::Close).count();
        let outer =
            closes.checked_sub(1).and_then(|last| stack.len().checked_sub(1 + last)).and_then(|at| stack.get(at));
        let base = outer.map_or_else(|| stack.last().map_or(0, |open| open.inside), |open| open.outside);
        let operator = tokens.first().is_some_and(|first| first.kind == Kind::Operator);
        // The `*` of a parameter list is between round brackets, where lines are not indented further.
        let body = stack.last().is_none_or(|open| !open.round);
        let indent = base + usize::from(closes == 0 && body && (continues || operator));
        let mut opened = 0usize;
        let mut balanced = closes == 0;
        for token in &tokens {
            match token.kind {
                Kind::Open => {
                    let inside =
                        if opened == 0 { indent + 1 } else { stack.last().map_or(indent + 1, |open| open.inside) };
                    stack.push(Open { line: number, outside: indent, inside, round: token.text != "{" });
                    opened += 1;
                }
                Kind::Close => {
                    let own = stack.pop().is_some_and(|open| open.line == number);
                    balanced &= own;
                    opened = opened.saturating_sub(1);
                }
                _ => {}
            }
        }
        balanced &= opened == 0;
        let ended = value;
        let code: Vec<Token<'_>> = tokens.iter().copied().filter(|token| token.kind != Kind::Comment).collect();
        let comment = tokens.last().filter(|token| token.kind == Kind::Comment).map(|token| token.text);
        if let Some(last) = code.last() {
            continues = last.kind == Kind::Operator;
            value = spacing::value_ends(Some(last));
        }
        let (text, head) = (spacing::join(&code, ended), head(&code));
        lines.push(Line {
            tokens,
            text,
            head,
            comment,
            gap: 2,
            indent,
            depth,
            group,
            balanced,
            spaced: std::mem::take(&mut spaced),
        });
    }
    lines
}

/// Returns the head from which columns are made.
fn head(tokens: &[Token<'_>]) -> String {
    match tokens {
        [kind, name, ..] if kind.kind == Kind::Word && name.kind == Kind::Word => {
            format!("{} {}", kind.text, name.text)
        }
        _ => tokens.iter().take_while(|token| token.kind != Kind::Operator).map(|token| token.text).collect(),
    }
}

/// Sets empty lines: at most one, none at the edges of a body, one around declarations of several lines.
fn space(lines: &mut [Line<'_>]) {
    let mut before: Option<(bool, bool, usize)> = None;
    let starts = declarations(lines);
    for (index, line) in lines.iter_mut().enumerate() {
        let closes = line.tokens.first().is_some_and(|first| first.kind == Kind::Close);
        let (opened, _, _) = before.unwrap_or((true, false, 0));
        if opened || closes {
            line.spaced = false;
        }
        if starts.contains(&index) && index > 0 {
            line.spaced = true;
        }
        let open = line.tokens.iter().rfind(|token| token.kind != Kind::Comment);
        before = Some((open.is_some_and(|token| token.kind == Kind::Open), line.comment.is_some(), line.depth));
    }
}

/// Returns the lines at which a declaration starts (with its comments) that has several lines, or follows one that has.
fn declarations(lines: &[Line<'_>]) -> Vec<usize> {
    let (mut starts, mut comments, mut long) = (Vec::new(), None, false);
    for (index, line) in lines.iter().enumerate() {
        if line.depth > 0 || line.tokens.first().is_some_and(|first| first.kind == Kind::Close) {
            continue;
        }
        if line.text.is_empty() {
            // A comment between empty lines belongs to no declaration.
            comments = if line.spaced || comments.is_none() { Some(index) } else { comments };
            continue;
        }
        if line.indent > 0 {
            long = true;
            continue;
        }
        let several = !line.balanced;
        if long || several {
            starts.push(comments.unwrap_or(index));
        }
        (comments, long) = (None, several);
    }
    starts
}
