//! The effect of `check --fix` on the fixtures with errors.

mod common;

use common::{Fixture, fixtures, unread};
use pbpo_compiler::fixes::apply;
use pbpo_compiler::{Compiled, Input, check, code::Code, diagnostic::Severity};

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
        assert!(unread(&text) <= unread(&fixture.text), "{}:\n{text}", fixture.name);
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

fn fixed_text(text: &str) -> String {
    apply(text, |text| check(Input::text("page.pbpo", text), &[])).0
}

#[test]
fn fixes_keep_the_meaning() {
    for (before, after) in [
        // A `;` between two statements is replaced by a valid separator.
        ("policy p { follows = q; update = sft }", "policy p { follows = q, update = sft }"),
        ("policy p { follows = q;; update = sft; }", "policy p { follows = q, update = sft }"),
        (
            "policy p {\n  follows = q;  // of q\n  update = sft;\n}",
            "policy p {\n  follows = q  // of q\n  update = sft\n}",
        ),
        // A backslash stays a backslash with any quotes.
        ("param t: text = \u{201C}a\\\u{201D}", "param t: text = \"a\\\\\""),
        ("param t: text = 'say'", "param t: text = \"say\""),
        // Two names stay different.
        ("param \u{430}: int = 1\nparam a: int = 2", "param \u{430}: int = 1\nparam a: int = 2"),
    ] {
        let text = fixed_text(&format!("pbpo 1\n{before}\n"));
        assert_eq!(text, format!("pbpo 1\n{after}\n"));
        assert!(unread(&text) <= unread(before), "{text}");
    }
}

#[test]
fn no_quote_within_a_text_is_lost() {
    let text = fixed_text("pbpo 1\nparam t: text = 'say \"x\"'\n");
    assert!(!text.contains("x\"\""), "{text}");
}

#[test]
fn a_header_stands_behind_a_byte_order_mark() {
    let text = fixed_text("\u{FEFF}param a: int = 1\n");
    assert_eq!(text, "\u{FEFF}pbpo 1\nparam a: int = 1\n");
    assert!(
        check(Input::text("page.pbpo", &text), &[])
            .diagnostics
            .iter()
            .all(|d| d.severity != Severity::Error || d.code == Code::NoPipeline)
    );
}
