//! Suggestions: finds the valid word nearest to a wrong one.

use std::cell::Cell;

/// The names used by other tools. They apply only if the language's word is among the candidates.
const SYNONYMS: &[(&str, &str)] = &[
    ("learning_rate", "lr"),
    ("max_grad_norm", "clip"),
    ("grad_clip", "clip"),
    ("wd", "weight_decay"),
    ("warmup_steps", "warmup"),
    ("batch_size", "batch"),
    ("n", "count"),
    ("num_samples", "count"),
    ("n_samples", "count"),
    ("size", "count"),
    ("temp", "temperature"),
    ("max_tokens", "max_new"),
    ("max_new_tokens", "max_new"),
    ("max_length", "context"),
    ("seq_len", "context"),
    ("context_length", "context"),
    ("num_layers", "layers"),
    ("n_layers", "layers"),
    ("depth", "layers"),
    ("num_heads", "heads"),
    ("n_heads", "heads"),
    ("hidden", "width"),
    ("hidden_size", "width"),
    ("d_model", "width"),
    ("judge", "by"),
    ("oracle", "by"),
    ("num_generations", "group"),
    ("group_size", "group"),
];

/// Only the first 100 findings get suggestions.
const MOST_SUGGESTED: usize = 100;
/// The longest word, in characters, that is compared as a misspelling.
const LONGEST: usize = 100;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Returns true if the next finding should get a suggestion.
pub fn worth(said: usize) -> bool {
    said < MOST_SUGGESTED && !QUIET.get()
}

/// Does some work after `said` findings were made elsewhere; without suggestions if those were too many.
pub fn after<T>(said: usize, work: impl FnOnce() -> T) -> T {
    let before = QUIET.replace(QUIET.get() || said >= MOST_SUGGESTED);
    let made = work();
    QUIET.set(before);
    made
}

/// Returns the candidate that is the same word in another system, the one that differs only in case, or the nearest one
/// within an edit distance of max(1, a third of the length).
pub fn nearest<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let candidates: Vec<&str> = candidates.into_iter().filter(|word| *word != found).collect();
    if let Some(same) = candidates.iter().filter(|word| word.eq_ignore_ascii_case(found)).min() {
        return Some(same);
    }
    let same = SYNONYMS.iter().find(|(word, ours)| *word == found && candidates.contains(ours));
    if let Some((_, ours)) = same {
        return candidates.into_iter().find(|word| word == ours);
    }
    let length = found.chars().count();
    let most = (length / 3).max(1);
    let alike = |word: &&str| length <= LONGEST && word.chars().count().abs_diff(length) <= most;
    candidates
        .into_iter()
        .filter(alike)
        .map(|word| (strsim::osa_distance(found, word), word))
        // A word of one or two letters is not near a word with which it shares no letter.
        .filter(|(distance, word)| *distance <= most && *distance < word.chars().count())
        .min()
        .map(|(_, word)| word)
}

/// Returns the help text: ``did you mean `layers`?`` for the nearest word, else the whole list if it is short.
pub fn help(found: &str, candidates: &[&str]) -> Option<String> {
    help_of(nearest(found, candidates.iter().copied()), candidates)
}

/// Builds the help text when the nearest word is already known.
pub fn help_of(near: Option<&str>, candidates: &[&str]) -> Option<String> {
    if let Some(word) = near {
        return Some(format!("did you mean `{word}`?"));
    }
    match candidates {
        [] => None,
        few if few.len() <= 16 => Some(format!("write {}", one_of(few))),
        _ => None,
    }
}

/// Returns a list of words, as `` `a` ``, `` `a` or `b` ``, `` `a`, `b` or `c` ``.
pub fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    join(&quoted, "or")
}

/// Joins words, as `a`, `a or b`, `a, b or c`.
pub fn join(words: &[String], last: &str) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [init @ .., end] => format!("{} {last} {end}", init.join(", ")),
    }
}

/// Returns a text without the prefixes of global names (`modules.rs`), which no file can contain.
pub fn local_names(text: &str) -> String {
    let mut parts = text.split("::");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let kept = out.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').len();
        // Only prefixes of names are removed: `::` by itself, or after other characters, comes from the file.
        if kept == out.len() {
            out.push_str("::");
        } else {
            out.truncate(kept);
        }
        out.push_str(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{local_names, nearest};

    #[test]
    fn prefixes_of_global_names_are_left_out() {
        assert_eq!(local_names("write `lib2::loop2::prompts`, or `a::b`"), "write `prompts`, or `b`");
        assert_eq!(local_names("found `::`"), "found `::`");
    }

    #[test]
    fn case_first_then_a_third_of_the_length() {
        assert_eq!(nearest("Pi", ["pj", "pi"]), Some("pi"));
        assert_eq!(nearest("layer", ["layers", "width"]), Some("layers"));
        assert_eq!(nearest("temprature", ["temperature", "max_new"]), Some("temperature"));
        assert_eq!(nearest("apple_pie", ["bool", "float"]), None);
        assert_eq!(nearest("x", ["y"]), None);
        assert_eq!(nearest("learning_rate", ["lr", "clip"]), Some("lr"));
        assert_eq!(nearest("learning_rate", ["clip"]), None);
    }
}
