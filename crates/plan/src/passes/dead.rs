//! Drops stages on which nothing depends.
//!
//! The results of a run are: the policies (they are saved), checkpoints, the steps and their figures, labelled pairs,
//! and reports. A stage is kept if it makes one of these, or if a kept stage reads its values. Figures that a dropped
//! stage would have recorded (such as the length of unused responses) are then missing.
//!
//! The values that an outermost loop gives count as read, because other points of a sweep may reuse the whole loop.

use std::collections::BTreeSet;

use crate::{Body, Plan, Stage, ValueName};

pub fn run(plan: &mut Plan) -> Vec<String> {
    let mut needed: BTreeSet<ValueName> = BTreeSet::new();
    // Repeated, because an earlier stage of the next iteration may need a carried value.
    loop {
        let before = needed.len();
        for stage in plan.body.stages().filter(|stage| stage.body.is_some()) {
            if is_kept(stage, &needed) {
                needed.extend(stage.outputs.iter().cloned());
            }
        }
        find(&plan.body, &mut needed);
        if needed.len() == before {
            break;
        }
    }
    let mut lines = Vec::new();
    drop_stages(&mut plan.body, &needed, &mut lines);
    lines
}

/// Tells whether a stage is kept even if no stage reads its values.
fn leaves_something(stage: &Stage) -> bool {
    let inner = stage.body.as_ref().is_some_and(|body| body.stages().any(leaves_something));
    inner || stage.op.info().leaves
}

fn is_kept(stage: &Stage, needed: &BTreeSet<ValueName>) -> bool {
    leaves_something(stage) || stage.outputs.iter().any(|output| needed.contains(output))
}

/// Adds the values that kept stages read, from the last stage to the first.
fn find(body: &Body, needed: &mut BTreeSet<ValueName>) {
    let stages: Vec<&Stage> = body.stages().collect();
    for stage in stages.into_iter().rev() {
        if !is_kept(stage, needed) {
            continue;
        }
        match &stage.body {
            None => needed.extend(stage.inputs.iter().map(|(_, value)| value.clone())),
            Some(inner) => {
                find(inner, needed);
                for carry in &inner.carries {
                    if needed.contains(&carry.out) || needed.contains(&carry.enter) {
                        needed.extend([carry.back.clone(), carry.from.clone()]);
                    }
                }
            }
        }
    }
}

fn drop_stages(body: &mut Body, needed: &BTreeSet<ValueName>, lines: &mut Vec<String>) {
    super::rebuild(body, |stages| {
        let mut kept = Vec::with_capacity(stages.len());
        for mut stage in stages {
            if !is_kept(&stage, needed) {
                lines.push(match &stage.body {
                    Some(_) => format!("dropped the loop {}: nothing depends on it", stage.name),
                    None => format!("dropped {} = {}: nothing depends on it", stage.name, stage.op),
                });
                continue;
            }
            if let Some(inner) = &mut stage.body {
                // A carried value that is never read passes through unchanged.
                for carry in &mut inner.carries {
                    if !needed.contains(&carry.out) && !needed.contains(&carry.enter) {
                        carry.back = carry.enter.clone();
                    }
                }
                drop_stages(inner, needed, lines);
                only_read(&mut stage);
            }
            kept.push(stage);
        }
        kept
    });
}

/// Keeps only the inputs of a loop that its body still reads.
fn only_read(stage: &mut Stage) {
    let Some(inner) = &stage.body else { return };
    let mut read: BTreeSet<ValueName> = inner.captured().into_iter().cloned().collect();
    read.extend(inner.carries.iter().map(|carry| carry.from.clone()));
    stage.inputs.retain(|(_, value)| read.contains(value));
}
