//! Finds the expected constructs in a piece of junk by parsing it again with a strict rule, which gives an error.

use pest::Parser;
use pest::error::{ErrorVariant, InputLocation};

use crate::ast::{Fault, FaultKind};
use crate::habits::habit;
use crate::{FileId, PbpoParser, Rule, Span, describe};

/// The largest number of alternatives named in a message.
const MOST_EXPECTED: usize = 4;

/// Words that start an item.
const HEADS: [&str; 11] =
    ["param", "pbpo", "use", "allow", "warn", "deny", "extern", "objective", "pipeline", "variant", "sweep"];

/// Kinds of blocks.
const KINDS: [&str; 7] = ["data", "policy", "reward_model", "features", "exploration", "constraint", "oracle"];

/// Explains why `text`, which starts at byte `start` of its file, does not match `strict`.
pub(crate) fn explain(file: FileId, text: &str, start: usize, strict: Rule) -> Fault {
    let line = text.trim_end();
    let word = first_word(line);
    let whole = |len: usize| Span::new(file, start, start + len);
    if strict != Rule::setting_only
        && let Some(kind) = habit(line, strict == Rule::item_only)
    {
        let lone = matches!(kind, FaultKind::Habit { .. });
        return Fault { kind, span: whole(if lone { word.len() } else { line.len() }) };
    }
    if strict == Rule::item_only && is_word(word) && !HEADS.contains(&word) && !KINDS.contains(&word) {
        return Fault { kind: FaultKind::UnknownItem { word: word.to_owned() }, span: whole(word.len()) };
    }
    let strict = if strict == Rule::item_only && word == "param" { Rule::param_only } else { strict };
    let Err(error) = PbpoParser::parse(strict, line) else {
        let found = word.to_owned();
        return Fault { kind: FaultKind::Unexpected { expected: Vec::new(), found }, span: whole(word.len()) };
    };
    let at = match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at.min(line.len()),
    };
    let expected = match error.variant {
        ErrorVariant::ParsingError { positives, .. } => words_for(&positives),
        ErrorVariant::CustomError { .. } => Vec::new(),
    };
    let found = first_word(line.get(at..).unwrap_or(""));
    // The place is never empty: at the end of the line it is the last token.
    let span = if found.is_empty() {
        let last = line.chars().next_back().map_or(0, char::len_utf8);
        Span::new(file, start + line.len() - last, start + line.len())
    } else {
        Span::new(file, start + at, start + at + found.len())
    };
    Fault { kind: FaultKind::Unexpected { expected, found: found.to_owned() }, span }
}

/// Returns the names of rules, each once, in a stable order, up to a limit.
fn words_for(rules: &[Rule]) -> Vec<&'static str> {
    let mut words: Vec<&'static str> = rules.iter().filter_map(|rule| describe::rule(*rule)).collect();
    words.sort_unstable();
    words.dedup();
    words.truncate(MOST_EXPECTED);
    words
}

/// Returns the first word or mark of a text; empty at the end of a line.
pub(crate) fn first_word(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let end = if end > 0 { end } else { text.chars().next().map_or(0, char::len_utf8) };
    text.get(..end).unwrap_or("").trim()
}

fn is_word(text: &str) -> bool {
    text.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
}

/// Returns every name in a text.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| is_word(word)).map(str::to_owned).collect()
}
