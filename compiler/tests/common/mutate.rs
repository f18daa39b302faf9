//! Broken versions of a text.

/// Returns one in `every` of the versions with one line or token changed; fewer for a long text, so that it has no more
/// broken versions than a short one.
pub fn broken(text: &str, every: usize) -> impl Iterator<Item = String> {
    let tokens = tokens(text);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let every = every.max(tokens.len() / 20);
    let lines: Vec<String> = mutations(&lines).step_by(every / 3 + 1).collect();
    let tokens: Vec<String> = mutations(&tokens).step_by(every).collect();
    lines.into_iter().chain(tokens)
}

/// Returns tokens: words, numbers, runs of blanks, single marks.
fn tokens(text: &str) -> Vec<&str> {
    let class = |c: char| {
        if c.is_alphanumeric() || c == '_' {
            0
        } else if c == ' ' {
            1
        } else {
            2
        }
    };
    let (mut tokens, mut start) = (Vec::new(), 0);
    let chars: Vec<(usize, char)> = text.char_indices().collect();
    for pair in chars.windows(2) {
        let ((_, a), (at, b)) = (pair[0], pair[1]);
        if class(a) != class(b) || class(a) == 2 {
            tokens.push(&text[start..at]);
            start = at;
        }
    }
    tokens.push(&text[start..]);
    tokens
}

/// Returns the text with one part deleted, doubled, swapped with the next, or replaced.
fn mutations(parts: &[&str]) -> impl Iterator<Item = String> {
    const STRANGE: [&str; 8] = ["}", "(", "\"", "ä", "= =", "repeat", "1e999", "\u{0}"];
    (0..parts.len()).flat_map(move |at| {
        (0..4).map(move |kind| {
            let mut parts: Vec<&str> = parts.to_vec();
            match kind {
                0 => drop(parts.remove(at)),
                1 => parts.insert(at, parts[at]),
                2 if at + 1 < parts.len() => parts.swap(at, at + 1),
                _ => parts[at] = STRANGE[at % STRANGE.len()],
            }
            parts.concat()
        })
    })
}
