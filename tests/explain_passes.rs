//! `plan --explain passes` and `--optimized` through the binary.

use std::process::{Command, Output};

fn plan(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pbpoc"));
    command.arg("plan").args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn each_pass_says_what_it_did() {
    let output = plan(&["pipelines/quickstart.pbpo", "main", "--explain", "passes"]);
    let expected = "pass dead
  nothing to do

pass forwards
  r@4: 4 forwards at once: rewards(r@3, rejected(confidence.batch)), rewards(r@3, chosen(confidence.batch)), rewards(r@3, y0), rewards(r@3, y)
  pi@3: 4 forwards at once: log_probs(pi@2, y), log_probs(ref@2, y), rewards(r@5, y0), rewards(r@5, y)

pass hoist
  nothing to do

pass share
  nothing to do
";
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), expected));
}

#[test]
fn the_plan_that_is_run_is_shown_on_request() {
    let plain = plan(&["scripts/hoist.pbpo", "one_batch"]);
    let made = plan(&["scripts/hoist.pbpo", "one_batch", "--optimized"]);
    assert!(!text(&plain.stdout).contains("forward"));
    assert!(text(&made.stdout).contains("stage ref.forward@0 = forward"), "{}", text(&made.stdout));
    let json = plan(&["scripts/hoist.pbpo", "one_batch", "--optimized", "--emit", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["pipeline"], "one_batch");
}

#[test]
fn the_passes_of_a_sweep_are_those_of_a_point() {
    let output = plan(&["pipelines/quickstart.pbpo", "betas", "--explain", "passes"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("one point"), "{}", text(&output.stderr));
}
