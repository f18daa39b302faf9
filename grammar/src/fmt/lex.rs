//! Words, marks and comments of a line.

/// The kind of a piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    Number,
    Text,
    /// `//` to the end of the line.
    Comment,
    Open,
    Close,
    Comma,
    Colon,
    Dot,
    Dots,
    /// `=`, `+=`, and operators between two values.
    Operator,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'s> {
    pub kind: Kind,
    pub text: &'s str,
}

/// Returns the pieces of a line without its end.
pub(super) fn line(mut rest: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        let Some(first) = rest.chars().next() else { return tokens };
        let (kind, len) = measure(rest, first);
        let (text, behind) = rest.split_at(len);
        tokens.push(Token { kind, text: if kind == Kind::Comment { text.trim_end() } else { text } });
        rest = behind;
    }
}

/// Returns the kind of the token at the start of a text, and its length in bytes.
fn measure(rest: &str, first: char) -> (Kind, usize) {
    if rest.starts_with("//") || first == '#' {
        return (Kind::Comment, rest.len());
    }
    if first.is_ascii_digit() {
        return (Kind::Number, number(rest));
    }
    if first.is_alphanumeric() || first == '_' {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        return (Kind::Word, end);
    }
    let two = ["..", "+=", "==", "!=", "<=", ">=", "->", ":="].into_iter().find(|mark| rest.starts_with(mark));
    match (first, two) {
        ('"', _) => (Kind::Text, quoted(rest)),
        (_, Some("..")) => (Kind::Dots, 2),
        (_, Some(mark)) => (Kind::Operator, mark.len()),
        ('{' | '(' | '[', _) => (Kind::Open, 1),
        ('}' | ')' | ']', _) => (Kind::Close, 1),
        (',', _) => (Kind::Comma, 1),
        (':', _) => (Kind::Colon, 1),
        ('.', _) => (Kind::Dot, 1),
        _ => (Kind::Operator, first.len_utf8()),
    }
}

/// Returns the length of a number: `4k`, `1e-5`, `0.04`, `3%`; a range `0..5` ends before its dots.
fn number(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let at = |index: usize| bytes.get(index).copied().unwrap_or(b' ');
    let mut end = 0;
    loop {
        let exponent = matches!(at(end), b'+' | b'-')
            && matches!(at(end.wrapping_sub(1)), b'e' | b'E')
            && at(end + 1).is_ascii_digit();
        let fraction = at(end) == b'.' && at(end + 1).is_ascii_digit();
        if at(end).is_ascii_alphanumeric() || at(end) == b'_' || exponent || fraction {
            end += 1;
        } else {
            return end + usize::from(at(end) == b'%');
        }
    }
}

/// Returns the length up to the closing quote, or to the end.
fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}
