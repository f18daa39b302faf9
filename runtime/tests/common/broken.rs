//! Runs that are saved, dropped and loaded into a fresh environment after each step.
#![allow(dead_code)]

#[path = "tiny.rs"]
pub mod tiny;

use std::collections::BTreeMap;

use pbpo_plan::identity::{Identity, identities_of_made};
use pbpo_plan::{Plan, passes};
use pbpo_runtime::context::Counters;
use pbpo_runtime::host::Host;
use pbpo_runtime::shared::Shared;
use pbpo_runtime::state::RunState;
use pbpo_runtime::value::Value;
use pbpo_runtime::{Execution, Fault};
use tiny::{Told, bits};

/// What a run leaves.
#[derive(Debug, PartialEq)]
pub struct Left {
    told: Told,
    counters: Counters,
    weights: BTreeMap<String, Vec<u32>>,
}

/// How a run is interrupted.
#[derive(Clone, Copy, PartialEq)]
pub enum Breaks {
    Never,
    /// After each step.
    Always,
}

/// Runs a plan; `host` is asked for a fresh one after each break. Returns what it left, and the number of its steps.
pub fn run(
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
        Value::Player(player) => Some((name.to_string(), bits(&player.model))),
        Value::Init(init) => Some((name.to_string(), bits(&init.model))),
        _ => None,
    });
    // The second of two runs finds the answers of the first.
    let paid = ["oracle/calls", "oracle/stored", "oracle/cost_usd", "oracle/latency_s"];
    told.episodes.iter_mut().for_each(|figures| figures.retain(|name, _| !paid.contains(&name.as_str())));
    Ok((Left { told, weights: weights.collect(), counters: state.counters }, steps))
}

/// Asserts that a plan ends in the same way with and without breaks. Returns the number of its steps.
pub fn survives(name: &str, plan: &Plan, host: &dyn Fn() -> Host) -> usize {
    let made = passes::run(plan.clone()).0;
    let identities = identities_of_made(&made, plan);
    let (whole, steps) = run(&made, &identities, host, Breaks::Never).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    let (broken, again) =
        run(&made, &identities, host, Breaks::Always).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    assert!(whole == broken, "{name}: {:?} and {:?}", whole.told, broken.told);
    assert_eq!(steps, again, "{name}");
    steps
}
