//! Checks files and asks for editors' answers: no panic, valid places, and fixes that do not add errors.

use pbpo_compiler::diagnostic::Severity;
use pbpo_compiler::ide::Ide;
use pbpo_compiler::render::{full, json, narrated, short};
use pbpo_compiler::{Compiled, fixes};

use crate::input::{head, input, places};

/// The bytes between the places for an editor's questions.
const STEP: usize = 7;
/// The largest number of such places in a text.
const MOST_PLACES: usize = 8;

pub fn run(text: &str) {
    let sets = head(text).sets;
    let check = |text: &str| pbpo_compiler::check(input(text), &sets);
    let compiled = check(text);
    places(&compiled);
    json::render([&compiled]);
    short::render(&compiled);
    narrated::render(&compiled);
    full::render(&compiled, full::Style { color: false, width: 80 });

    let (mended, count) = fixes::apply(text, check);
    assert!(count > 0 || mended == text, "changed without a fix");
    if count > 0 {
        assert!(errors(&check(&mended)) <= errors(&compiled), "a fix has made it worse:\n{mended}");
    }
    editor(text);
}

fn errors(compiled: &Compiled) -> usize {
    compiled.diagnostics.iter().filter(|finding| finding.severity == Severity::Error).count()
}

fn editor(text: &str) {
    let ide = Ide::new(input(text));
    let name = input(text).name;
    let step = STEP.max(text.len() / MOST_PLACES);
    for at in (0..text.len() + STEP).step_by(step) {
        ide.completions(name, at);
        let shown = ide.hover(name, at).map(|hover| hover.span);
        let renamed = ide.rename(name, at, "other_name").into_iter().flatten();
        for span in shown.into_iter().chain(ide.definition(name, at)).chain(ide.references(name, at)).chain(renamed) {
            let file = ide.sources().get(span.file).expect("a file that is there");
            assert!(file.text.get(span.start as usize..span.end as usize).is_some(), "{span:?}");
        }
    }
}
