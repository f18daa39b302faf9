//! `docs/tour.md` and `docs/reference.md` show the actual output of `pbpoc`. The commands of the tour are called in
//! order, beside its files.

mod fences;

use std::path::Path;
use std::process::Command;

use fences::{Step, steps};

#[test]
fn the_tour_shows_what_is_printed() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/tour.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (mut seen, mut wrong) = (0, String::new());
    for step in steps(&page) {
        match step {
            Step::File { name, text, .. } => std::fs::write(folder.path().join(name), text).unwrap(),
            Step::Command { command, output, line } => {
                let printed = call(folder.path(), &command);
                if !matches(&printed, &output) {
                    wrong += &format!("docs/tour.md:{line}: {command}\n{printed}\n");
                }
                seen += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "the page shows something else than:\n{wrong}");
    assert!(seen >= 10, "the tour shows {seen} commands");
}

#[test]
fn doc_prints_the_reference() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference.md")).unwrap();
    assert_eq!(call(Path::new("."), "pbpoc doc"), page.trim_end(), "run: pbpoc doc > docs/reference.md");
}

/// Returns the output of a command, stdout first.
fn call(folder: &Path, command: &str) -> String {
    let mut words = command.split_whitespace().map(|word| word.trim_matches('\''));
    assert_eq!(words.next(), Some("pbpoc"), "{command}");
    let mut pbpoc = Command::new(env!("CARGO_BIN_EXE_pbpoc"));
    pbpoc.args(words).current_dir(folder).env("NO_COLOR", "1").env("COLUMNS", "90");
    let output = pbpoc.output().unwrap();
    let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    printed.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// Tells whether a text matches its shown form, in which a line `...` matches any lines.
fn matches(printed: &str, shown: &str) -> bool {
    let printed: Vec<&str> = printed.lines().collect();
    let shown: Vec<&str> = shown.lines().map(str::trim_end).collect();
    let parts: Vec<&[&str]> = shown.split(|line| *line == "...").collect();
    let [first, .., last] = parts.as_slice() else { return printed == shown };
    if !printed.starts_with(first) || !printed.ends_with(last) {
        return false;
    }
    let mut rest = printed.as_slice();
    for part in parts.iter().filter(|part| !part.is_empty()) {
        let Some(at) = rest.windows(part.len()).position(|lines| lines == *part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}
