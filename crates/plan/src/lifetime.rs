//! Lifetimes of values: for each stage of a body, the values that no later stage reads.
//!
//! Models are large, so the runtime drops those that are no longer needed, and the estimate of memory relies on it.

use std::collections::{HashMap, HashSet};

use super::{Body, Plan};

/// Returns for each stage of a body, in order, the values of this body that it is the last one to read. Values that are
/// carried back outlive the body, and values from outside are not the body's.
pub fn last_uses(body: &Body) -> Vec<Vec<&str>> {
    let enter = body.carries.iter().map(|carry| carry.enter.as_str());
    let own: HashSet<&str> = enter.chain(body.stages().flat_map(|stage| &stage.outputs).map(String::as_str)).collect();
    let mut last: HashMap<&str, usize> = HashMap::new();
    for (at, stage) in body.stages().enumerate() {
        let read = stage.inputs.iter().map(|(_, value)| value.as_str()).filter(|value| own.contains(value));
        last.extend(read.map(|value| (value, at)));
    }
    for carry in &body.carries {
        last.remove(carry.back.as_str());
    }
    let mut ends: HashMap<usize, Vec<&str>> = HashMap::new();
    last.into_iter().for_each(|(value, at)| ends.entry(at).or_default().push(value));
    ends.values_mut().for_each(|values| values.sort_unstable());
    (0..body.stages().count()).map(|at| ends.remove(&at).unwrap_or_default()).collect()
}

/// Returns the newest version of each player outside of loops, which the run keeps.
pub fn results(plan: &Plan) -> HashSet<&str> {
    let made = plan.body.stages().filter(|stage| stage.op.info().player).flat_map(|stage| &stage.outputs);
    let players: HashSet<&str> = made.filter_map(|output| Some(output.split_once('@')?.0)).collect();
    let mut newest: HashMap<&str, (usize, &str)> = HashMap::new();
    for output in plan.body.stages().flat_map(|stage| &stage.outputs) {
        let Some((block, version)) = output.split_once('@').filter(|(block, _)| players.contains(block)) else {
            continue;
        };
        let version = version.parse().unwrap_or(0);
        if newest.get(block).is_none_or(|(known, _)| *known <= version) {
            newest.insert(block, (version, output));
        }
    }
    newest.into_values().map(|(_, value)| value).collect()
}
