//! Makes a stage of a forward that several steps of a body need, if none of them moves the player. The stage precedes
//! the first step, and all of them read it.

use std::collections::HashMap;

use super::{Names, give, is_open, made_by, stage_of, widen};
use crate::{BatchRef, Body, Forward, Plan, Stage, ValueName};

pub fn run(plan: &mut Plan) -> Vec<String> {
    let mut names = Names::of(plan);
    let mut lines = Vec::new();
    body(&mut plan.body, &mut names, &mut lines);
    lines
}

fn body(body: &mut Body, names: &mut Names, lines: &mut Vec<String>) {
    super::rebuild(body, |mut stages| {
        stages.iter_mut().filter_map(|stage| stage.body.as_mut()).for_each(|inner| self::body(inner, names, lines));
        for forward in wanted(&stages) {
            share(&mut stages, &forward, names, lines);
        }
        stages
    });
}

/// Returns the forwards of a body's steps that another step or stage in it also needs or makes; each once.
fn wanted(stages: &[Stage]) -> Vec<Forward> {
    let mut times: HashMap<(&ValueName, &BatchRef), usize> = HashMap::new();
    let made: Vec<Forward> = stages.iter().filter_map(made_by).collect();
    for forward in made.iter().chain(stages.iter().flat_map(open)) {
        *times.entry((&forward.player, &forward.batch)).or_insert(0) += 1;
    }
    let mut found: Vec<Forward> = Vec::new();
    for forward in stages.iter().flat_map(open) {
        if times.remove(&(&forward.player, &forward.batch)).is_some_and(|times| times > 1) {
            found.push(forward.clone());
        }
    }
    found
}

/// Returns the forwards of a step that another stage could make.
fn open(stage: &Stage) -> impl Iterator<Item = &Forward> {
    stage.forwards.iter().filter(move |forward| is_open(stage, forward))
}

fn share(stages: &mut Vec<Stage>, forward: &Forward, names: &mut Names, lines: &mut Vec<String>) {
    let asks = |stage: &Stage| open(stage).any(|own| own.same(forward));
    let made = stages.iter().map(|stage| made_by(stage).filter(|made| made.same(forward))?.from);
    let (mut stage, value) = match made.enumerate().find_map(|(index, value)| Some((index, value?))) {
        Some((index, value)) => (stages.remove(index), value),
        None => {
            let value = names.fresh(forward);
            (stage_of(forward, &value), value)
        }
    };
    let mut readers = Vec::new();
    for step in stages.iter_mut().filter(|stage| asks(stage)) {
        if let Some(own) = step.forwards.iter().find(|own| own.same(forward)).cloned() {
            widen(&mut stage, &own);
        }
        give(step, forward, &value);
        readers.push(step.name.clone());
    }
    let first = stages.iter().position(|other| other.inputs.iter().any(|(_, input)| *input == value));
    lines.push(format!("{value}: {forward} once for {}", readers.join(", ")));
    stages.insert(first.unwrap_or(stages.len()), stage);
}
