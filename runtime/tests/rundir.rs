//! What a run leaves on disk, and which evaluations its before and after are.

#[path = "common/tiny.rs"]
mod tiny;

use burn::tensor::Device;
use pbpo_runtime::env::Env;
use pbpo_runtime::event::{Event, Metrics, Observer};
use pbpo_runtime::execute;
use pbpo_runtime::rundir::{RunDir, next_free};
use pbpo_runtime::shared::Shared;
use tiny::{TINY, Told, plan, short_context};

fn evaluation(run: &mut RunDir, label: &str, before: bool, step: usize, accuracy: f64) {
    let metrics: Metrics = [("accuracy".to_owned(), accuracy)].into();
    run.event(&Event::Evaluation { label: label.to_owned(), before, step, metrics, completions: Vec::new() }).unwrap();
}

#[test]
fn before_and_after_are_of_one_report() {
    let root = tempfile::tempdir().unwrap();
    let mut run = RunDir::create(next_free(root.path(), "test").unwrap(), &plan(TINY, &[]), "cpu").unwrap();
    evaluation(&mut run, "main", true, 0, 0.1);
    evaluation(&mut run, "other", true, 0, 0.2);
    evaluation(&mut run, "main", false, 10, 0.3);
    evaluation(&mut run, "other", false, 10, 0.4);
    evaluation(&mut run, "main", true, 10, 0.5);
    evaluation(&mut run, "other", false, 20, 0.6);
    let results = run.results();
    let accuracy = |name: &str| results[&format!("accuracy/{name}")];
    assert_eq!((accuracy("before"), accuracy("after")), (0.1, 0.5));
    assert_eq!((accuracy("main"), accuracy("other")), (0.3, 0.6));
}

#[test]
fn a_run_leaves_everything_and_the_next_one_its_own_directory() {
    let root = tempfile::tempdir().unwrap();
    let plan = plan(TINY, &[]);
    for number in ["001", "002"] {
        let mut run = RunDir::create(next_free(root.path(), "test").unwrap(), &plan, "cpu").unwrap();
        let mut env = Env::default();
        execute(&plan, &Device::flex(), &mut run, &mut env, &mut Shared::default()).unwrap();
        run.finish(&plan, &env).unwrap();
        assert_eq!(run.path(), root.path().join(format!("test-{number}")));
        for file in ["plan.txt", "plan.json", "run.json", "report.html", "checkpoints/pi/model.safetensors"] {
            assert!(run.path().join(file).metadata().unwrap().len() > 0, "{file}");
        }
        let lines = |file: &str| std::fs::read_to_string(run.path().join(file)).unwrap().lines().count();
        assert_eq!(lines("preferences.jsonl"), 2 * 16);
        // Imitation every 10 of 20 steps, 2 episodes, 3 evaluations.
        assert_eq!(lines("metrics.jsonl"), 2 + 2 + 3);
        let manifest: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(run.path().join("run.json")).unwrap()).unwrap();
        assert_eq!((&manifest["status"], &manifest["seed"]), (&"done".into(), &0.into()));
    }
}

/// Behind a run there is one version of each player; where they started, and what they were in between, is gone.
#[test]
fn models_that_nobody_reads_are_let_go_of() {
    let (mut told, mut env) = (Told::default(), Env::default());
    execute(&plan(TINY, &[]), &Device::flex(), &mut told, &mut env, &mut Shared::default()).unwrap();
    let mut left: Vec<&String> =
        env.values.iter().filter(|(_, value)| value.has_weights()).map(|(name, _)| name).collect();
    left.sort();
    let mut blocks: Vec<&str> = left.iter().map(|name| name.split('@').next().unwrap()).collect();
    let all = blocks.len();
    blocks.dedup();
    assert_eq!(blocks.len(), all, "{left:?}");
    assert!(blocks.contains(&"pi") && blocks.contains(&"r") && !blocks.contains(&"pi.init"), "{left:?}");
}

/// A step that fails leaves the player as it was before.
#[test]
fn a_player_whose_step_fails_is_still_there() {
    // The objective is finite, the square of its gradient is not.
    let steep = TINY.replace("ascend pi on gap(r, y, y0) -", "ascend pi on 1e36 * entropy(pi, y) -");
    assert_ne!(steep, TINY);
    let plan = plan(&steep, &[]);
    let (mut told, mut env) = (Told::default(), Env::default());
    let failed = execute(&plan, &Device::flex(), &mut told, &mut env, &mut Shared::default()).unwrap_err();
    assert!(failed.message.contains("the gradient's norm is"), "{}", failed.message);
    for player in ["pi@", "r@"] {
        assert!(env.values.keys().any(|name| name.starts_with(player)), "{player}");
    }
}

#[test]
fn a_run_that_fails_with_nothing_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let plan = plan(TINY, &[]);
    let failed = || {
        let mut run = RunDir::create(next_free(root.path(), "test").unwrap(), &plan, "cpu").unwrap();
        run.fail("no such file", &Env::default()).unwrap();
        run
    };
    let run = failed();
    let path = run.path().to_owned();
    assert!(run.discard() && !path.exists());
    // What is not the run's own is not removed.
    let run = failed();
    let path = run.path().to_owned();
    std::fs::write(path.join("notes.txt"), "mine").unwrap();
    assert!(!run.discard() && path.join("notes.txt").exists());
    // Nor is what it has of value.
    let mut run = RunDir::create(next_free(root.path(), "test").unwrap(), &plan, "cpu").unwrap();
    evaluation(&mut run, "main", true, 0, 0.1);
    run.fail("later", &Env::default()).unwrap();
    let path = run.path().to_owned();
    assert!(!run.discard() && path.join("run.json").exists() && path.join("plan.txt").exists());
}

#[test]
fn a_failed_run_keeps_its_policies_and_says_why() {
    let root = tempfile::tempdir().unwrap();
    let plan = short_context(9);
    let mut run = RunDir::create(next_free(root.path(), "test").unwrap(), &plan, "cpu").unwrap();
    let mut env = Env::default();
    let fault = execute(&plan, &Device::flex(), &mut run, &mut env, &mut Shared::default()).unwrap_err();
    run.fail(&fault.to_string(), &env).unwrap();
    assert!(run.path().join("checkpoints/pi/model.safetensors").exists());
    let manifest = std::fs::read_to_string(run.path().join("run.json")).unwrap();
    assert!(manifest.contains("\"failed\"") && manifest.contains("does not fit into 9"), "{manifest}");
}
