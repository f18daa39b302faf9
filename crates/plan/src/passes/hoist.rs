//! Moves forwards that a loop does not change before it: those of a player that is frozen while the loop runs, over a
//! batch from before the loop. Works from inner to outer loops, as far as player and batch allow.

use super::{Names, defined, give, is_open, made_by, stage_of, widen};
use crate::{Body, Forward, Plan, Stage, ValueName};

pub fn run(plan: &mut Plan) -> Vec<String> {
    let mut names = Names::of(plan);
    let mut lines = Vec::new();
    body(&mut plan.body, &mut names, &mut lines);
    lines
}

fn body(body: &mut Body, names: &mut Names, lines: &mut Vec<String>) {
    super::rebuild(body, |stages| {
        let mut done: Vec<Stage> = Vec::with_capacity(stages.len());
        for mut stage in stages {
            if let Some(inner) = &mut stage.body {
                self::body(inner, names, lines);
                out_of(&mut stage, &mut done, names, lines);
            }
            done.push(stage);
        }
        done
    });
}

/// Moves forwards that a loop does not change to the end of `before`.
fn out_of(repeat: &mut Stage, before: &mut Vec<Stage>, names: &mut Names, lines: &mut Vec<String>) {
    let count = crate::ops::repeat::count(repeat);
    let Some(inner) = &mut repeat.body else { return };
    let (mut stages, carries) = std::mem::take(&mut **inner).into_parts();
    let own = defined(&carries, &stages);
    let outside = |forward: &Forward| !own.contains(&forward.player) && !own.contains(&forward.batch.value);
    let mut moved = Vec::new();
    let (out, kept): (Vec<Stage>, Vec<Stage>) =
        stages.into_iter().partition(|stage| made_by(stage).as_ref().is_some_and(outside));
    stages = kept;
    moved.extend(out.iter().flat_map(|stage| &stage.outputs).cloned());
    before.extend(out);
    for step in &mut stages {
        let open: Vec<Forward> =
            step.forwards.iter().filter(|forward| is_open(step, forward) && outside(forward)).cloned().collect();
        for forward in open {
            let value = made(before, &forward, names);
            lines.push(format!("{}: {forward} once in front of {count} iterations, as {value}", step.name));
            give(step, &forward, &value);
            moved.push(value);
        }
    }
    **inner = Body::new(stages, carries);
    for value in moved {
        if !repeat.inputs.iter().any(|(_, input)| *input == value) {
            repeat.inputs.push((value.to_string(), value));
        }
    }
}

/// Returns the value of the stage that makes a forward; adds a stage if there is none.
fn made(stages: &mut Vec<Stage>, forward: &Forward, names: &mut Names) -> ValueName {
    for stage in stages.iter_mut() {
        if let Some(Forward { from: Some(name), .. }) = made_by(stage).filter(|made| made.same(forward)) {
            widen(stage, forward);
            return name;
        }
    }
    let name = names.fresh(forward);
    stages.push(stage_of(forward, &name));
    name
}
