//! Did you mean: the nearest of the words that would have been right.

use std::cell::Cell;

/// What other tools call things. Only where the language's word is among the candidates.
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

/// So many findings have suggestions, more than anyone reads at once; the others are said without.
const MOST: usize = 100;
/// Longer words are no slips of the hand.
const LONGEST: usize = 100;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Whether suggestions are looked for when this many findings were made before.
pub fn worth(said: usize) -> bool {
    said < MOST && !QUIET.get()
}

/// Does some work after this many findings of others: without suggestions where there were many.
pub fn after<T>(said: usize, work: impl FnOnce() -> T) -> T {
    let before = QUIET.replace(QUIET.get() || said >= MOST);
    let made = work();
    QUIET.set(before);
    made
}

/// The one that is called so elsewhere, the one that differs only in case, else the nearest within max(1, a third of the length).
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
        // A word of one or two letters is never "nearly" another that shares none of them.
        .filter(|(distance, word)| *distance <= most && *distance < word.chars().count())
        .min()
        .map(|(_, word)| word)
}

/// ``write `layers` `` for the nearest, else the whole list where it is short.
pub fn help(found: &str, candidates: &[&str]) -> Option<String> {
    help_of(nearest(found, candidates.iter().copied()), candidates)
}

/// The same, with the nearest known.
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

/// `` `a` ``, `` `a` or `b` ``, `` `a`, `b` or `c` ``
pub fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    join(&quoted, "or")
}

/// `a`, `a or b`, `a, b or c`
pub fn join(words: &[String], last: &str) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [init @ .., end] => format!("{} {last} {end}", init.join(", ")),
    }
}

/// A text without the prefixes of global names (`modules.rs`), which no file can write.
pub fn local_names(text: &str) -> String {
    let mut parts = text.split("::");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let kept = out.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').len();
        // Of a name alone: `::` by itself, or behind something else, is the file's.
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
