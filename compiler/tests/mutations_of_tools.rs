//! Broken versions of every fixture, pipeline and library file, for the other readers of files besides the compiler:
//! the formatter, fixes, and answers for editors.

mod common;

use common::mutate::broken;
use common::{Fixture, fixtures, unread};
use pbpo_compiler::ide::Ide;
use pbpo_compiler::{Compiled, Input, Span, diagnostic::Severity, fixes, source::SourceMap};
use pbpo_grammar::fmt::format;

const FOLDERS: [&str; 5] = ["good", "plans", "errors", "../../pipelines", "../../stdlib"];

/// Calls `look` on one in `every` of the broken versions of all files. Returns how often it returned true.
fn all(every: usize, look: impl Fn(&Fixture, &str) -> bool) -> usize {
    let files = FOLDERS.into_iter().flat_map(fixtures);
    files.map(|fixture| broken(&fixture.text, every).filter(|text| look(&fixture, text)).count()).sum()
}

fn solid(text: &str) -> String {
    text.trim_start_matches('\u{FEFF}').chars().filter(|c| !c.is_whitespace()).collect()
}

#[test]
fn the_formatter_loses_nothing() {
    let formatted = all(19, |_, text| {
        let Ok(once) = format(text) else { return false };
        assert_eq!(solid(&once), solid(text), "something was lost:\n{text}\n----\n{once}");
        assert_eq!(format(&once).as_ref().ok(), Some(&once), "a second time changes it:\n{text}");
        true
    });
    assert!(formatted > 100, "{formatted}");
}

fn errors(compiled: &Compiled) -> usize {
    compiled.diagnostics.iter().filter(|finding| finding.severity == Severity::Error).count()
}

#[test]
fn fixes_make_nothing_worse() {
    let fixed = all(97, |fixture, text| {
        let (mended, count) = fixes::apply(text, |text| fixture.compile_text(text));
        assert_eq!(count == 0, mended == text, "{text}");
        assert!(unread(&mended) <= unread(text), "{text}\n----\n{mended}");
        assert!(
            count == 0 || errors(&fixture.compile_text(&mended)) <= errors(&fixture.compile_text(text)),
            "{text}\n----\n{mended}"
        );
        if count > 0 {
            let again = fixes::apply(&mended, |text| fixture.compile_text(text));
            assert_eq!(again, (mended, 0), "a second time changes it:\n{text}");
        }
        count > 0
    });
    assert!(fixed > 10, "{fixed}");
}

/// Checks that a place is a part of its text.
fn there(sources: &SourceMap, span: Span, text: &str) {
    let file = sources.get(span.file).unwrap();
    assert!(file.text.get(span.start as usize..span.end as usize).is_some(), "{span:?}\n{text}");
}

#[test]
fn an_editor_may_ask_anywhere() {
    let answered = all(211, |_, text| {
        let (ide, name) = (Ide::new(Input::text("main.pbpo", text)), "main.pbpo");
        let mut some = false;
        for at in (0..text.len() + 7).step_by(7.max(text.len() / 12)) {
            let completions = ide.completions(name, at);
            assert!(completions.iter().all(|completion| !completion.label.is_empty()), "{text}");
            let hover = ide.hover(name, at).map(|hover| hover.span);
            let edits = ide.rename(name, at, "other_name").unwrap_or_default();
            let places = hover.into_iter().chain(ide.definition(name, at)).chain(ide.references(name, at));
            places.chain(edits).for_each(|span| there(ide.sources(), span, text));
            some |= hover.is_some();
        }
        some
    });
    assert!(answered > 30, "{answered}");
}
