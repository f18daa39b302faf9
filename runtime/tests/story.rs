//! The story of a run, as it goes and as it is read from the files.

#[path = "common/tiny.rs"]
mod tiny;

use std::fs;
use std::path::Path;

use burn::tensor::Device;
use pbpo_plan::{Op, Plan};
use pbpo_runtime::event::{Completion, Evaluation, Event, Metrics, Observer};
use pbpo_runtime::execute;
use pbpo_runtime::rundir::story::Story;
use pbpo_runtime::rundir::{RunDir, next_free};
use pbpo_runtime::shared::Shared;
use pbpo_runtime::state::RunState;
use tiny::{TINY, plan};

const EXACT: &str = "pbpo 1
use std/theory { exact_pbpo }
param seed: int = 0
world arms { of = bandit { arms = 40, dim = 3 }, norm = 2.0 }
policy pi { world = arms, class = points }
policy ref { follows = pi, update = each_episode }
reward_model r { world = arms }
exploration enhancer { world = arms, search = exact }
constraint confidence { on = r, keep = ellipsoid { scale = 0.2 } }
oracle judge { by = btl { score = arms.score } }
pipeline main = exact_pbpo(pi, ref, r, enhancer, confidence, judge, arms, episodes = 30)
";

fn ran(plan: &Plan, root: &Path) -> RunDir {
    let mut dir = RunDir::create(next_free(root, "run").unwrap(), plan, "cpu").unwrap();
    let mut state = RunState::default();
    execute(plan, &Device::flex(), &mut dir, &mut state, &mut Shared::default()).unwrap();
    dir.finish(plan, &state.env).unwrap();
    dir
}

/// A number whose shortest text comes back an ulp off without `float_roundtrip`, among others.
fn hard() -> Metrics {
    let values = [2.638_344_616_030_823e-256, 0.1 + 0.2, -0.0, f64::MIN_POSITIVE, 5e-324, 1e17, f64::MAX];
    values.iter().enumerate().map(|(at, value)| (format!("hard/{at}"), *value)).collect()
}

/// Every kind of event but labelled pairs.
fn events() -> Vec<Event> {
    let stage = || "s".to_owned();
    let completions = vec![
        Completion { prompt: "a\n\"b\"".into(), completion: "\u{1b}東".into(), score: Some(1.0 / 3.0) },
        Completion { prompt: String::new(), completion: "\u{2028}".into(), score: None },
    ];
    let (label, subject) = ("report".to_owned(), "pi on held".to_owned());
    let (looped, before, step, metrics) = (true, true, 3, hard());
    vec![
        Event::Stage { name: stage(), op: Op::Imitate, reused: true },
        Event::Loaded { stage: stage(), name: "org/name".into(), revision: Some("abc".into()), digest: "d".into() },
        Event::Loaded { stage: "t".into(), name: "dir".into(), revision: None, digest: "e".into() },
        Event::Notice { stage: stage(), text: "two\nlines".into() },
        Event::Progress { stage: stage(), done: 1, total: 2, metrics: hard() },
        Event::Episode { done: 1, total: 2, step: 1, metrics: hard() },
        Event::Figures { stage: stage(), step: 1, metrics: hard() },
        Event::Evaluation(Evaluation { label, subject, looped, before, step, metrics, completions }),
        Event::Summary { metrics: hard() },
        Event::Usage { generated: u64::MAX },
    ]
}

/// Tells a run these events and returns its directory.
fn told(root: &Path, events: &[Event]) -> RunDir {
    let mut dir = RunDir::create(next_free(root, "run").unwrap(), &plan(TINY, &[]), "cpu").unwrap();
    events.iter().for_each(|event| dir.event(event).unwrap());
    dir
}

fn bits(metrics: &Metrics) -> Vec<u64> {
    metrics.values().map(|value| value.to_bits()).collect()
}

#[test]
fn the_files_of_a_run_tell_what_the_run_told() {
    let root = tempfile::tempdir().unwrap();
    let longer = TINY.replace("repeat 2 episodes", "repeat 5 episodes");
    let head = longer.trim_end().strip_suffix("  }\n}").unwrap();
    let saves = format!(
        "{head}    save(pi, every = 1, keep = 2)\n    save(r, every = 2)\n  }}\n  save(pi)\n  last = evaluate(pi, held)\n}}\n"
    );
    let early = TINY.replace("pipeline main {\n", "pipeline main {\n  y9 = sample(ref, prompts, count = 4)\n  y8 = explore(enhancer, prompts, against = y9)\n  prefs += label(y8, y9, by = judge)\n");
    for (source, evaluations, checkpoints) in [(TINY, 3, 0), (&saves, 7, 5), (&early, 3, 0), (EXACT, 0, 0)] {
        let dir = ran(&plan(source, &[]), root.path());
        let read = Story::read(dir.path()).unwrap();
        assert!(read == *dir.story(), "{read:#?} and {:#?}", dir.story());
        assert_eq!(read.results(), dir.story().results());
        assert!(!read.episodes.is_empty() && read.generated.is_some());
        assert_eq!(
            (read.evaluations.len(), read.checkpoints.len()),
            (evaluations, checkpoints),
            "{:?}",
            read.checkpoints
        );
        assert_eq!(!read.summary.is_empty(), source == EXACT);
        assert!(read.checkpoints.iter().all(|saved| dir.path().join(saved.path()).join("config.json").exists()));
    }
}

#[test]
fn every_event_comes_back_bit_for_bit() {
    let root = tempfile::tempdir().unwrap();
    let mut dir = told(root.path(), &events());
    dir.fail("stopped", &Default::default()).unwrap();
    let read = Story::read(dir.path()).unwrap();
    assert!(read == *dir.story(), "{read:#?} and {:#?}", dir.story());
    for metrics in [&read.episodes[0], &read.outside, &read.summary, &read.evaluations[0].metrics] {
        assert_eq!(bits(metrics), bits(&hard()));
    }
    assert_eq!((read.notices.len(), read.models.len(), read.generated), (1, 2, Some(u64::MAX)));
    let log = fs::read_to_string(dir.path().join("events.jsonl")).unwrap();
    let kinds: Vec<String> = log
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["log", "stage", "model", "model", "notice", "evaluation", "summary", "usage"]);
    let manifest = fs::read_to_string(dir.path().join("run.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["notices"], serde_json::json!([{ "stage": "s", "text": "two\nlines" }]));
    assert_eq!(manifest["models"]["t"], serde_json::json!({ "name": "dir", "revision": null, "digest": "e" }));
    assert_eq!(manifest["generated_tokens"], serde_json::json!(u64::MAX));
}

/// A killed run may leave a part of a line at the end: wherever the files are cut, the lines before it are read.
#[test]
fn an_incomplete_last_line_is_left_out() {
    let root = tempfile::tempdir().unwrap();
    let dir = told(root.path(), &events());
    for file in ["events.jsonl", "metrics.jsonl"] {
        let path = dir.path().join(file);
        let whole = fs::read(&path).unwrap();
        let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
        fs::write(&path, &whole[..last]).unwrap();
        let without = Story::read(dir.path()).unwrap();
        for cut in last..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            assert!(Story::read(dir.path()).unwrap() == without, "{file} at {cut}");
        }
        fs::write(&path, "").unwrap();
        assert!(Story::read(dir.path()).is_ok(), "{file} was not begun");
        fs::write(&path, whole).unwrap();
    }
    assert!(Story::read(dir.path()).unwrap() == *dir.story());
}

#[test]
fn a_damaged_line_is_an_error_with_its_file_and_number() {
    let root = tempfile::tempdir().unwrap();
    let dir = told(root.path(), &events());
    let metrics = |line: &str| ("metrics.jsonl", line.to_owned());
    let event = |line: &str| ("events.jsonl", line.to_owned());
    let damaged = [
        (metrics("{\"step\":1,\"split\":\"tr"), "EOF"),
        (metrics("{\"step\":1,\"split\":\"test\",\"a\":1.0}"), "`split`"),
        (metrics("{\"split\":\"train\",\"a\":1.0}"), "`step`"),
        (metrics("{\"step\":1,\"split\":\"train\",\"a\":null}"), "`a` is null"),
        (event(""), "EOF"),
        (event("{\"kind\":\"rumour\",\"text\":\"x\"}"), "rumour"),
        (event("{\"kind\":\"notice\",\"stage\":\"s\",\"text\":\"x\",\"mood\":1}"), "mood"),
        (event("{\"kind\":\"notice\",\"stage\":\"s\"}"), "text"),
        (event("{\"kind\":\"stage\",\"name\":\"s\",\"op\":\"dance\",\"reused\":false}"), "dance"),
        (event("{\"kind\":\"log\",\"version\":2}"), "version 2, and this pbpoc reads version 1"),
    ];
    for ((file, line), reason) in damaged {
        let path = dir.path().join(file);
        let whole = fs::read_to_string(&path).unwrap();
        let (first, rest) = whole.split_once('\n').unwrap();
        fs::write(&path, format!("{first}\n{line}\n{rest}")).unwrap();
        let fault = Story::read(dir.path()).unwrap_err().message;
        assert!(fault.contains(&format!("{file}`, line 2, ")) && fault.contains(reason), "{fault}");
        fs::write(&path, whole).unwrap();
    }
    let evaluated = fs::read_to_string(dir.path().join("events.jsonl")).unwrap();
    let path = dir.path().join("events.jsonl");
    fs::write(&path, evaluated.replace("\"looped\":true", "\"looped\":true,\"mood\":1")).unwrap();
    assert!(Story::read(dir.path()).unwrap_err().message.contains("mood"));
    fs::write(&path, evaluated.split_once('\n').unwrap().1).unwrap();
    assert!(Story::read(dir.path()).unwrap_err().message.contains("line 1, is damaged: the first line"));
}
