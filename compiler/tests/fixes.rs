//! What `check --fix` does to the fixtures with errors.

mod common;

use common::{Fixture, fixtures};
use pbpo_compiler::fixes::apply;
use pbpo_compiler::{Compiled, diagnostic::Severity};

fn errors(compiled: &Compiled) -> usize {
    compiled.diagnostics.iter().filter(|finding| finding.severity == Severity::Error).count()
}

fn fixed(fixture: &Fixture) -> (String, usize) {
    apply(&fixture.text, |text| fixture.compile_text(text))
}

#[test]
fn fixing_never_makes_a_file_worse() {
    let mut mended = 0;
    for fixture in fixtures("errors") {
        let (text, count) = fixed(&fixture);
        let (before, after) = (fixture.compile(), fixture.compile_text(&text));
        assert!(errors(&after) <= errors(&before), "{}:\n{text}", fixture.name);
        assert_eq!(count == 0, text == fixture.text, "{}", fixture.name);
        let again = apply(&text, |text| fixture.compile_text(text));
        assert_eq!(again, (text, 0), "{}: a second time", fixture.name);
        mended += count;
    }
    assert!(mended > 30, "{mended}");
}

#[test]
fn these_are_mended_whole() {
    let names = [
        "axis_with_colon",
        "field_with_colon",
        "foreign_spellings",
        "header_missing",
        "param_without_word",
        "semicolons",
        "tuple",
        "unknown_choice",
        "unknown_kind_case",
    ];
    for name in names {
        let fixture = fixtures("errors").find(|fixture| fixture.name == name).unwrap();
        let (text, _) = fixed(&fixture);
        let left = fixture.compile_text(&text);
        assert_eq!(errors(&left), 0, "{name}:\n{text}\n{:#?}", left.diagnostics);
    }
}
