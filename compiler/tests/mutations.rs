//! Broken versions of every fixture: no text causes a panic, and every place is inside its text, on characters.

mod common;

use common::mutate::broken;
use common::{Fixture, fixtures};
use pbpo_compiler::render::{full, json, short};

fn survives(fixture: &Fixture, text: &str) {
    let compiled = fixture.compile_text(text);
    assert!(
        fixture.check || compiled.points.is_empty() == compiled.failed(),
        "neither a plan nor an error, or both:\n{text}"
    );
    for diagnostic in &compiled.diagnostics {
        for label in std::iter::once(&diagnostic.primary).chain(&diagnostic.others) {
            let span = label.span;
            let file = compiled.sources.get(span.file).unwrap();
            assert!(file.text.get(span.start as usize..span.end as usize).is_some(), "{diagnostic:?}\n{text}");
        }
        assert!(diagnostic.message.chars().count() <= 100, "{}", diagnostic.message);
    }
    for plan in compiled.points.iter().map(|point| &point.plan) {
        pbpo_plan::verify(plan).unwrap_or_else(|error| panic!("{error}\n{text}"));
    }
    serde_json::from_str::<serde_json::Value>(&json::render([&compiled])).unwrap();
    short::render(&compiled);
    if text.len().is_multiple_of(7) {
        full::render(&compiled, full::Style { color: false, width: 80 });
    }
}

fn all(folder: &str, every: usize) {
    for fixture in fixtures(folder) {
        broken(&fixture.text, every).for_each(|text| survives(&fixture, &text));
    }
}

#[test]
fn good_files() {
    all("good", 5);
}

#[test]
fn plans() {
    all("plans", 11);
}

#[test]
fn errors() {
    all("errors", 23);
}

#[test]
fn pipelines_and_library() {
    all("../../pipelines", 17);
    for fixture in fixtures("../../stdlib") {
        let fixture = Fixture { check: true, ..fixture };
        broken(&fixture.text, 17).for_each(|text| survives(&fixture, &text));
    }
}

#[test]
fn strange_texts() {
    let fixture = || fixtures("good").next().unwrap();
    let deep =
        |open: &str, close: &str, times: usize| format!("pbpo 1\na {}{}", open.repeat(times), close.repeat(times));
    let chain = |times: usize| format!("pbpo 1\npipeline p {{ ascend p on {} 1 }}", "1 + ".repeat(times));
    let junk = |times: usize| format!("pbpo 1\n{}{}", "x { a = f(b { ".repeat(times), "} c ) d } e ".repeat(times));
    let texts = [
        String::new(),
        "\u{FEFF}".into(),
        "pbpo".into(),
        "pbpo 1".into(),
        "pbpo 1\r".into(),
        "{{{{".into(),
        "}\u{0}\u{202E}\u{1F600}".into(),
        "pbpo 1\n\"".into(),
        "pbpo 1 // \u{1F600}".into(),
        "pbpo 1\nparam a: float = -".into(),
        "pbpo 1\nparam a: float = a\nparam b: float = c\nparam c: float = b\n".into(),
        "pbpo 1\npolicy a { follows = a, update = sft }\npolicy b { follows = c, update = sft }\npolicy c { follows = b, update = sft }\npipeline p { ascend a on 1 }".into(),
        deep("{", "}", 100_000),
        deep("(", ")", 127),
        deep("b { ", "}", 127),
        deep("f(", ")", 127),
        deep("[", "", 127),
        chain(100),
        chain(100_000),
        junk(40),
        "- ".repeat(100_000),
        "a = ".repeat(100_000),
        "pbpo 1\npipeline p {".to_owned() + &"repeat 2 { ".repeat(126) + &"}".repeat(127),
    ];
    for text in texts {
        survives(&fixture(), &text);
    }
}

#[test]
fn the_largest_file_is_read_in_time_and_a_larger_one_refused() {
    let fixture = fixtures("good").next().unwrap();
    let line = "param a: float in 0.0..1.0 = 0.5 // a comment\n";
    let large = format!("pbpo 1\n{}", line.repeat((1 << 20) / line.len()));
    survives(&fixture, &large);
    survives(&fixture, &"x = {\n".repeat((1 << 20) / 6));
    let larger = line.repeat((4 << 20) / line.len() + 1);
    let compiled = fixture.compile_text(&larger);
    assert_eq!(compiled.diagnostics[0].code.text(), "PB0109");
}
