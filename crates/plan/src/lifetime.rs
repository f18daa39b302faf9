//! Lifetimes of values: for each stage of a body, the values that no later stage reads.
//!
//! Models are large, so the runtime drops those that are no longer needed, and the estimate of memory relies on it.

use std::collections::{HashMap, HashSet};

use super::{Body, Plan, ValueName};

/// Returns for each stage of a body, in order, the values of this body that it is the last one to read. Values that are
/// carried back outlive the body, and values from outside are not the body's.
pub fn last_uses(body: &Body) -> Vec<Vec<&ValueName>> {
    let enter = body.carries.iter().map(|carry| &carry.enter);
    let own: HashSet<&ValueName> = enter.chain(body.stages().flat_map(|stage| &stage.outputs)).collect();
    let mut last: HashMap<&ValueName, usize> = HashMap::new();
    for (at, stage) in body.stages().enumerate() {
        let read = stage.inputs.iter().map(|(_, value)| value).filter(|value| own.contains(value));
        last.extend(read.map(|value| (value, at)));
    }
    for carry in &body.carries {
        last.remove(&carry.back);
    }
    let mut ends: HashMap<usize, Vec<&ValueName>> = HashMap::new();
    last.into_iter().for_each(|(value, at)| ends.entry(at).or_default().push(value));
    ends.values_mut().for_each(|values| values.sort_unstable());
    (0..body.stages().count()).map(|at| ends.remove(&at).unwrap_or_default()).collect()
}

/// Returns the newest version of each player outside of loops, which the run keeps.
pub fn results(plan: &Plan) -> HashSet<&ValueName> {
    let made = plan.body.stages().filter(|stage| stage.op.info().player).flat_map(|stage| &stage.outputs);
    let players: HashSet<&str> = made.filter(|output| output.version().is_some()).map(ValueName::block).collect();
    let mut newest: HashMap<&str, (u32, &ValueName)> = HashMap::new();
    for output in plan.body.stages().flat_map(|stage| &stage.outputs) {
        let (block, Some(version)) = (output.block(), output.version()) else { continue };
        if !players.contains(block) {
            continue;
        }
        if newest.get(block).is_none_or(|(known, _)| *known <= version) {
            newest.insert(block, (version, output));
        }
    }
    newest.into_values().map(|(_, value)| value).collect()
}
