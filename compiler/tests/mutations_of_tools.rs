//! Broken versions of every fixture, pipeline and library file, for what reads a file besides the compiler: the
//! formatter, fixes, and what an editor asks.

mod common;

use common::mutate::broken;
use common::{Fixture, fixtures};
use pbpo_compiler::ide::Analysis;
use pbpo_compiler::{Compiled, Input, Span, diagnostic::Severity, fixes, source::SourceMap};
use pbpo_grammar::fmt::format;

const FOLDERS: [&str; 5] = ["good", "plans", "errors", "../../pipelines", "../../stdlib"];

/// `look` at one in `every` of the broken versions of all files, and how often it saw something.
fn all(every: usize, look: impl Fn(&Fixture, &str) -> bool) -> usize {
    let files = FOLDERS.into_iter().flat_map(fixtures);
    files.map(|fixture| broken(&fixture.text, every).filter(|text| look(&fixture, text)).count()).sum()
}

fn solid(text: &str) -> String {
    text.trim_start_matches('\u{FEFF}').chars().filter(|c| !c.is_whitespace()).collect()
}

#[test]
fn the_formatter_loses_nothing() {
    let formatted = all(9, |_, text| {
        let Ok(once) = format(text) else { return false };
        assert_eq!(solid(&once), solid(text), "something was lost:\n{text}\n----\n{once}");
        assert_eq!(format(&once).as_ref().ok(), Some(&once), "a second time changes it:\n{text}");
        true
    });
    assert!(formatted > 500, "{formatted}");
}

fn errors(compiled: &Compiled) -> usize {
    compiled.diagnostics.iter().filter(|finding| finding.severity == Severity::Error).count()
}

#[test]
fn fixes_make_nothing_worse() {
    let fixed = all(29, |fixture, text| {
        let (mended, count) = fixes::apply(text, |text| fixture.compile_text(text));
        assert_eq!(count == 0, mended == text, "{text}");
        assert!(
            count == 0 || errors(&fixture.compile_text(&mended)) <= errors(&fixture.compile_text(text)),
            "{text}\n----\n{mended}"
        );
        count > 0
    });
    assert!(fixed > 50, "{fixed}");
}

/// The place is a part of its text.
fn there(sources: &SourceMap, span: Span, text: &str) {
    let file = sources.get(span.file).unwrap();
    assert!(file.text.get(span.start as usize..span.end as usize).is_some(), "{span:?}\n{text}");
}

#[test]
fn an_editor_may_ask_anywhere() {
    let answered = all(61, |_, text| {
        let analysis = Analysis::of(Input::text("main.pbpo", text));
        let mut some = false;
        for at in (0..text.len() + 7).step_by(7.max(text.len() / 12)) {
            let completions = analysis.completions(at);
            assert!(completions.iter().all(|completion| !completion.label.is_empty()), "{text}");
            let hover = analysis.hover(at).map(|(_, span)| span);
            let edits = analysis.rename(at, "other_name").unwrap_or_default();
            let places = hover.into_iter().chain(analysis.definition(at)).chain(analysis.references(at));
            places.chain(edits.iter().map(|edit| edit.span)).for_each(|span| there(analysis.sources(), span, text));
            some |= hover.is_some();
        }
        some
    });
    assert!(answered > 300, "{answered}");
}
