//! Words at a place of a text.

use pbpo_grammar::lex::{Kind, Token, tokens};

/// Tells whether a character may be inside a name.
pub(super) fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Returns the word that contains an offset or ends at it.
pub(super) fn word_at(text: &str, at: usize) -> Option<Token<'_>> {
    tokens(text).into_iter().find(|token| token.kind == Kind::Word && token.start <= at && at <= token.end())
}
