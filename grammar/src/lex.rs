//! Words, marks and comments of a text, whether or not it can be parsed: for the formatter, and for editors, in which the
//! line being typed is not valid syntax yet.

/// The kind of a piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
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
pub struct Token<'s> {
    pub kind: Kind,
    pub text: &'s str,
    /// The byte at which it starts.
    pub start: usize,
    /// True for the first token on its line.
    pub first: bool,
}

impl Token<'_> {
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }
}

/// Returns all pieces of a text.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut start = 0;
    let lines = text.split_inclusive(['\n', '\r']).flat_map(|whole| {
        let from = start;
        start += whole.len();
        let tokens = line(whole.trim_end_matches(['\n', '\r']));
        tokens.into_iter().map(move |token| Token { start: from + token.start, ..token })
    });
    lines.collect()
}

/// Returns the pieces of a line without its end.
pub fn line(line: &str) -> Vec<Token<'_>> {
    let (mut tokens, mut rest) = (Vec::new(), line);
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        let Some(first) = rest.chars().next() else { return tokens };
        let (start, (kind, len)) = (line.len() - rest.len(), measure(rest, first));
        let (text, after) = rest.split_at(len);
        let text = if kind == Kind::Comment { text.trim_end() } else { text };
        tokens.push(Token { kind, text, start, first: tokens.is_empty() });
        rest = after;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A quote that is escaped does not end a text, so that a bracket after it is no bracket.
    #[test]
    fn pieces_have_their_places() {
        let text = "a = \"say \\\" { [\" // {\r\n  b += 1e-5";
        let found: Vec<(Kind, &str, bool)> = tokens(text).iter().map(|t| (t.kind, t.text, t.first)).collect();
        let wanted = [
            (Kind::Word, "a", true),
            (Kind::Operator, "=", false),
            (Kind::Text, "\"say \\\" { [\"", false),
            (Kind::Comment, "// {", false),
            (Kind::Word, "b", true),
            (Kind::Operator, "+=", false),
            (Kind::Number, "1e-5", false),
        ];
        assert_eq!(found, wanted);
        for token in tokens(text) {
            assert_eq!(text.get(token.start..token.end()), Some(token.text));
        }
    }
}
