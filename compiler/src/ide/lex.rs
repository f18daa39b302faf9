//! Words and marks of a text, with their places.

/// The kind of a piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    Number,
    Text,
    Comment,
    Open,
    Close,
    Mark,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'s> {
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

/// Returns every token, comments included.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let (mut tokens, mut at, mut first) = (Vec::new(), 0, true);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let blank = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        if blank > 0 {
            first |= rest.get(..blank).is_some_and(|blank| blank.contains('\n'));
            at += blank;
            continue;
        }
        let (kind, len) = measure(rest);
        tokens.push(Token { kind, text: rest.get(..len).unwrap_or(rest), start: at, first });
        first = false;
        at += len;
    }
    tokens
}

/// Returns the kind of the token at the start of a text, and its length in bytes.
fn measure(rest: &str) -> (Kind, usize) {
    let line = rest.find(['\n', '\r']).unwrap_or(rest.len());
    let first = rest.chars().next().unwrap_or(' ');
    let run = |part: fn(char) -> bool| rest.find(|c: char| !part(c)).unwrap_or(rest.len());
    if rest.starts_with("//") || first == '#' {
        return (Kind::Comment, line);
    }
    if first.is_ascii_digit() {
        let digits = run(|c| c.is_ascii_alphanumeric() || c == '_');
        let behind = rest.get(digits..).unwrap_or("");
        let fraction = behind.strip_prefix('.').filter(|more| more.starts_with(|c: char| c.is_ascii_digit()));
        let more = fraction.map_or(0, |more| 1 + more.find(|c: char| !is_part(c)).unwrap_or(more.len()));
        return (Kind::Number, digits + more);
    }
    if is_part(first) {
        return (Kind::Word, run(is_part));
    }
    match first {
        '"' => (Kind::Text, rest.get(1..line).and_then(|inner| inner.find('"')).map_or(line, |end| end + 2)),
        '{' | '(' | '[' => (Kind::Open, 1),
        '}' | ')' | ']' => (Kind::Close, 1),
        _ if ["+=", "..", "->", "=="].iter().any(|mark| rest.starts_with(mark)) => (Kind::Mark, 2),
        _ => (Kind::Mark, first.len_utf8()),
    }
}

/// Tells whether a character may be inside a name.
pub(super) fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Returns the word that contains an offset or ends at it.
pub(super) fn word_at(text: &str, at: usize) -> Option<Token<'_>> {
    tokens(text).into_iter().find(|token| token.kind == Kind::Word && token.start <= at && at <= token.end())
}
