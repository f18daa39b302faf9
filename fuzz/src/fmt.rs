//! Formats files without faults: no text is lost, the meaning stays the same, and formatting again changes nothing.

use pbpo_grammar::fmt::format;
use pbpo_grammar::{FileId, parse};

pub fn run(text: &str) {
    let Ok(once) = format(text) else { return };
    assert_eq!(solid(&once), solid(text), "something was lost");
    assert_eq!(tree(&once), tree(text), "the meaning has changed");
    match format(&once) {
        Ok(twice) => assert_eq!(twice, once, "a second time changes it"),
        Err(faults) => panic!("what was made has faults: {faults:?}\n{once}"),
    }
}

/// Returns the text without blank space.
fn solid(text: &str) -> String {
    text.trim_start_matches('\u{FEFF}').chars().filter(|c| !c.is_whitespace()).collect()
}

/// Returns the syntax tree without places.
fn tree(text: &str) -> String {
    let shown = format!("{:?}", parse(FileId::default(), text).items);
    let mut parts = shown.split("Span {");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |tree, part| tree + part.split_once('}').map_or("", |(_, rest)| rest))
}
