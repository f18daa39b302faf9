//! Whole evaluations against lm-eval's own: prompts, continuations, stop strings, answers, scores, means, groups.

mod common;
#[path = "common/parrot.rs"]
mod parrot;

use std::collections::BTreeSet;

use common::{fixture, list, text};
use parrot::{Parrot, write_rows};
use pbpo_eval::{Data, Options, Prepared, Results, Sample, Suite, evaluate};
use serde_json::{Map, Value};

#[test]
fn arc() {
    check("arc");
}

#[test]
fn mmlu() {
    check("mmlu");
}

#[test]
fn gsm8k() {
    check("gsm8k");
}

#[test]
fn bbh() {
    check("bbh");
}

#[test]
fn agieval() {
    check("agieval");
}

fn check(name: &str) {
    let fixture = fixture(name);
    let directory = tempfile::tempdir().expect("a directory");
    write_rows(&fixture, directory.path());
    for run in list(&fixture["runs"]) {
        if run["samples"].as_object().expect("samples").is_empty() {
            continue; // This run is used only for its groups.
        }
        let mut samples = Vec::new();
        let prepared = prepare(run, directory.path());
        let results = ask(run, &prepared, &mut samples);
        compare_samples(run, &prepared, &samples);
        let ours = results.json();
        for (key, theirs) in run["results"].as_object().expect("results") {
            compare(&ours[key], theirs, &format!("{name}/{key}"));
        }
        compare_groups(&results, &fixture, &prepared);
    }
}

fn prepare(run: &Value, directory: &std::path::Path) -> Prepared {
    let names: Vec<&str> = list(&run["names"]).iter().map(text).collect();
    let shots = run["shots"].as_u64().map(|shots| shots as usize);
    let suite = Suite::named(&names).expect("a suite");
    suite.prepare(&Data::new(directory), &Options { shots, ..Options::default() }).expect("rows")
}

fn ask(run: &Value, prepared: &Prepared, samples: &mut Vec<Vec<Sample>>) -> Results {
    let docs = prepared.tasks.iter().flat_map(|loaded| {
        let settings = &run["settings"][&loaded.task.name];
        list(&run["samples"][&loaded.task.name]).iter().map(move |doc| (doc.clone(), settings.clone()))
    });
    let mut parrot = Parrot { expected: docs.collect() };
    let results = evaluate(&mut parrot, prepared, |_, of_task| {
        samples.push(of_task.to_vec());
        Ok(())
    });
    assert!(parrot.expected.is_empty(), "lm-eval asks more");
    results.expect("results")
}

fn compare_samples(run: &Value, prepared: &Prepared, samples: &[Vec<Sample>]) {
    for (loaded, samples) in prepared.tasks.iter().zip(samples) {
        let name = &loaded.task.name;
        for sample in samples {
            let doc = &run["samples"][name][sample.doc_id];
            let expected = &doc["filters"][sample.filter];
            let filtered = expected.get("filtered").unwrap_or(&doc["responses"]);
            assert_eq!(sample.filtered_resps, written(filtered), "{name} {} {}", sample.doc_id, sample.filter);
            assert_eq!(sample.target, text(&written(&doc["target"])), "{name} {}", sample.doc_id);
            compare(&Value::Object(sample.scores.clone()), &expected["metrics"], name);
        }
        let filters = run["samples"][name][0]["filters"].as_object().expect("filters").len();
        assert_eq!(samples.len(), filters * list(&run["samples"][name]).len());
    }
}

/// Converts samples to the form in which lm-eval writes them: all values as text. A target that is a list becomes one
/// text.
fn written(value: &Value) -> Value {
    match value {
        Value::Array(items) if items.iter().all(|item| item.is_i64()) => value.to_string().replace(',', ", ").into(),
        Value::Array(items) => items.iter().map(written).collect(),
        Value::Bool(truth) => if *truth { "True" } else { "False" }.into(),
        Value::Number(_) => value.to_string().into(),
        other => other.clone(),
    }
}

/// Checks for equal keys, texts and lists, and for numbers within 1e-12.
fn compare(ours: &Value, theirs: &Value, at: &str) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let keys = |object: &Map<String, Value>| object.keys().cloned().collect::<BTreeSet<String>>();
            assert_eq!(keys(a), keys(b), "{at}");
            a.iter().for_each(|(key, value)| compare(value, &b[key], &format!("{at}/{key}")));
        }
        (Value::Number(a), Value::Number(b)) => {
            let distance = (a.as_f64().expect("a number") - b.as_f64().expect("a number")).abs();
            assert!(distance < 1e-12, "{at}: {a} {b}");
        }
        _ => assert_eq!(ours, theirs, "{at}"),
    }
}

/// The groups of other runs over the same tasks: `agieval_en` beside `agieval`.
fn compare_groups(results: &Results, fixture: &Value, prepared: &Prepared) {
    for run in list(&fixture["runs"]).iter().filter(|run| run["results"].get("results").is_none()) {
        let names: Vec<&str> = list(&run["names"]).iter().map(text).collect();
        let groups = Suite::named(&names).expect("a suite").groups;
        let known = |name: &String| prepared.tasks.iter().any(|loaded| loaded.task.name == *name);
        assert!(groups.iter().all(|group| group.members.iter().all(known)));
        compare(&results.regroup(&groups).json()["groups"], &run["results"]["groups"], names[0]);
    }
}
