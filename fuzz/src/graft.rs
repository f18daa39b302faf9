//! Plans of texts that compile: the input chooses a fixture and the values that replace its own, so that the fuzzer
//! searches the passes after the checks, and not the refusals of the grammar.

use std::path::Path;
use std::sync::LazyLock;

// The compiler's own test makes its texts from the same source.
#[path = "../../compiler/tests/common/graft.rs"]
mod donors;

use donors::Donors;

static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut texts = Vec::new();
    for folder in ["good", "plans"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures").join(folder);
        let mut files: Vec<_> = std::fs::read_dir(path).into_iter().flatten().flatten().map(|file| file.path()).collect();
        files.sort();
        texts.extend(files.iter().filter_map(|file| std::fs::read_to_string(file).ok()));
    }
    texts
});

static DONORS: LazyLock<Donors> = LazyLock::new(|| Donors::of(TEXTS.iter().map(String::as_str)));

/// Returns the text of an input; `None` if it chooses a place that a text does not have.
pub fn text(choices: &[u8]) -> Option<String> {
    let (fixture, choices) = choices.split_first()?;
    let text = &TEXTS[usize::from(*fixture) % TEXTS.len()];
    // Each choice takes two bytes; after the last one every choice is the first.
    let mut pairs = choices.chunks(2).map(|pair| pair.iter().fold(0, |sum, byte| sum * 256 + usize::from(*byte)));
    DONORS.graft(text, |most| pairs.next().unwrap_or(0) % most.max(1))
}

/// Runs such a text through the targets `fmt` and `plan`.
pub fn run(choices: &[u8]) {
    if let Some(text) = text(choices) {
        crate::plan::run(&text);
        crate::fmt::run(&text);
    }
}
