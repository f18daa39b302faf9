//! Blanks between the pieces of a line.

use crate::lex::{Kind, Token};

/// Words that are not names: `(` and `[` after them do not belong to a call.
const KEYWORDS: [&str; 10] = ["in", "on", "over", "within", "where", "and", "or", "not", "repeat", "of"];

/// Returns the formatted line, without its indentation and its trailing comment. `value` is true if the line before
/// ended with a value, so that a leading `-` is not a sign.
pub(super) fn join(tokens: &[Token<'_>], value: bool) -> String {
    let (mut import, mut depth) = (false, 0usize);
    let mut out = String::new();
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
        // An import ends with its names; another declaration may follow on its line.
        import = (import && depth == 0) || starts_import(tokens, index, depth);
        let before = index.checked_sub(1).and_then(|before| tokens.get(before));
        let earlier = index.checked_sub(2).and_then(|earlier| tokens.get(earlier));
        if let Some(before) = before
            && apart(earlier.map_or(value, |earlier| value_ends(Some(earlier))), before, token, import)
        {
            out.push(' ');
        }
        out.push_str(token.text);
    }
    out
}

/// Whether a declaration `use std/games { ... }` starts at a piece, outside of the brackets of the line.
fn starts_import(tokens: &[Token<'_>], index: usize, depth: usize) -> bool {
    let is_use = tokens.get(index).is_some_and(|token| token.text == "use") && depth == 0;
    let starts =
        index.checked_sub(1).and_then(|before| tokens.get(before)).is_none_or(|token| token.kind == Kind::Comma);
    is_use && starts && tokens.get(index + 1).is_some_and(|next| matches!(next.kind, Kind::Word | Kind::Text))
}

/// Whether a blank stands between two neighbours. `value`: a value ends in front of the first.
fn apart(value: bool, before: &Token<'_>, token: &Token<'_>, import: bool) -> bool {
    let sign = |token: &Token<'_>| token.text == "-" || token.text == "+";
    let slash = |token: &Token<'_>| import && token.text == "/";
    match (before.kind, token.kind) {
        (_, Kind::Comment) => true,
        (_, Kind::Comma | Kind::Colon | Kind::Dot | Kind::Dots) | (Kind::Dot | Kind::Dots, _) => false,
        _ if slash(before) || slash(token) => false,
        (Kind::Open, Kind::Close) => false,
        (Kind::Open, _) => before.text == "{",
        (_, Kind::Close) => token.text == "}",
        (Kind::Word, Kind::Open) => token.text != "(" || KEYWORDS.contains(&before.text),
        (Kind::Operator, _) if sign(before) && !value => false,
        _ => true,
    }
}

/// Tells whether a value ends at a piece, so that a `-` after it is not a sign.
pub(super) fn value_ends(token: Option<&Token<'_>>) -> bool {
    token.is_some_and(|token| match token.kind {
        Kind::Word => !KEYWORDS.contains(&token.text),
        Kind::Number | Kind::Text | Kind::Close => true,
        Kind::Comment | Kind::Open | Kind::Comma | Kind::Colon | Kind::Dot | Kind::Dots | Kind::Operator => false,
    })
}
