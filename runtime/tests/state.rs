//! A run that is saved, dropped and loaded into a fresh environment at every boundary ends as one that was never
//! stopped: events, counters and weights, bit for bit. Every fixture and every pipeline that runs without a server or a
//! download is run so, with few iterations.

#[path = "common/tiny.rs"]
mod tiny;

#[path = "../../compiler/tests/common/mod.rs"]
mod common;

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use common::plans::{self, Made};
use pbpo_plan::identity::{Identity, identities_of_made};
use pbpo_plan::{Body, Op, Plan, passes};
use pbpo_runtime::context::Counters;
use pbpo_runtime::host::Host;
use pbpo_runtime::shared::Shared;
use pbpo_runtime::state::RunState;
use pbpo_runtime::value::Value;
use pbpo_runtime::{Execution, Fault};
use serde_json::{Value as Json, json};
use tiny::Told;

/// The bits of a model's weights.
#[derive(Default)]
struct Bits(Vec<u32>);

impl ModuleVisitor for Bits {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let values: Vec<f32> = param.val().into_data_as::<f32>().try_into_vec().unwrap();
        self.0.extend(values.into_iter().map(f32::to_bits));
    }
}

fn bits(model: &impl Module) -> Vec<u32> {
    let mut bits = Bits::default();
    model.visit(&mut bits);
    bits.0
}

/// What a run leaves.
#[derive(Debug, PartialEq)]
struct Left {
    told: Told,
    counters: Counters,
    weights: BTreeMap<String, Vec<u32>>,
}

/// How a run is interrupted.
#[derive(Clone, Copy, PartialEq)]
enum Breaks {
    Never,
    /// After each step.
    Always,
}

/// Runs a plan; `host` is asked for a fresh one after each break. Returns what it left, and the number of its steps.
fn run(
    plan: &Plan,
    identities: &BTreeMap<String, Identity>,
    host: &dyn Fn() -> Host,
    breaks: Breaks,
) -> Result<(Left, usize), Fault> {
    let (mut state, mut told, mut steps) = (RunState::default(), Told::default(), 0);
    let mut execution = Execution::new(plan, identities.clone(), host())?;
    while execution.step(&mut state, &mut told, &mut Shared::default())? {
        steps += 1;
        if breaks == Breaks::Always {
            let snapshot = state.save(plan, identities)?;
            drop((state, execution));
            let host = host();
            state = RunState::load(&snapshot, plan, identities, &host)?;
            execution = Execution::new(plan, identities.clone(), host)?;
        }
    }
    let weights = state.env.values.iter().filter_map(|(name, value)| match value {
        Value::Policy(policy) => Some((name.to_string(), bits(&policy.model))),
        Value::Reward(reward) => Some((name.to_string(), bits(&reward.model))),
        Value::Init(init) => Some((name.to_string(), bits(&init.model))),
        _ => None,
    });
    Ok((Left { told, weights: weights.collect(), counters: state.counters }, steps))
}

/// Asserts that a plan ends in the same way with and without breaks. Returns the number of its steps.
fn survives(name: &str, plan: &Plan, host: &dyn Fn() -> Host) -> usize {
    let made = passes::run(plan.clone()).0;
    let identities = identities_of_made(&made, plan);
    let (whole, steps) = run(&made, &identities, host, Breaks::Never).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    let (broken, again) =
        run(&made, &identities, host, Breaks::Always).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    assert!(whole == broken, "{name}: {:?} and {:?}", whole.told, broken.told);
    assert_eq!(steps, again, "{name}");
    steps
}

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
    let (mut ran, mut steps) = (Vec::new(), 0);
    for Made { file, target, folder, plan } in plans::all().into_iter().filter(|made| !is_remote(&made.plan)) {
        let name = format!("{file} {target} {}", plan.point);
        let host = || Host::new(Device::flex(), folder.clone(), None);
        let plan = shrunk(&plan);
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
