//! A forward that several steps of a body need, of a player that none of them moves, becomes a stage in
//! front of the first one, and all of them read it.

use super::{Names, give, is_open, made_by, stage_of, widen};
use crate::plan::{Body, Forward, Plan, Stage};

pub fn run(plan: &mut Plan) -> Vec<String> {
    let mut names = Names::of(plan);
    let mut lines = Vec::new();
    body(&mut plan.body, &mut names, &mut lines);
    lines
}

fn body(body: &mut Body, names: &mut Names, lines: &mut Vec<String>) {
    super::rebuild(body, |mut stages| {
        stages.iter_mut().filter_map(|stage| stage.body.as_mut()).for_each(|inner| self::body(inner, names, lines));
        for forward in needed(&stages) {
            share(&mut stages, &forward, names, lines);
        }
        stages
    });
}

/// The forwards that steps of a body need and no stage has made for them; each once.
fn needed(stages: &[Stage]) -> Vec<Forward> {
    let mut found: Vec<Forward> = Vec::new();
    for stage in stages {
        for forward in stage.forwards.iter().filter(|forward| is_open(stage, forward)) {
            if !found.iter().any(|known| known.same(forward)) {
                found.push(forward.clone());
            }
        }
    }
    found
}

fn share(stages: &mut Vec<Stage>, forward: &Forward, names: &mut Names, lines: &mut Vec<String>) {
    let asks = |stage: &Stage| stage.forwards.iter().any(|own| own.same(forward) && is_open(stage, own));
    let steps = stages.iter().filter(|stage| asks(stage)).count();
    let maker = stages.iter().position(|stage| made_by(stage).is_some_and(|made| made.same(forward)));
    if steps + usize::from(maker.is_some()) < 2 {
        return;
    }
    let mut stage = match maker {
        Some(index) => stages.remove(index),
        None => stage_of(forward, names.fresh(forward)),
    };
    let mut readers = Vec::new();
    for step in stages.iter_mut().filter(|stage| asks(stage)) {
        if let Some(own) = step.forwards.iter().find(|own| own.same(forward)).cloned() {
            widen(&mut stage, &own);
        }
        give(step, forward, &stage.name);
        readers.push(step.name.clone());
    }
    let first = stages.iter().position(|other| other.inputs.iter().any(|(_, value)| *value == stage.name));
    lines.push(format!("{}: {forward} once for {}", stage.name, readers.join(", ")));
    stages.insert(first.unwrap_or(stages.len()), stage);
}
