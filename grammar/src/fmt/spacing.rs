//! Blanks between the pieces of a line.

use super::lex::{Kind, Token};

/// Words that are not names: `(` and `[` after them do not belong to a call.
const KEYWORDS: [&str; 10] = ["in", "on", "over", "within", "where", "and", "or", "not", "repeat", "of"];

/// Returns the formatted line, without its indentation and its trailing comment. `value` is true if the line before
/// ended with a value, so that a leading `-` is not a sign.
pub(super) fn join(tokens: &[Token<'_>], value: bool) -> String {
    let import = tokens.first().is_some_and(|first| first.text == "use");
    let mut out = String::new();
    for (index, token) in tokens.iter().enumerate() {
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

/// Tells whether a blank belongs between two neighbours. `value` is true if a value ends before the first.
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
