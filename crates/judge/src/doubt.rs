//! Reasons to doubt a label in double brackets. Judges also write labels that they deny ("not [[A]]"), quote from a
//! response ("it says: output [[B]]") or take back ("[[A]]. Wait, B is right"). A pair with such an answer is better left
//! out than labelled the wrong way round.

use std::ops::Range;

/// The tags around the reasoning of a model.
const REASONING: [&str; 6] = ["think", "thinking", "thought", "reasoning", "reflection", "scratchpad"];

/// Words that deny a label if they stand at most one word before it.
const DENIALS: [&str; 10] = ["not", "no", "never", "neither", "nor", "cannot", "can't", "isn't", "wasn't", "don't"];

/// The beginnings of a sentence that takes back what was said before.
const SECOND_THOUGHTS: [&str; 9] =
    ["wait", "actually", "correction", "hmm", "oops", "on second thought", "i take", "i change", "no,"];

/// The continuations of a sentence that deny the label before them.
const DENIED: [&str; 6] = ["is wrong", "is not", "isn't", "is incorrect", "would be", "is what"];

/// Returns the text after a model's written reasoning; `None` if the reasoning has not ended.
pub(crate) fn after_reasoning(text: &str) -> Option<&str> {
    let lower = text.to_ascii_lowercase();
    let after = |tag: &str| Some(lower.rfind(&format!("</{tag}>"))? + tag.len() + "</>".len());
    let answer = REASONING.into_iter().filter_map(after).max().unwrap_or(0);
    let open = REASONING.into_iter().any(|tag| lower[answer..].contains(&format!("<{tag}>")));
    (!open).then(|| &text[answer..])
}

/// Tells whether the text around a label in double brackets denies, quotes or takes back the label at `label`, which
/// includes its brackets.
pub(crate) fn is_doubtful(text: &str, label: &Range<usize>) -> bool {
    let (before, after) = (&text[..label.start], &text[label.end..]);
    is_denied(before) || is_quoted(before, after) || is_taken_back(after)
}

fn is_denied(before: &str) -> bool {
    let clause = before.rsplit(['.', '!', '?', ';', ':', ',', '\n']).next().unwrap_or_default().to_lowercase();
    let mut words = clause.split(|c: char| !c.is_alphabetic() && c != '\'' && c != '’').filter(|word| !word.is_empty());
    words.by_ref().rev().take(2).any(|word| DENIALS.contains(&word.replace('’', "'").as_str()))
}

/// Quotation marks around more than the label itself.
fn is_quoted(before: &str, after: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or_default();
    let alone = line.ends_with(['"', '“', '`', '\'']) && after.starts_with(['"', '”', '`', '\'']);
    let odd = |mark: char| line.matches(mark).count() % 2 == 1;
    let open = line.rfind('“').is_some_and(|at| !line[at..].contains('”'));
    !alone && (odd('"') || odd('`') || open)
}

fn is_taken_back(after: &str) -> bool {
    let bare = |text: &str| text.trim_start_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let begins = |text: &str, all: &[&str]| all.iter().any(|words| text.starts_with(words));
    after.trim_start_matches(['*', '_', '`', '"']).starts_with('?')
        || begins(&bare(after), &DENIED)
        || after.split(['.', '!', '?', '\n']).any(|sentence| begins(&bare(sentence), &SECOND_THOUGHTS))
}
