//! The page of each code: its bad example has exactly that code, its good one none.

use std::collections::BTreeSet;

use pbpo_compiler::code::Code;
use pbpo_compiler::pages::page;
use pbpo_compiler::{Compiled, Input, check, compile};

/// The text before an example that is not a whole file.
const PRELUDE: &str = include_str!("../../docs/codes/prelude.pbpo");
/// Codes that cannot occur in a single text.
const EXEMPT: [Code; 5] =
    [Code::UnreadableFile, Code::TooLarge, Code::ImportCycle, Code::StageFailed, Code::TooMuchMemory];

/// Compiles an example as its first line says: `// target: main`, `// set: beta=1`, `// run`; otherwise all of it is
/// checked.
fn look(example: &str, whole: bool) -> Compiled {
    let head = example.lines().next().unwrap_or_default();
    let text = if whole { example.to_owned() } else { format!("{PRELUDE}\n{example}") };
    let input = Input::text("example.pbpo", &text);
    let Some(head) = head.strip_prefix("// ") else { return check(input, &[]) };
    let part = |key: &str| head.split('|').find_map(|part| part.trim().strip_prefix(key)).map(str::trim);
    let sets: Vec<String> = part("set:").map(str::to_owned).into_iter().collect();
    match (part("target:"), head) {
        (None, "run") => compile(input, None, &[]),
        (None, _) if sets.is_empty() => check(input, &[]),
        (target, _) => compile(input, target, &sets),
    }
}

fn codes(code: Code, example: &str) -> BTreeSet<&'static str> {
    // Examples about the first line are whole files.
    let whole = example.starts_with("pbpo ") || code == Code::MissingHeader;
    let found = look(example, whole).diagnostics.into_iter().map(|finding| finding.code);
    // Examples need not use their declarations.
    found.filter(|found| *found == code || *found != Code::Unused).map(Code::text).collect()
}

fn example<'p>(page: &'p str, title: &str) -> Option<&'p str> {
    let section = page.split_once(&format!("## {title}\n"))?.1;
    let block = section.split_once("```pbpo\n")?.1;
    Some(block.split_once("```")?.0)
}

#[test]
fn examples_do_what_their_pages_say() {
    let mut wrong = String::new();
    for code in Code::ALL {
        let page = page(*code).unwrap_or_else(|| panic!("{} has no page", code.text()));
        assert!(page.starts_with(&format!("# {}: {}\n", code.text(), code.summary())), "{page}");
        if EXEMPT.contains(code) {
            continue;
        }
        let (bad, good) = (example(page, "Bad").unwrap(), example(page, "Good").unwrap());
        let (found, left) = (codes(*code, bad), codes(*code, good));
        if found != BTreeSet::from([code.text()]) || !left.is_empty() {
            wrong += &format!("{}: bad {found:?}, good {left:?}\n", code.text());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_page_has_a_code() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/codes");
    let pages = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let known: BTreeSet<String> = Code::ALL.iter().map(|code| format!("{}.md", code.text())).collect();
    assert_eq!(pages.filter(|name| name.ends_with(".md")).collect::<BTreeSet<_>>(), known);
}
