//! `save`: checkpoints during a run.

#[path = "common/tiny.rs"]
mod tiny;

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use pbpo_plan::Plan;
use pbpo_runtime::env::Env;
use pbpo_runtime::execute;
use pbpo_runtime::host::Host;
use pbpo_runtime::model::Decoder;
use pbpo_runtime::model::disk::{self, floats};
use pbpo_runtime::rundir::{RunDir, next_free};
use pbpo_runtime::shared::Shared;
use pbpo_runtime::state::RunState;
use pbpo_runtime::value::Value;
use serde_json::Value as Json;
use tiny::{TINY, plan, run};

/// Returns the tiny pipeline with six episodes and these statements at the end of each, and after the loop.
fn source(inside: &str, behind: &str) -> String {
    let longer = TINY.replace("repeat 2 episodes", "repeat 6 episodes");
    let head = longer.trim_end().strip_suffix("  }\n}").unwrap();
    format!("{head}{inside}\n  }}\n{behind}\n}}\n")
}

/// Runs in a new directory under `root`.
fn saved(plan: &Plan, root: &Path, shared: &mut Shared) -> (RunDir, Env) {
    let mut dir = RunDir::create(next_free(root, "run").unwrap(), plan, "cpu").unwrap();
    let mut state = RunState::default();
    execute(plan, &Device::flex(), &mut dir, &mut state, shared).unwrap();
    dir.finish(plan, &state.env).unwrap();
    (dir, state.env)
}

fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Returns the directories of a player's checkpoints.
fn steps(dir: &Path, player: &str) -> Vec<String> {
    names(&dir.join("checkpoints").join(player)).into_iter().filter(|name| name.contains("step-")).collect()
}

fn manifest(dir: &Path) -> Json {
    serde_json::from_str(&std::fs::read_to_string(dir.join("run.json")).unwrap()).unwrap()
}

fn logits(model: &Decoder) -> Vec<f32> {
    floats(model.logits(model.hidden(model.tokens(1, vec![1, 5, 6, 7]), None)))
}

fn load(dir: PathBuf) -> disk::Loaded {
    disk::load(&dir.display().to_string(), &Host::from(&Device::flex())).unwrap()
}

#[test]
fn the_newest_stay_and_the_last_is_the_player_as_it_ends() {
    let root = tempfile::tempdir().unwrap();
    let plan =
        plan(&source("    save(pi, every = 2, keep = 2)\n    save(r, every = 3)", "  save(ref, every = 4)"), &[]);
    let (dir, _) = saved(&plan, root.path(), &mut Shared::default());
    assert_eq!(steps(dir.path(), "pi"), ["step-000004", "step-000006"]);
    assert_eq!(steps(dir.path(), "r"), ["step-000003", "step-000006"]);
    assert_eq!(steps(dir.path(), "ref"), ["step-000006"]);
    let at = |path: &str| dir.path().join("checkpoints").join(path);
    for (player, class) in [("pi", "LlamaForCausalLM"), ("r", "LlamaForSequenceClassification")] {
        let (last, end) = (at(player).join("step-000006"), at(player));
        let files: Vec<String> = names(&end).into_iter().filter(|name| !name.contains("step-")).collect();
        assert_eq!(names(&last), files, "the same files as at the end");
        for file in files {
            assert_eq!(std::fs::read(last.join(&file)).unwrap(), std::fs::read(end.join(&file)).unwrap(), "{file}");
        }
        assert!(std::fs::read_to_string(last.join("config.json")).unwrap().contains(class));
    }
    assert_ne!(logits(&load(at("pi/step-000004")).model), logits(&load(at("pi/step-000006")).model));
    let entry = |player: &str, step: usize| serde_json::json!({ "player": player, "step": step, "path": format!("checkpoints/{player}/step-{step:06}") });
    let wanted = [entry("r", 3), entry("pi", 4), entry("pi", 6), entry("r", 6), entry("ref", 6)];
    assert_eq!(manifest(dir.path())["checkpoints"], Json::from(wanted.to_vec()));
}

/// The run's end writes trained players; a follower is only written by `save`.
#[test]
fn the_last_state_of_a_follower_is_saved() {
    let root = tempfile::tempdir().unwrap();
    let (dir, _) = saved(&plan(&source("    save(ref, every = 4)", ""), &[]), root.path(), &mut Shared::default());
    assert_eq!(steps(dir.path(), "ref"), ["step-000004", "step-000006"]);
}

#[test]
fn a_run_with_checkpoints_is_bitwise_the_run_without() {
    let behind =
        "  last = evaluate(pi, held)\n  repeat 2 { z = sample(pi, prompts, count = 8)\n ascend pi on mean(r(z)) }";
    let without = run(&plan(&source("", behind), &[])).unwrap();
    let with = run(&plan(&source("    save(pi, every = 2)\n    save(r)", behind), &[])).unwrap();
    assert!(without.episodes.len() == 8 && without.evaluations.len() > 7);
    assert_eq!(with, without);
}

#[test]
fn steps_are_counted_on_through_several_loops() {
    let root = tempfile::tempdir().unwrap();
    let behind =
        "  repeat 4 episodes { z = sample(pi, prompts, count = 8)\n ascend pi on mean(r(z))\n save(pi, every = 2) }";
    let text = source("    save(pi, every = 3)", &format!("  save(r)\n{behind}")).replacen(
        "  repeat 6",
        "  save(pi)\n  repeat 6",
        1,
    );
    let (dir, _) = saved(&plan(&text, &[]), root.path(), &mut Shared::default());
    let wanted = ["step-000000", "step-000003", "step-000006", "step-000008", "step-000010"];
    assert_eq!(
        (steps(dir.path(), "pi").as_slice(), steps(dir.path(), "r")),
        (&wanted.map(str::to_owned)[..], vec!["step-000006".to_owned()])
    );
}

/// If two statements have saved the same step, neither removes the other's.
#[test]
fn a_statement_removes_its_own_alone() {
    let root = tempfile::tempdir().unwrap();
    let inside = "    save(pi, keep = 1)\n    save(pi, every = 2)";
    let (dir, env) = saved(&plan(&source(inside, ""), &[]), root.path(), &mut Shared::default());
    assert_eq!(steps(dir.path(), "pi"), ["step-000002", "step-000004", "step-000006"]);
    let last = env.values.iter().filter_map(|(name, value)| match value {
        Value::Player(player) if name.block() == "pi" => Some(player),
        _ => None,
    });
    let last: Vec<Vec<f32>> = last.map(|policy| logits(policy.model.backbone())).collect();
    assert!(last.contains(&logits(&load(dir.path().join("checkpoints/pi/step-000006")).model)));
}

#[test]
fn every_point_of_a_sweep_has_its_own() {
    let root = tempfile::tempdir().unwrap();
    let text = source("    save(pi, every = 6)", "  save(r)\n  last = evaluate(pi, held)");
    let plans = [plan(&text, &[]), plan(&source("", "  last = evaluate(pi, held)"), &[]), plan(&text, &[])];
    let mut shared = Shared::new(&plans);
    let dirs: Vec<RunDir> = plans.iter().map(|plan| saved(plan, root.path(), &mut shared).0).collect();
    assert_eq!(shared.held(), 0);
    for dir in [&dirs[0], &dirs[2]] {
        assert_eq!(
            (steps(dir.path(), "pi"), steps(dir.path(), "r")),
            (vec!["step-000006".to_owned()], vec!["step-000006".to_owned()])
        );
    }
    assert!(steps(dirs[1].path(), "pi").is_empty() && manifest(dirs[1].path())["checkpoints"].is_null());
    assert!(dirs.iter().all(|dir| dir.story().results() == dirs[0].story().results()));
}

#[test]
fn a_checkpoint_that_cannot_be_written_stops_the_run_and_loses_nothing() {
    let root = tempfile::tempdir().unwrap();
    let plan = plan(&source("    save(pi, every = 2)\n    save(r, every = 4)", ""), &[]);
    let mut dir = RunDir::create(next_free(root.path(), "run").unwrap(), &plan, "cpu").unwrap();
    // A file is in the place of the directory of `r`.
    std::fs::create_dir_all(dir.path().join("checkpoints")).unwrap();
    std::fs::write(dir.path().join("checkpoints/r"), "").unwrap();
    let mut state = RunState::default();
    let fault = execute(&plan, &Device::flex(), &mut dir, &mut state, &mut Shared::default()).unwrap_err();
    assert_eq!(fault.stage.as_deref(), Some("r.save"));
    assert!(fault.message.contains("checkpoints/r/step-000004` can't be written: "), "{fault}");
    assert!(fault.help.as_ref().unwrap().contains("free some space"), "{fault:?}");
    assert!(dir.fail(&fault.to_string(), &state.env).is_err(), "nor can the player at the end");
    assert_eq!(steps(dir.path(), "pi"), ["step-000002", "step-000004"]);
    assert!(dir.path().join("checkpoints/pi/model.safetensors").exists(), "other players are written");
    let manifest = manifest(dir.path());
    assert_eq!((&manifest["status"], &manifest["error"]), (&"failed".into(), &fault.to_string().into()));
    assert_eq!(manifest["checkpoints"].as_array().unwrap().len(), 2);
    assert_eq!(std::fs::read_to_string(dir.path().join("metrics.jsonl")).unwrap().matches("\"split\"").count(), 3);
}

/// A half-written checkpoint of a killed run has a temporary name and does not disturb later runs.
#[test]
fn half_a_checkpoint_bears_no_final_name() {
    let root = tempfile::tempdir().unwrap();
    let plan = plan(&source("    save(pi, every = 6)", ""), &[]);
    let mut dir = RunDir::create(next_free(root.path(), "run").unwrap(), &plan, "cpu").unwrap();
    // The tokenizer, which is written last, finds a directory in its place.
    let part = dir.path().join("checkpoints/pi/.step-000006.part");
    std::fs::create_dir_all(part.join("tokenizer.json/x")).unwrap();
    let mut state = RunState::default();
    let fault = execute(&plan, &Device::flex(), &mut dir, &mut state, &mut Shared::default()).unwrap_err();
    assert!(fault.message.contains("step-000006` can't be written: tokenizer.json: "), "{fault}");
    assert_eq!(names(&dir.path().join("checkpoints/pi")), [""; 0]);
    assert!(manifest(dir.path())["checkpoints"].is_null());
}
