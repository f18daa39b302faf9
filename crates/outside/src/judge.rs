//! The settings of a judge on a server: their limits, and the rules for their texts. The compiler checks a file by them, and
//! the crate `pbpo-judge` what it is given. Each setting has the name that it has in a file.

/// The limits of the numbers, ends included.
pub mod limit {
    use std::ops::RangeInclusive;

    pub const CONCURRENCY: RangeInclusive<f64> = 1.0..=256.0;
    pub const RATE: RangeInclusive<f64> = 0.001..=1e5;
    /// The limits of `timeout`, in seconds.
    pub const TIMEOUT: RangeInclusive<f64> = 0.001..=86_400.0;
    pub const RETRIES: RangeInclusive<f64> = 0.0..=100.0;
    /// The limits of `most_usd`, in US dollars.
    pub const USD: RangeInclusive<f64> = 1e-6..=1e9;
    /// The limits of `usd_in` and `usd_out`, the prices of a million tokens.
    pub const PRICE: RangeInclusive<f64> = 0.0..=1e6;
    pub const TEMPERATURE: RangeInclusive<f64> = 0.0..=10.0;
    /// The limits of `max_new`, in tokens.
    pub const MAX_NEW: RangeInclusive<f64> = 1.0..=1e7;
    pub const MOST_CALLS: RangeInclusive<f64> = 1.0..=1e7;
}

/// Tells whether a text is the name of an environment variable, as `key` wants it.
pub fn is_variable(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && name.chars().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// Tells whether a judge can answer with a text: a label is letters and digits.
pub fn is_label(text: &str) -> bool {
    !text.is_empty() && text.chars().all(char::is_alphanumeric)
}

/// Returns a label in double brackets, in a text for a judge, that is none of its labels: the judge would answer with it.
/// `[[{first}]]` is no label.
pub fn undeclared<'t>(text: &'t str, labels: &[&str]) -> Option<&'t str> {
    bracketed(text).map(|(_, said)| said).find(|said| is_label(said) && !labels.contains(said))
}

/// Returns the texts in double brackets, without white space around them, and the places of text and brackets.
pub fn bracketed(text: &str) -> impl Iterator<Item = (std::ops::Range<usize>, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            // In `[[[A]]]` the innermost brackets count.
            let after = rest.split_once("[[")?.1.trim_start_matches('[');
            rest = after;
            if let Some((said, end)) = after.find([']', '[', '\n']).and_then(|end| after.split_at_checked(end))
                && let Some(end) = end.strip_prefix("]]")
            {
                rest = end;
                return Some((text.len() - after.len() - 2..text.len() - end.len(), said.trim()));
            }
        }
    })
}

/// Tells whether `extra` may not set a field of the request, because a setting does, or because it changes the form of the
/// reply. The settings: whether there is a `temperature` and a `max_new`, and whether log-probabilities are wanted.
pub fn is_taken(field: &str, temperature: bool, max_new: bool, logprobs: bool) -> bool {
    match field {
        "model" | "messages" | "stream" | "n" => true,
        "temperature" => temperature,
        "max_tokens" | "max_completion_tokens" => max_new,
        "logprobs" | "top_logprobs" => logprobs,
        _ => false,
    }
}

/// A part of a judge's prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Text(String),
    Prompt,
    First,
    Second,
    Answer,
}

/// The fault of a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misplaced {
    /// A placeholder is not closed, or not opened: the brace.
    Lone(char),
    /// A placeholder that stands for nothing.
    Unknown(String),
    /// A response without a placeholder: `first` or `second`.
    Missing(&'static str),
}

/// Returns the parts of a prompt: `{prompt}`, `{first}`, `{second}` and `{answer}` stand for texts, `{{` and `}}` for
/// braces. The error is the place of the first fault in bytes, and the fault.
pub fn pieces(text: &str) -> Result<Vec<Piece>, (usize, Misplaced)> {
    let (mut pieces, mut literal, mut rest) = (Vec::new(), String::new(), text);
    while let Some(c) = rest.chars().next() {
        let (at, after) = (text.len() - rest.len(), rest.get(c.len_utf8()..).unwrap_or_default());
        rest = after;
        if !matches!(c, '{' | '}') {
            literal.push(c);
        } else if let Some(after) = after.strip_prefix(c) {
            literal.push(c);
            rest = after;
        } else {
            let named = after.split_once('}').filter(|_| c == '{');
            let (name, after) = named.ok_or((at, Misplaced::Lone(c)))?;
            pieces.push(Piece::Text(std::mem::take(&mut literal)));
            pieces.push(match name {
                "prompt" => Piece::Prompt,
                "first" => Piece::First,
                "second" => Piece::Second,
                "answer" => Piece::Answer,
                name => return Err((at, Misplaced::Unknown(name.to_owned()))),
            });
            rest = after;
        }
    }
    pieces.push(Piece::Text(literal));
    for (piece, name) in [(Piece::First, "first"), (Piece::Second, "second")] {
        if !pieces.contains(&piece) {
            return Err((text.len(), Misplaced::Missing(name)));
        }
    }
    Ok(pieces)
}
