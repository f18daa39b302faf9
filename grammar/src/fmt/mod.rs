//! The formatter. The author decides where lines end; it decides everything else: indentation, blanks,
//! columns, empty lines. So nothing is ever lost or moved, comments least of all.
//!
//! `lex.rs`: pieces of a line; `spacing.rs`: blanks between them; `align.rs`: columns.

mod align;
mod lex;
mod spacing;

use crate::ast::Fault;
use crate::{FileId, parse};
use lex::{Kind, Token};

/// A line on its way.
struct Line<'s> {
    tokens: Vec<Token<'s>>,
    /// The text without indentation and trailing comment.
    text: String,
    /// What stands in front of a column: a path and the `+` of `+=`, or the first two words of a block.
    head: String,
    comment: Option<&'s str>,
    /// Blanks in front of the comment.
    gap: usize,
    indent: usize,
    /// Brackets that are open where it starts.
    depth: usize,
    /// The line of the innermost of them.
    group: usize,
    /// What it opens it closes.
    balanced: bool,
    /// An empty line stands in front of it.
    spaced: bool,
}

/// The file in the one layout of the language, or its faults: a file that is not understood is not
/// touched. What is not blank space is the same, in the same order; formatting twice changes nothing.
pub fn format(source: &str) -> Result<String, Vec<Fault>> {
    let file = parse(FileId::default(), source);
    if !file.faults.is_empty() {
        return Err(file.faults);
    }
    // Every kind of line end is one; a mark of the byte order is none of the language.
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
    /// Where it was opened.
    line: usize,
    /// The indentation of that line, and that of lines inside.
    outside: usize,
    inside: usize,
    /// Not of a body: an expression goes on inside as it is.
    round: bool,
}

/// Lines with their pieces and indentation; empty ones are marks on the next.
fn layout(source: &str) -> Vec<Line<'_>> {
    let (mut lines, mut stack) = (Vec::new(), Vec::<Open>::new());
    // Behind an empty line; behind an operator; behind the end of a value.
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
        // The `*` of a parameter list stands between round brackets, where nothing is indented further.
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

/// What columns are made from.
fn head(tokens: &[Token<'_>]) -> String {
    match tokens {
        [kind, name, ..] if kind.kind == Kind::Word && name.kind == Kind::Word => {
            format!("{} {}", kind.text, name.text)
        }
        _ => tokens.iter().take_while(|token| token.kind != Kind::Operator).map(|token| token.text).collect(),
    }
}

/// Empty lines: one at most, none at the edges of a body, one around declarations of several lines.
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

/// The lines at which a declaration starts (with its comments) that has several lines, or comes behind one.
fn declarations(lines: &[Line<'_>]) -> Vec<usize> {
    let (mut starts, mut comments, mut long) = (Vec::new(), None, false);
    for (index, line) in lines.iter().enumerate() {
        if line.depth > 0 || line.tokens.first().is_some_and(|first| first.kind == Kind::Close) {
            continue;
        }
        if line.text.is_empty() {
            // A comment by itself, between empty lines, belongs to nothing.
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
