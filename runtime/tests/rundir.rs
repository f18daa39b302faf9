//! The files of a run, and its evaluations before and after.

#[path = "common/tiny.rs"]
mod tiny;

use burn::tensor::Device;
use pbpo_runtime::env::Env;
use pbpo_runtime::event::{Completion, Evaluation, Event, Metrics, Observer};
use pbpo_runtime::execute;
use pbpo_runtime::rundir::{RunDir, next_free};
use pbpo_runtime::shared::Shared;
use pbpo_runtime::state::RunState;
use tiny::{TINY, Told, plan, short_context};

fn evaluation(run: &mut RunDir, label: &str, before: bool, step: usize, accuracy: f64) {
    measured(run, [label, label], [true, before], step, accuracy);
}

/// Adds an evaluation with its label and subject; flags tell if it belongs to a loop, and if it precedes the first
/// iteration.
fn measured(run: &mut RunDir, [label, subject]: [&str; 2], [looped, before]: [bool; 2], step: usize, accuracy: f64) {
    let metrics: Metrics = [("accuracy".to_owned(), accuracy)].into();
    let (label, subject) = (label.to_owned(), subject.to_owned());
    let completion = Completion { prompt: format!("<{label}>"), completion: "\u{1b}[2J".into(), score: None };
    let completions = vec![completion];
    run.event(&Event::Evaluation(Evaluation { label, subject, looped, before, step, metrics, completions })).unwrap();
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
    let results = run.story().results();
    let accuracy = |name: &str| results[&format!("accuracy/{name}")];
    assert_eq!((accuracy("before"), accuracy("after")), (0.1, 0.5));
    assert_eq!((accuracy("main"), accuracy("other")), (0.3, 0.6));
}

/// The headline of a run covers all its loops, with any names of their reports.
#[test]
fn a_later_loop_ends_what_an_earlier_one_began() {
    let root = tempfile::tempdir().unwrap();
    let mut run = RunDir::create(next_free(root.path(), "test").unwrap(), &plan(TINY, &[]), "cpu").unwrap();
    measured(&mut run, ["first", "pi on held"], [false, false], 0, 0.05);
    measured(&mut run, ["warm", "pi on held"], [true, true], 0, 0.1);
    measured(&mut run, ["warm", "pi on held"], [true, false], 3, 0.2);
    measured(&mut run, ["main", "pi on held"], [true, true], 3, 0.3);
    measured(&mut run, ["other", "pi on train"], [true, false], 5, 0.9);
    measured(&mut run, ["main", "pi on held"], [true, false], 5, 0.4);
    measured(&mut run, ["last", "pi on held"], [false, false], 5, 0.5);
    let results = run.story().results();
    assert_eq!((results["accuracy/before"], results["accuracy/after"]), (0.1, 0.4));
    let others: Vec<&str> = run.story().other_reports().iter().map(|report| report.label.as_str()).collect();
    assert_eq!(others, ["first", "other", "last"]);
}

/// Two reports outside loops are not shown as before and after.
#[test]
fn reports_without_a_loop_go_by_their_names() {
    let root = tempfile::tempdir().unwrap();
    let tiny = plan(TINY, &[]);
    let mut run = RunDir::create(next_free(root.path(), "test").unwrap(), &tiny, "cpu").unwrap();
    measured(&mut run, ["easy", "pi on easy"], [false, false], 0, 1.0);
    measured(&mut run, ["hard", "pi on hard"], [false, false], 0, 0.25);
    assert!(run.story().first_and_last().is_none());
    let results = run.story().results();
    let names: Vec<&str> = results.keys().map(String::as_str).collect();
    assert_eq!(names, ["accuracy/easy", "accuracy/hard"]);
    run.finish(&tiny, &Env::default()).unwrap();
    let page = std::fs::read_to_string(run.path().join("report.html")).unwrap();
    assert!(page.contains("pi on hard") && !page.contains("<th>before</th>"), "{page}");
    assert!(page.contains("&lt;easy&gt;") && !page.contains('\u{1b}'), "{page}");
}

/// `step` counts through the loops of a run, and figures recorded before the first loop are written too.
#[test]
fn steps_count_through_all_loops_and_figures_outside_of_them_are_written() {
    let root = tempfile::tempdir().unwrap();
    let (head, _) = TINY.split_once("pipeline main").unwrap();
    let text = format!(
        "{head}pipeline main {{
  y_ref  = sample(ref, prompts, count = 4)
  y_new  = explore(enhancer, prompts, against = y_ref)
  prefs += label(y_new, y_ref, by = judge)
  repeat 2 {{
    a = sample(pi, prompts, count = 4)
    ascend pi on entropy(pi, a)
    early = evaluate(pi, held, count = 4)
  }}
  repeat 3 {{
    c = sample(pi, prompts, count = 4)
    d = sample(ref, prompts, count = 4)
    e = explore(enhancer, prompts, against = d)
    prefs += label(e, d, by = judge)
    ascend pi on entropy(pi, c)
    late = evaluate(pi, held, count = 4, every = 2)
  }}
}}
"
    );
    let plan = plan(&text, &[]);
    let mut run = RunDir::create(next_free(root.path(), "test").unwrap(), &plan, "cpu").unwrap();
    let mut state = RunState::default();
    execute(&plan, &Device::flex(), &mut run, &mut state, &mut Shared::default()).unwrap();
    run.finish(&plan, &state.env).unwrap();
    let lines: Vec<serde_json::Value> = std::fs::read_to_string(run.path().join("metrics.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let steps = |key: &str, name: &str| -> Vec<u64> {
        lines.iter().filter(|line| line[key] == name).map(|line| line["step"].as_u64().unwrap()).collect()
    };
    assert_eq!(steps("split", "train"), [1, 2, 3, 4, 5]);
    assert_eq!(steps("evaluation", "early"), [0, 1, 2]);
    assert_eq!(steps("evaluation", "late"), [2, 4, 5]);
    let outside = |figure: &str| lines.iter().any(|line| line["stage"].is_string() && line[figure].is_number());
    assert!(outside("explorer/logdet") && outside("oracle/labels"), "{lines:#?}");
    let results = run.story().results();
    // The last figures of the loops are kept, and those of the stage outside for names that no loop has.
    assert!(results.contains_key("explorer/logdet") && !results.keys().any(|name| name.starts_with("timing")));
    let (first, last) = run.story().first_and_last().unwrap();
    assert_eq!((first.step, first.label.as_str(), last.step, last.label.as_str()), (0, "early", 5, "late"));
    let pairs = std::fs::read_to_string(run.path().join("preferences.jsonl")).unwrap();
    let episodes: std::collections::BTreeSet<u64> = pairs
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["episode"].as_u64().unwrap())
        .collect();
    assert!(episodes.contains(&0) && episodes.contains(&5) && !episodes.contains(&1), "{episodes:?}");
}

#[test]
fn a_run_leaves_everything_and_the_next_one_its_own_directory() {
    let root = tempfile::tempdir().unwrap();
    let plan = plan(TINY, &[]);
    for number in ["001", "002"] {
        let mut run = RunDir::create(next_free(root.path(), "test").unwrap(), &plan, "cpu").unwrap();
        let mut state = RunState::default();
        execute(&plan, &Device::flex(), &mut run, &mut state, &mut Shared::default()).unwrap();
        run.finish(&plan, &state.env).unwrap();
        assert_eq!(run.path(), root.path().join(format!("test-{number}")));
        for file in ["plan.txt", "plan.json", "run.json", "report.html", "checkpoints/pi/model.safetensors"] {
            assert!(run.path().join(file).metadata().unwrap().len() > 0, "{file}");
        }
        let lines = |file: &str| std::fs::read_to_string(run.path().join(file)).unwrap().lines().count();
        assert_eq!(lines("preferences.jsonl"), 2 * 16);
        // Imitation writes every 10 of 20 steps; there are 2 episodes and 3 evaluations.
        assert_eq!(lines("metrics.jsonl"), 2 + 2 + 3);
        let manifest: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(run.path().join("run.json")).unwrap()).unwrap();
        assert_eq!((&manifest["status"], &manifest["seed"]), (&"done".into(), &0.into()));
    }
}

/// After a run one version of each player exists; the initial and intermediate ones are dropped.
#[test]
fn models_that_nobody_reads_are_let_go_of() {
    let (mut told, mut state) = (Told::default(), RunState::default());
    execute(&plan(TINY, &[]), &Device::flex(), &mut told, &mut state, &mut Shared::default()).unwrap();
    let mut left: Vec<&pbpo_plan::ValueName> =
        state.env.values.iter().filter(|(_, value)| value.has_weights()).map(|(name, _)| name).collect();
    left.sort();
    let mut blocks: Vec<&str> = left.iter().map(|name| name.block()).collect();
    let all = blocks.len();
    blocks.dedup();
    assert_eq!(blocks.len(), all, "{left:?}");
    assert!(blocks.contains(&"pi") && blocks.contains(&"r") && !blocks.contains(&"pi.init"), "{left:?}");
}

/// A step that fails leaves the player as it was before.
#[test]
fn a_player_whose_step_fails_is_still_there() {
    // The objective is finite, but the square of its gradient is not.
    let steep = TINY.replace("ascend pi on gap(r, y, y0) -", "ascend pi on 1e36 * entropy(pi, y) -");
    assert_ne!(steep, TINY);
    let plan = plan(&steep, &[]);
    let (mut told, mut state) = (Told::default(), RunState::default());
    let failed = execute(&plan, &Device::flex(), &mut told, &mut state, &mut Shared::default()).unwrap_err();
    assert!(failed.message.contains("the gradient's norm is"), "{}", failed.message);
    for player in ["pi", "r"] {
        assert!(state.env.values.keys().any(|name| name.block() == player), "{player}");
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
    // Files of other origin are not removed.
    let run = failed();
    let path = run.path().to_owned();
    std::fs::write(path.join("notes.txt"), "mine").unwrap();
    assert!(!run.discard() && path.join("notes.txt").exists());
    // Valuable results are not removed either.
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
    let mut state = RunState::default();
    let fault = execute(&plan, &Device::flex(), &mut run, &mut state, &mut Shared::default()).unwrap_err();
    run.fail(&fault.to_string(), &state.env).unwrap();
    assert!(run.path().join("checkpoints/pi/model.safetensors").exists());
    let manifest = std::fs::read_to_string(run.path().join("run.json")).unwrap();
    assert!(manifest.contains("\"failed\"") && manifest.contains("does not fit into 9"), "{manifest}");
}
