//! Changes of whole tokens and lines. The fuzzer's own changes of bytes seldom give a file that compiles.

/// One in this many changes is the fuzzer's own.
const OWN: u64 = 3;
/// Texts that sometimes replace a token.
const STRANGE: [&str; 16] =
    ["}", "{", "(", ")", "\"", "ä", "=", "0", "-1", "1e999", "0.5", "true", "repeat 2 {", "seed", ",", "\n"];

/// Makes the next text in place. Returns its size.
pub fn next(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut random = Random(u64::from(seed) + 1);
    let text = data.get(..size).and_then(|bytes| std::str::from_utf8(bytes).ok()).filter(|text| !text.is_empty());
    let (Some(text), false) = (text, random.below(OWN as usize) == 0) else {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    };
    let mut changed = change(text, &mut random);
    while changed.len() > max_size.min(data.len()) {
        changed.pop();
    }
    data[..changed.len()].copy_from_slice(changed.as_bytes());
    changed.len()
}

/// Returns the text with a few tokens or lines deleted, doubled, moved, or replaced.
fn change(text: &str, random: &mut Random) -> String {
    let lines = random.below(3) == 0;
    let mut parts: Vec<&str> = if lines { text.split_inclusive('\n').collect() } else { tokens(text) };
    for _ in 0..=random.below(3) {
        let (at, other) = (random.below(parts.len()), random.below(parts.len()));
        match random.below(5) {
            0 if parts.len() > 1 => drop(parts.remove(at)),
            1 => parts.insert(at, parts[other]),
            2 => parts.swap(at, other),
            3 => parts[at] = parts[other],
            _ if lines => parts.insert(at, parts[other]),
            _ => parts[at] = STRANGE[random.below(STRANGE.len())],
        }
    }
    parts.concat()
}

/// Returns words and numbers, runs of blanks, single marks.
fn tokens(text: &str) -> Vec<&str> {
    let class = |c: char| if c.is_alphanumeric() || c == '_' { 0 } else { 1 + u8::from(c != ' ') };
    let chars: Vec<(usize, u8)> = text.char_indices().map(|(at, c)| (at, class(c))).collect();
    let mut starts: Vec<usize> = vec![0];
    starts.extend(chars.windows(2).filter(|pair| pair[0].1 != pair[1].1 || pair[1].1 == 2).map(|pair| pair[1].0));
    let ends = starts.iter().copied().skip(1).chain([text.len()]);
    starts.iter().zip(ends).map(|(start, end)| &text[*start..end]).collect()
}

/// Knuth's generator.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % most.max(1)
    }
}
