//! `imitate`: supervised training on demonstrations; gives the model that players start from.

use std::rc::Rc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::cost::Spent;
use crate::flow::Flow;
use crate::memory::{Estimate, Model, Room, Rows, Shape, Working};
use crate::{Stage, ValueName};

use super::load::Compute;
use super::{Info, data, no_rows, typed};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The shape of a model with random weights, where there is no input `init`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Json>,
    pub steps: u64,
    /// Demonstrations in a step.
    pub batch: u64,
    pub lr: f64,
}

pub(super) const INFO: Info = Info {
    version: 1,
    random: true,
    source: false,
    leaves: false,
    player: false,
    reads_responses: true,
    objective: false,
    batch: Some("batch"),
    settings: typed::<Settings>,
    rows: no_rows,
    cost,
    room,
};

fn cost<'a>(stage: &'a Stage, flow: &Flow<'a>, times: u64) -> Spent {
    let Ok(Settings { steps, batch, .. }) = stage.settings() else { return Spent::default() };
    let row = flow
        .from(stage, "data")
        .map_or(0, |data| flow.prompt(data) + flow.response(data).max(flow.written(stage, data)));
    Spent { optimizer_steps: steps * times, trained: batch * row * steps * times, ..Spent::default() }
}

fn room<'a>(estimate: &mut Estimate<'a>, stage: &'a Stage, ends: &[&ValueName]) -> Room {
    let Ok(settings) = stage.settings::<Settings>() else { return Room::default() };
    let data = estimate.flow.from(stage, "data");
    let start = estimate.input(stage, "init").cloned().or_else(|| {
        let model = settings.model.as_ref()?;
        let vocab = match model.get("tokenizer").and_then(Json::as_str) {
            Some(name) => (estimate.sizes.checkpoint)(name)?.vocab,
            None => (estimate.sizes.vocabulary)(data::settings(data?)?.task.word()),
        };
        let compute = model.get("compute").and_then(|compute| Compute::deserialize(compute).ok());
        Some(Model::new(Shape::of_llama(model, vocab), compute.unwrap_or_default()))
    });
    let (Some(start), Some(data)) = (start, data) else { return Room::default() };
    let positions = estimate.flow.response(data).max(estimate.flow.written(stage, data));
    let length = (estimate.flow.prompt(data) + positions).min(start.shape.context);
    let batch = Rows { rows: settings.batch, length, positions };
    let activations = start.shape.graph(batch, start.shape.vocab, estimate.sizes.limits, start.number());
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
