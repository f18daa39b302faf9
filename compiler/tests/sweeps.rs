//! The points of a sweep, their names, and the origin of their values.

mod common;

use common::fixtures;
use pbpo_compiler::{Compiled, Input, compile, why};

/// Returns a valid file without sweeps, followed by some more items.
fn file(items: &str) -> String {
    let page = fixtures("plans").find(|fixture| fixture.name == "sets_after_variants").unwrap().text;
    format!("{page}\nparam noise: float = 0.5\nparam t: text = \"x\"\n{items}\n")
}

fn points(items: &str, target: &str, sets: &[&str]) -> Vec<String> {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    let compiled = compile(Input::text("page.pbpo", &file(items)), Some(target), &sets);
    said(&compiled);
    compiled.points.into_iter().map(|point| point.plan.point).collect()
}

fn said(compiled: &Compiled) {
    let errors: Vec<&str> = compiled.diagnostics.iter().map(|finding| finding.message.as_str()).collect();
    assert!(!compiled.failed(), "{errors:?}");
}

#[test]
fn a_condition_sees_what_is_fixed_what_the_base_sets_and_the_command_line() {
    let fixed = "sweep s over main { noise = 0.0, seed in 0..3, where noise < 0.1 }";
    assert_eq!(points(fixed, "s", &[]).len(), 4);
    let bases =
        "variant b of main { beta = 1.0 }\nsweep s over [main, b] { seed in 0..3, where beta < 0.5 or seed < 2 }";
    let names = points(bases, "s", &[]);
    assert!(names.contains(&"s[main,seed=3]".to_owned()), "{names:?}");
    assert!(names.contains(&"s[b,seed=1]".to_owned()) && !names.contains(&"s[b,seed=2]".to_owned()), "{names:?}");
    let set = "sweep s over main { seed in 0..3, where noise < 0.1 or seed < 1 }";
    assert_eq!(points(set, "s", &[]).len(), 1);
    assert_eq!(points(set, "s", &["noise=0.05"]).len(), 4);
}

#[test]
fn a_condition_means_the_names_of_its_own_file() {
    for name in ["conditions_of_import", "conditions_of_import_without"] {
        let fixture = fixtures("sweeps").find(|fixture| fixture.name == name).unwrap();
        let compiled = fixture.compile();
        said(&compiled);
        let names: Vec<&str> = compiled.points.iter().map(|point| point.plan.point.as_str()).collect();
        assert_eq!(names, ["grid[beta=0.1,seed=0]", "grid[beta=0.1,seed=1]"], "{name}");
        let seeds: Vec<u64> = compiled.points.iter().map(|point| point.plan.seed).collect();
        assert_eq!(seeds, [0, 1], "{name}");
    }
}

#[test]
fn a_group_is_the_name_without_the_seed_of_the_run() {
    let items = "sweep s over main {\n  demos.source in [digits(split = train, count = 100, seed = 1), \
                 digits(split = train, count = 100, seed = 2)]\n  seed in 0..1\n}";
    let compiled = compile(Input::text("page.pbpo", &file(items)), Some("s"), &[]);
    said(&compiled);
    let mut groups: Vec<&str> = compiled.points.iter().map(|point| point.group.as_str()).collect();
    groups.dedup();
    let group = |seed: u8| format!("s[demos.source=digits(split=train,count=100,seed={seed})]");
    assert_eq!(groups, [group(1), group(2)]);
}

#[test]
fn a_point_with_blanks_in_a_text_has_a_name() {
    let items = "sweep tx over main { t in [\"a b\", \"c\"], seed in 0..1 }";
    assert_eq!(points(items, "tx[t=\"a b\",seed=0]", &[]), ["tx[t=\"a b\",seed=0]"]);
    assert_eq!(points(items, "tx[t=\"a b\"]", &[]).len(), 2);
}

#[test]
fn equal_steps_between_whole_numbers_are_whole_where_they_can_be() {
    let items = "sweep s over main { pi.sampling.max_new in linear(2, 8, count = 4), seed in 0..1 }";
    assert_eq!(points(items, "s[seed=0]", &[]).len(), 4);
}

#[test]
fn what_every_point_has_may_be_set_and_names_of_other_files_are_no_axis() {
    let items = "sweep s over main { noise = 0.0, seed in 0..3 }";
    assert_eq!(points(items, "s", &["noise=0.3"]).len(), 4);
    let mut fixture = fixtures("sweeps").find(|fixture| fixture.name == "conditions_of_import").unwrap();
    fixture.overrides = vec!["beta=3".to_owned()];
    let compiled = fixture.compile();
    said(&compiled);
    assert_eq!(compiled.points.len(), 2);
}

fn chain(items: &str, target: &str, sets: &[&str], path: &str) -> Vec<(String, String)> {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    let (steps, compiled) = why(Input::text("page.pbpo", &file(items)), Some(target), &sets, path);
    said(&compiled);
    steps.into_iter().map(|step| (step.origin, step.value)).collect()
}

#[test]
fn why_follows_values_that_go_with_the_whole_they_are_a_part_of() {
    let items = "variant a of main { pi.estimator = rloo { group = 8 } }\nvariant b of a { pi.estimator = rloo }";
    let found = chain(items, "b", &[], "pi.estimator.group");
    let values: Vec<(&str, &str)> = found.iter().map(|(origin, value)| (origin.as_str(), value.as_str())).collect();
    assert_eq!(values, [("variant a", "8"), ("variant b", "4")]);
    let found = chain(items, "b", &["pi.estimator.group=2"], "pi.estimator.group");
    assert_eq!(found.last().unwrap(), &("--set".to_owned(), "2".to_owned()));
}

#[test]
fn why_knows_a_parameter_under_every_name() {
    let fixture = fixtures("errors").find(|fixture| fixture.name == "pinned_alias").unwrap();
    let (steps, compiled) = fixture.why("grid[beta=0.1,seed=0]", "b");
    said(&compiled);
    assert_eq!(steps.last().unwrap().value, "0.1");
}
