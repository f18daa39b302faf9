//! The commands around the language: fmt, check --fix, explain, params, std, plan --diff, sweeps, shells.

use std::process::{Command, Output};

fn pbpoc(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pbpoc"));
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR")).env("NO_COLOR", "1").env("COLUMNS", "80");
    command.output().unwrap()
}

/// Returns the exit code, stdout and stderr.
fn told(args: &[&str]) -> (i32, String, String) {
    let output = pbpoc(args);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

const QUICKSTART: &str = "pipelines/quickstart.pbpo";

#[test]
fn fmt_names_changes_and_leaves_what_it_does_not_understand() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x.pbpo");
    let path = file.to_str().unwrap();
    std::fs::write(&file, "pbpo 1\nparam  a:float=1.0\n").unwrap();
    assert_eq!(told(&["fmt", "--check", path]), (1, String::new(), format!("not formatted: {path}\n")));
    assert_eq!(told(&["fmt", path]), (0, String::new(), format!("formatted {path}\n")));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "pbpo 1\nparam a: float = 1.0\n");
    assert_eq!(told(&["fmt", "--check", path]).0, 0);
    std::fs::write(&file, "pbpo 1\npolicy pi {\n").unwrap();
    let (code, _, stderr) = told(&["fmt", path]);
    assert!(code == 1 && stderr.contains("PB0102"), "{stderr}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "pbpo 1\npolicy pi {\n");
}

#[test]
fn check_fix_mends_the_file_and_reports_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("x.pbpo");
    let path = file.to_str().unwrap();
    std::fs::write(&file, "pbpo 1\n# a remark\nobjective one(y: rolouts) = 1.0;\nparam b: float := 9.5 # x\n").unwrap();
    let (code, _, stderr) = told(&["check", "--fix", path]);
    assert!(code == 0 && stderr.contains(&format!("fixed 5 in {path}")), "{stderr}");
    let mended = "pbpo 1\n// a remark\nobjective one(y: rollouts) = 1.0\nparam b: float = 9.5 // x\n";
    assert_eq!(std::fs::read_to_string(&file).unwrap(), mended);
}

#[test]
fn codes_are_explained() {
    let (code, page, _) = told(&["explain", "pb0402"]);
    assert!(code == 0 && page.starts_with("# PB0402: ") && page.contains("## Bad"), "{page}");
    assert!(told(&["explain"]).1.lines().count() > 60);
    let (code, _, stderr) = told(&["explain", "PB0499"]);
    assert!(code == 2 && stderr.contains("did you mean"), "{stderr}");
}

#[test]
fn a_value_says_where_it_comes_from() {
    let (code, stdout, _) = told(&["params", QUICKSTART]);
    assert!(code == 0 && stdout.contains("beta = 0.04"), "{stdout}");
    let why = ["params", QUICKSTART, "ablation[no_enhancer,seed=3]", "--why", "seed", "--set", "seed=9"];
    let (_, stdout, _) = told(&why);
    let origins: Vec<&str> = stdout.lines().map(|line| line.split("  ").next().unwrap()).collect();
    assert_eq!(origins, ["param seed", "sweep ablation", "--set", "seed = 9"]);
}

#[test]
fn two_plans_are_compared() {
    let (code, stdout, _) = told(&["plan", QUICKSTART, "--diff", "main", "no_enhancer"]);
    assert!(code == 0 && stdout.contains("~ enhancer@0 = exploration\n    candidates 8 -> 1\n"), "{stdout}");
    let (_, stdout, _) = told(&["plan", QUICKSTART, "--diff", "main", "main", "--emit", "json"]);
    let diff: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(diff["changes"].as_array().unwrap().len(), 0);
    let (code, _, stderr) = told(&["plan", "--diff", "main", "other"]);
    assert!(code == 1 && stderr.contains("name one in front"), "{stderr}");
    let (code, _, stderr) = told(&["plan", QUICKSTART, "--diff", "betas", "main"]);
    assert!(code == 1 && stderr.contains("name one of them: `betas[beta=0,seed=0]`"), "{stderr}");
}

#[test]
fn a_sweep_has_a_cost() {
    let (code, stdout, stderr) = told(&["plan", QUICKSTART, "ablation", "--cost"]);
    assert!(code == 0 && stdout.starts_with("ablation: 15 points") && stdout.contains("trained tokens"), "{stderr}");
}

#[test]
fn names_in_other_places_are_found() {
    let (code, stdout, _) = told(&["explain", "one_seed"]);
    assert!(code == 0 && stdout.starts_with("# PB0702"), "{stdout}");
    let (code, _, stderr) = told(&["explain", "one_sed"]);
    assert!(code == 2 && stderr.contains("did you mean `one_seed`?"), "{stderr}");
    let (code, _, stderr) = told(&["std", "dpo"]);
    assert!(code == 2 && stderr.contains("`pbpoc std std/losses`"), "{stderr}");
    let (code, _, stderr) = told(&["run", QUICKSTART, "--threads", "0"]);
    assert!(code == 2 && stderr.contains("at least 1"), "{stderr}");
}

#[test]
fn a_sweep_runs_every_point_once_and_says_what_came_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let (file, out) = (dir.path().join("tiny.pbpo"), dir.path().join("runs"));
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/sweeps/tiny.pbpo")).unwrap();
    std::fs::write(&file, text).unwrap();
    let (path, out) = (file.to_str().unwrap(), out.to_str().unwrap());
    let (code, plan, stderr) = told(&["plan", path, "betas"]);
    assert!(code == 0 && plan.contains("52 stages in 4 points"), "{plan}{stderr}");
    let (code, stdout, stderr) = told(&["run", path, "betas", "--out", out, "--device", "cpu"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.contains("betas[beta=0.01]     2 ") && stdout.contains("4 of 4 points done"), "{stdout}");
    assert!(stderr.contains("[3/4] betas[beta=0.04,seed=0]") && stderr.contains("as in an earlier point"), "{stderr}");
    let root = std::path::Path::new(out).join("tiny-betas-001");
    let sweep: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(root.join("sweep.json")).unwrap()).unwrap();
    assert_eq!(sweep["done"].as_array().unwrap().len(), 4);
    assert!(root.join("004-beta=0.04,seed=1/report.html").exists());
}

#[test]
fn shells_and_manuals_know_every_command() {
    let commands = ["check", "plan", "run", "params", "fmt", "explain", "std", "lsp", "doctor"];
    let bash = told(&["completions", "bash"]).1;
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(told(&["man", dir.path().to_str().unwrap()]).0, 0);
    for command in commands {
        assert!(bash.contains(command), "{command}");
        assert!(dir.path().join(format!("pbpoc-{command}.1")).exists(), "{command}");
    }
    assert!(told(&["std", "games"]).1.contains("pipeline pbpo("));
    assert_eq!(told(&["std", "gamse"]).0, 2);
}
