//! Did you mean: the nearest of the words that would have been right.

/// The one that differs only in case, else the nearest within max(1, a third of the length).
pub fn nearest<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut candidates: Vec<&str> = candidates.into_iter().filter(|word| *word != found).collect();
    candidates.sort_unstable();
    if let Some(same) = candidates.iter().find(|word| word.eq_ignore_ascii_case(found)) {
        return Some(same);
    }
    let most = (found.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|word| (strsim::osa_distance(found, word), word))
        // A word of one or two letters is never "nearly" another that shares none of them.
        .filter(|(distance, word)| *distance <= most && *distance < word.chars().count())
        .min()
        .map(|(_, word)| word)
}

/// ``write `layers` `` for the nearest, else the whole list where it is short.
pub fn help(found: &str, candidates: &[&str]) -> Option<String> {
    if let Some(word) = nearest(found, candidates.iter().copied()) {
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

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn case_first_then_a_third_of_the_length() {
        assert_eq!(nearest("Pi", ["pj", "pi"]), Some("pi"));
        assert_eq!(nearest("layer", ["layers", "width"]), Some("layers"));
        assert_eq!(nearest("temprature", ["temperature", "max_new"]), Some("temperature"));
        assert_eq!(nearest("apple_pie", ["bool", "float"]), None);
        assert_eq!(nearest("x", ["y"]), None);
    }
}
