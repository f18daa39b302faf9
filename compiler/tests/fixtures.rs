//! Every fixture of `tests/fixtures`, as snapshots: source and rendered errors, or the plan.
//!
//! The first line of a fixture is a comment with the expected codes and the settings of the compilation:
//! `// errors: PB0101 PB0203 | set: beta=0.1 | pipeline: main`. To add one, write the file, run the
//! tests with `INSTA_UPDATE=always`, and read the snapshot.

mod common;

use common::{Fixture, fixtures};
use pbpo_compiler::render::{full, json, short};
use pbpo_compiler::{Compiled, code::Code};
use pbpo_plan::{Plan, identity::identities, sweep::Shape, verify};

const STYLE: full::Style = full::Style { color: false, width: 80 };

#[test]
fn errors() {
    let mut wrong = String::new();
    for fixture in fixtures("errors") {
        let compiled = fixture.compile();
        let codes: Vec<&str> = compiled.diagnostics.iter().map(|d| d.code.text()).collect();
        if codes.join(" ") != fixture.errors {
            wrong += &format!("{}: expected {}\n{}", fixture.name, fixture.errors, full::render(&compiled, STYLE));
        }
        let text = format!("{}\n----- found\n{}", fixture.text.trim_end(), full::render(&compiled, STYLE));
        snapshot(&format!("error__{}", fixture.name), &text);
        messages_are_well_formed(&fixture, &compiled);
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Checks the style of messages: short, lower case, no full stop; spans on characters; JSON that parses.
fn messages_are_well_formed(fixture: &Fixture, compiled: &Compiled) {
    for diagnostic in &compiled.diagnostics {
        let message = &diagnostic.message;
        assert!(message.chars().count() <= 72, "{}: too long: {message}", fixture.name);
        assert!(
            !message.ends_with('.') && !message.starts_with(|c: char| c.is_uppercase()),
            "{}: {message}",
            fixture.name
        );
    }
    let parsed: serde_json::Value = serde_json::from_str(&json::render([compiled])).unwrap();
    assert_eq!(parsed["diagnostics"].as_array().unwrap().len(), compiled.diagnostics.len());
    assert_eq!(short::render(compiled).lines().count(), compiled.diagnostics.len());
}

#[test]
fn every_code_has_a_fixture() {
    // These codes cannot occur in a text, or occur only in a run.
    let exempt = [Code::UnreadableFile, Code::TooLarge, Code::StageFailed, Code::TooMuchMemory];
    let texts: Vec<String> = fixtures("errors").map(|fixture| fixture.errors).collect();
    for code in Code::ALL.iter().filter(|code| !exempt.contains(code)) {
        assert!(texts.iter().any(|errors| errors.contains(code.text())), "no fixture has {}", code.text());
    }
}

#[test]
fn good_files_have_no_junk_and_give_sound_plans() {
    for fixture in fixtures("good").chain(fixtures("plans")).chain(fixtures("../../pipelines")) {
        let file = pbpo_grammar::parse(pbpo_grammar::FileId(0), &fixture.text);
        assert!(file.faults.is_empty(), "{}: {:?}", fixture.name, file.faults);
        let compiled = fixture.compile();
        if fixture.check {
            assert!(compiled.diagnostics.is_empty(), "{}", full::render(&compiled, STYLE));
            continue;
        }
        let plan = compiled.plan().unwrap_or_else(|| panic!("{}\n{}", fixture.name, full::render(&compiled, STYLE)));
        verify(plan).unwrap_or_else(|error| panic!("{}: {error}", fixture.name));
        let read = Plan::from_json(&plan.to_json()).unwrap_or_else(|error| panic!("{}: {error}", fixture.name));
        assert_eq!(read.to_json(), plan.to_json(), "{}", fixture.name);
        assert_eq!(read.text(), plan.text(), "{}", fixture.name);
        let names = identities(plan);
        let mut unique: Vec<_> = names.values().collect();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), names.len(), "{}: two stages have one identity", fixture.name);
        assert!(
            names.keys().all(|stage| compiled.points[0].spans.contains_key(stage)),
            "{}: a stage without a place",
            fixture.name
        );
    }
}

#[test]
fn plans() {
    for fixture in fixtures("plans").chain(fixtures("../../pipelines")) {
        let compiled = fixture.compile();
        let plan = compiled.plan().cloned().unwrap_or_else(|| panic!("{}", fixture.name));
        snapshot(&format!("plan__{}", fixture.name), &plan.text());
    }
}

#[test]
fn a_sweep_at_a_glance() {
    let fixture = fixtures("plans").find(|fixture| fixture.name == "sweep_point").unwrap();
    let whole = Fixture { target: Some("grid".into()), ..fixture };
    let compiled = whole.compile();
    let plans: Vec<&Plan> = compiled.points.iter().map(|point| &point.plan).collect();
    snapshot("sweep__grid", &Shape::of("grid", &plans).text());
}

#[test]
fn pictures() {
    let fixture = fixtures("plans").find(|fixture| fixture.name == "no_adversary").unwrap();
    let plan = fixture.compile().plan().cloned().unwrap();
    snapshot("picture__mermaid", &plan.mermaid());
    snapshot("picture__dot", &plan.dot());
}

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn the_deepest_plan_survives_json() {
    let fixture = fixtures("good").find(|fixture| fixture.name == "every_function").unwrap();
    let (head, _) = fixture.text.split_once("pipeline main {").unwrap();
    let deep = format!(
        "{head}pipeline main {{\n y = sample(pi, prompts, count = 32)\n {} ascend pi on {}mean(r(y)){}\n {}}}\n",
        "repeat 2 {\n".repeat(60),
        "exp(".repeat(60),
        ")".repeat(60),
        "}\n".repeat(60)
    );
    let plan = fixture.compile_text(&deep).plan().cloned().unwrap();
    assert_eq!(Plan::from_json(&plan.to_json()).unwrap().text(), plan.text());
    assert!(Plan::from_json(&"[".repeat(1_000_000)).is_err());
    let odd = plan.to_json().replacen("\"seed\"", "\"what\": 5, \"seed\"", 1);
    assert!(Plan::from_json(&odd).unwrap_err().contains("unknown field `what`"));
    let later = odd.replacen("\"version\": 1", "\"version\": 2", 1);
    assert!(Plan::from_json(&later).unwrap_err().contains("a plan of version 2"));
}
