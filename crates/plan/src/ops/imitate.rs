//! `imitate`: supervised training on demonstrations; gives the model that players start from.

use std::rc::Rc;

use serde_json::Value as Json;

use crate::Stage;
use crate::cost::Spent;
use crate::flow::{Flow, int};
use crate::memory::{Model, Room, Rows, Shape, Walk, Working};

use super::{Info, no_rows};

pub(super) const INFO: Info = Info {
    version: 1,
    random: true,
    source: false,
    leaves: false,
    player: false,
    reads_responses: true,
    objective: false,
    batch: Some("batch"),
    rows: no_rows,
    cost,
    room,
};

fn cost<'a>(stage: &'a Stage, flow: &Flow<'a>, times: u64) -> Spent {
    let (steps, batch) = (int(stage, "steps"), int(stage, "batch"));
    let row = flow
        .from(stage, "data")
        .map_or(0, |data| flow.prompt(data) + flow.response(data).max(flow.written(stage, data)));
    Spent { optimizer_steps: steps * times, trained: batch * row * steps * times, ..Spent::default() }
}

fn room<'a>(walk: &mut Walk<'a>, stage: &'a Stage, ends: &[&str]) -> Room {
    let data = walk.flow.from(stage, "data");
    let start = walk.input(stage, "init").cloned().or_else(|| {
        let model = stage.config.get("model")?;
        let vocab = match model.get("tokenizer").and_then(Json::as_str) {
            Some(name) => (walk.sizes.checkpoint)(name)?.vocab,
            None => (walk.sizes.vocabulary)(data?.config.get("task")?.as_str()?),
        };
        Some(Model::new(Shape::of_llama(model, vocab), model.get("compute")))
    });
    let (Some(start), Some(data)) = (start, data) else { return Room::default() };
    let positions = walk.flow.response(data).max(walk.flow.written(stage, data));
    let length = (walk.flow.prompt(data) + positions).min(start.shape.context);
    let batch = Rows { rows: int(stage, "batch"), length, positions };
    let activations = start.shape.graph(batch, start.shape.vocab, walk.sizes.limits, start.number());
    // Nobody else has weights of its own making, or what it is the last to read.
    let last = stage.input("init").is_some_and(|init| ends.contains(&init));
    let shared = Rc::strong_count(start.moving()) > 1 + usize::from(last);
    let scratch = stage.input("init").is_none();
    let weights = if scratch || shared { **start.moving() } else { 0 };
    let mut model = start.trained();
    let activations = activations + model.cast();
    model.step(!shared);
    let (gradients, optimizer) = (model.trainable() * 4, model.states.take().map_or(0, |states| *states));
    Room { made: Some(model), working: Working { weights, optimizer, gradients, activations } }
}
