//! A run that is saved, dropped and loaded into a fresh environment at every boundary ends as one that was never
//! stopped: events, counters and weights, bit for bit. Every fixture and every pipeline that runs without a server or a
//! download is run so, with few iterations.

#[path = "common/broken.rs"]
mod broken;

#[path = "../../compiler/tests/common/mod.rs"]
mod common;

use std::collections::BTreeSet;

use broken::tiny::{TINY, Told, plan};
use broken::{Breaks, run, survives};
use burn::tensor::Device;
use common::plans::{self, Made};
use pbpo_plan::identity::{identities, identities_of_made};
use pbpo_plan::{Body, Op, Plan, passes};
use pbpo_runtime::host::Host;
use pbpo_runtime::shared::Shared;
use pbpo_runtime::state::{RunState, STATE_VERSION, Snapshot};
use pbpo_runtime::{Execution, Fault};
use serde_json::{Value as Json, json};

/// Returns a plan with few iterations, steps and rows.
fn shrunk(plan: &Plan) -> Plan {
    fn smaller(stage: &mut Json) {
        let per_prompt = stage["config"]["per_prompt"].as_u64().unwrap_or(1);
        let op = stage["op"].as_str().unwrap_or_default().to_owned();
        if let Some(config) = stage.get_mut("config").and_then(Json::as_object_mut) {
            for (key, value) in config {
                let most = match (op.as_str(), key.as_str()) {
                    ("repeat", "count") => 2,
                    ("imitate", "steps") => 3,
                    ("sample", "count") => 2 * per_prompt,
                    ("data" | "evaluate" | "draw" | "refresh", "count") | ("imitate", "batch") => 6,
                    _ => continue,
                };
                if let Some(number) = value.as_u64() {
                    *value = json!(number.min(most));
                }
            }
        }
        stage["body"]["stages"].as_array_mut().into_iter().flatten().for_each(smaller);
        if stage["body"]["stages"].is_null() {
            stage.as_object_mut().unwrap().remove("body");
        }
    }
    let mut json: Json = serde_json::from_str(&plan.to_json()).unwrap();
    json["body"]["stages"].as_array_mut().unwrap().iter_mut().for_each(smaller);
    Plan::from_json(&json.to_string()).unwrap()
}

fn has(body: &Body, op: Op) -> bool {
    body.stages().any(|stage| stage.op == op || stage.body.as_deref().is_some_and(|inner| has(inner, op)))
}

/// Tells whether a plan needs a server or a download.
fn is_remote(plan: &Plan) -> bool {
    let text = plan.to_json();
    has(&plan.body, Op::Load) || text.contains("\"url\"") || text.contains("\"chat\"") || text.contains("\"hub\"")
}

#[test]
fn every_fixture_survives_a_break_at_every_boundary() {
    let (mut ran, mut steps, mut shapes) = (Vec::new(), 0, BTreeSet::new());
    for Made { file, target, folder, plan } in plans::all().into_iter().filter(|made| !is_remote(&made.plan)) {
        let name = format!("{file} {target} {}", plan.point);
        let host = || Host::new(Device::flex(), folder.clone(), None);
        let plan = shrunk(&plan);
        // Points that differ in numbers alone are run once.
        let shape: String = plan.text().lines().skip(2).flat_map(str::chars).filter(|c| !c.is_ascii_digit()).collect();
        if !shapes.insert(shape) {
            continue;
        }
        let made = passes::run(plan.clone()).0;
        // A fixture may name files that are not there.
        match run(&made, &identities_of_made(&made, &plan), &host, Breaks::Never) {
            Err(fault) if fault.message.contains("no such file") || fault.message.contains("No such file") => continue,
            _ => {}
        }
        steps += survives(&name, &plan, &host);
        ran.push(name);
    }
    assert!(ran.len() > 30 && steps > 1000, "{} plans, {steps} steps: {ran:?}", ran.len());
}

/// The tiny run, saved after so many steps.
fn saved(plan: &Plan, steps: usize) -> Snapshot {
    let (mut state, mut told) = (RunState::default(), Told::default());
    let mut execution = Execution::new(plan, identities(plan), Host::from(&Device::flex())).unwrap();
    for _ in 0..steps {
        assert!(execution.step(&mut state, &mut told, &mut Shared::default()).unwrap());
    }
    state.save(plan, &identities(plan)).unwrap()
}

fn load(snapshot: &Snapshot, plan: &Plan) -> Result<RunState, Fault> {
    RunState::load(snapshot, plan, &identities(plan), &Host::from(&Device::flex()))
}

/// What was shared is one part, and shares memory again: a policy and its reference, a set and its earlier versions.
#[test]
fn equal_contents_are_one_part() {
    let tiny = plan(TINY, &[]);
    let (early, late) = (saved(&tiny, 40), saved(&tiny, 41));
    let bytes = |parts: &dyn Fn(&[u8; 32]) -> bool| -> usize {
        late.parts.iter().filter(|(digest, _)| parts(digest)).map(|(_, part)| part.len()).sum()
    };
    let (all, new) = (bytes(&|_| true), bytes(&|digest| !early.parts.contains_key(digest)));
    assert!(new < all, "{new} of {all} bytes are new after one step");
    // A loaded state is saved to the same parts.
    let again = load(&late, &tiny).unwrap().save(&tiny, &identities(&tiny)).unwrap();
    let moments = |parts: &Snapshot| parts.parts.keys().copied().collect::<BTreeSet<_>>();
    let (one, other) = (moments(&late), moments(&again));
    // Burn writes moments in the order of a hash map.
    assert!(one.symmetric_difference(&other).count() <= 8, "{} and {} parts", one.len(), other.len());
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let tiny = plan(TINY, &[]);
    let snapshot = saved(&tiny, 12);
    load(&snapshot, &tiny).unwrap();
    let refused = |snapshot: &Snapshot, plan: &Plan, wanted: &str| {
        let fault = load(snapshot, plan).err().expect("it is refused");
        assert!(fault.message.contains(wanted), "{fault}");
    };
    refused(&snapshot, &plan(TINY, &["seed=1"]), "another plan");
    refused(&snapshot, &plan(TINY, &["confidence.keep.beta=0.5"]), "another plan");
    let mut unneeded = 0;
    for digest in snapshot.parts.keys() {
        let mut damaged = snapshot.clone();
        damaged.parts.get_mut(digest).unwrap().push(0);
        refused(&damaged, &tiny, "is damaged");
        damaged.parts.remove(digest);
        match load(&damaged, &tiny) {
            Ok(_) => unneeded += 1,
            Err(fault) => assert!(fault.message.contains("the state lacks its part"), "{fault}"),
        }
    }
    // The task of the data gives the tokenizer.
    assert_eq!(unneeded, 1);
    let mut other = snapshot.clone();
    let version = format!("version{}", char::from(STATE_VERSION as u8));
    let at = other.root.windows(version.len()).position(|bytes| bytes == version.as_bytes()).unwrap();
    other.root[at + version.len() - 1] += 1;
    refused(&other, &tiny, &format!("version {}; this binary reads {STATE_VERSION}", STATE_VERSION + 1));
    let mut cut = snapshot.clone();
    cut.root.truncate(cut.root.len() - 1);
    refused(&cut, &tiny, "the state can't be read");
}
