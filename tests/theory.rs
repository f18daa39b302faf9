//! The pipelines of `pipelines/theory` through the binary: they compile, points side by side give the same results as
//! alone, and figures and curves exist.

use std::path::Path;
use std::process::Command;

fn pbpoc(args: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pbpoc"));
    let output = command.args(args).current_dir(env!("CARGO_MANIFEST_DIR")).env("NO_COLOR", "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), text)
}

#[test]
fn every_file_is_sound_and_formatted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines/theory");
    let files: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path().display().to_string()).collect();
    assert!(files.len() >= 11, "{files:?}");
    for file in &files {
        let (code, text) = pbpoc(&["check", file]);
        assert!(code == 0 && !text.contains('⚠'), "{text}");
        assert_eq!(pbpoc(&["fmt", "--check", file]).0, 0, "{file}");
    }
}

/// Returns the output of a sweep of 40 seeds, one line for each point.
fn lines(out: &Path, threads: &str) -> Vec<serde_json::Value> {
    let out = out.join(threads);
    let path = out.display().to_string();
    let mut args = vec!["run", "pipelines/theory/bandit.pbpo", "seeds", "--set", "main.episodes=40"];
    args.extend(["--format", "json", "--quiet", "--threads", threads, "--out", &path]);
    let (code, text) = pbpoc(&args);
    assert_eq!(code, 0, "{text}");
    text.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn points_side_by_side_are_those_of_one_thread() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (lines(dir.path(), "1"), lines(dir.path(), "2"));
    assert_eq!(one.len(), 40);
    for (a, b) in one.iter().zip(&two) {
        assert_eq!((&a["point"], &a["metrics"]), (&b["point"], &b["metrics"]));
        for name in ["regret/final", "regret/stepdown"] {
            assert!(a["metrics"][name].as_f64().unwrap() >= 0.0, "{a}");
        }
        assert!(a["metrics"]["regret/slope"].is_number());
        assert!(a["metrics"]["regret/bound"].as_f64() > a["metrics"]["regret/final"].as_f64(), "{a}");
    }
    let book = std::fs::read_to_string(dir.path().join("2/bandit-seeds-001/sweep.json")).unwrap();
    let book: serde_json::Value = serde_json::from_str(&book).unwrap();
    let names = |of: &[serde_json::Value]| of.iter().map(|point| point["point"].to_string()).collect::<Vec<_>>();
    assert_eq!(names(book["done"].as_array().unwrap()), names(&one), "in their order, whichever ended first");
    let svg = std::fs::read_to_string(dir.path().join("2/bandit-seeds-001/regret.svg")).unwrap();
    assert!(svg.contains("stroke-dasharray=\"6 3\"") && svg.contains(", bound "), "what the theorem allows");
    assert!(svg.starts_with("<svg") && svg.matches("<polygon").count() == 1 && !svg.contains("NaN"), "{svg}");
}
