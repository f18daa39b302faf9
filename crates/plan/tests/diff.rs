//! Differences between two plans, with their reasons.

use pbpo_compiler::{Input, compile};
use pbpo_plan::diff::{Diff, Kind};
use pbpo_plan::{Op, Plan};

const PAGE: &str = include_str!("../../../tests/fixtures/plans/written_out.pbpo");

fn plan(text: &str, sets: &[&str]) -> Plan {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    compile(Input::text("page.pbpo", text), None, &sets).plan().expect("compiles").clone()
}

fn reasons<'d>(diff: &'d Diff, stage: &str) -> &'d [String] {
    &diff.changes.iter().find(|change| change.stage == stage).unwrap_or_else(|| panic!("{}", diff.text())).reasons
}

#[test]
fn a_setting_is_the_reason_and_what_follows_says_so() {
    let diff = Diff::of(&plan(PAGE, &[]), &plan(PAGE, &["pi.optimizer.lr=1e-4"]));
    assert_eq!(reasons(&diff, "pi@0"), ["optimizer.lr 0.0002 -> 0.0001"]);
    assert_eq!(reasons(&diff, "ref@0"), ["because of pi@0"]);
    assert!(diff.changes.iter().all(|change| change.kind == Kind::Changed));
    assert!(!diff.changes.iter().any(|change| change.stage == "pi.init" || change.stage == "r@0"));
    insta::assert_snapshot!("diff__setting", diff.text());
}

#[test]
fn a_seed_is_a_reason_where_something_is_drawn() {
    let diff = Diff::of(&plan(PAGE, &[]), &plan(PAGE, &["seed=1"]));
    assert_eq!(reasons(&diff, "pi.init"), ["seed 0 -> 1"]);
    assert_eq!(reasons(&diff, "pi@0"), ["because of pi.init"]);
}

#[test]
fn stages_come_and_go() {
    let more = PAGE
        .replace("    report =", "    z = sample(ref, prompts, count = 8)\n    descend r on mean(r(z))\n    report =");
    let diff = Diff::of(&plan(PAGE, &[]), &plan(&more, &[]));
    let added: Vec<&str> =
        diff.changes.iter().filter(|change| change.kind == Kind::Added).map(|change| change.stage.as_str()).collect();
    assert!(added.contains(&"z"), "{}", diff.text());
    let back = Diff::of(&plan(&more, &[]), &plan(PAGE, &[]));
    assert!(back.changes.iter().any(|change| change.kind == Kind::Removed && change.stage == "z"));
}

#[test]
fn names_and_comments_are_no_difference() {
    let renamed = PAGE.replace("y_new", "found").replace("param beta", "// remark\nparam beta");
    let diff = Diff::of(&plan(PAGE, &[]), &plan(&renamed, &[]));
    assert!(diff.changes.is_empty(), "{}", diff.text());
}

#[test]
fn an_objective_is_shown_on_both_sides() {
    let other = PAGE.replace("- 0.02 * kl(pi, ref, y)", "- 0.05 * kl(pi, ref, y)");
    let diff = Diff::of(&plan(PAGE, &[]), &plan(&other, &[]));
    let why = reasons(&diff, "pi@3").join("");
    assert!(why.contains("0.02 * kl") && why.contains("0.05 * kl"), "{why}");
}

#[test]
fn another_count_is_one_reason() {
    let diff = Diff::of(&plan(PAGE, &[]), &plan(PAGE, &["main.episodes=5"]));
    let repeat = diff.changes.iter().find(|change| change.op == Op::Repeat).unwrap();
    assert_eq!(repeat.reasons, ["count 30 -> 5"]);
}

#[test]
fn a_loop_that_carries_something_else_first_is_the_same_loop() {
    let (head, _) = PAGE.split_once("pipeline main {").unwrap();
    let page = |stmts: &str| format!("{head}pipeline main {{\n repeat 2 {{\n{stmts}}}\n}}\n");
    let (y, ascend, descend) =
        ("y = sample(pi, prompts, count = 32)\n", "ascend pi on mean(r(y))\n", "descend r on mean(r(y))\n");
    let old = plan(&page(&[y, ascend, descend].concat()), &[]);
    let diff = Diff::of(&old, &plan(&page(&[y, descend, ascend].concat()), &[]));
    let loops: Vec<Kind> =
        diff.changes.iter().filter(|change| change.op == Op::Repeat).map(|change| change.kind).collect();
    assert_eq!(loops, [Kind::Changed], "{}", diff.text());
}

/// A value may have the name of a function: renamed, it takes no function along.
#[test]
fn a_renamed_value_renames_no_function() {
    let old = PAGE.replace("y_new", "mean").replace("- 0.02 * kl(pi, ref, y)", "- 0.05 * kl(pi, ref, y)");
    let diff = Diff::of(&plan(&old, &[]), &plan(PAGE, &[]));
    let why = reasons(&diff, "pi@3").join("");
    assert!(why.contains("mean(") && !why.contains("y_new("), "{why}");
}
