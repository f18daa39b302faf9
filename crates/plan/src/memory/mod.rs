//! The memory of a plan: its walk (`walk.rs`), as the runtime makes it, with sizes instead of models.
//!
//! A copy of a model shares its memory until a step moves it; a step changes unshared values in place; values that no
//! later stage reads are dropped (`lifetime.rs`). `shape.rs` has the sizes of forwards and graphs, `players.rs` those
//! of values between steps, `less.rs` changes that make a plan smaller.

mod less;
mod players;
mod shape;

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use serde::Serialize;

use super::flow::Flow;
use super::forward::{Gives, forwards};
use super::lifetime::results;
use super::walk::{Cursor, Kind, Step, Walk};
use super::{Op, Plan, Stage, ValueName};
pub use less::Less;
use players::Block;
pub(crate) use players::Model;
pub use shape::{Limits, Rows, Shape};

/// The sizes that are not in the plan.
pub struct Sizes<'a> {
    /// The size of a task's vocabulary in tokens.
    pub vocabulary: &'a dyn Fn(&str) -> u64,
    /// The shape of a checkpoint by name, if it is known.
    pub checkpoint: &'a dyn Fn(&str) -> Option<Shape>,
    /// The largest batch that has a single graph.
    pub limits: Limits,
    /// The largest number of keys and values in sampling.
    pub cache: u64,
    /// The largest number of prompts that an evaluation asks at once.
    pub asked: u64,
}

/// The peak memory of a plan in bytes, with its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// The parameters of the largest model, without adapters.
    pub parameters: u64,
    /// The stage at the peak.
    pub stage: String,
    pub weights: u64,
    pub optimizer: u64,
    pub gradients: u64,
    /// Activations, log-probabilities, keys and values.
    pub activations: u64,
    /// The total, with 128 MiB for the program.
    pub total: u64,
    /// The checkpoints of unknown shape, which are not included.
    pub unknown: Vec<String>,
}

/// The program itself.
const PROGRAM: u64 = 128 << 20;

/// The memory that a stage takes while it runs, in bytes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Working {
    pub weights: u64,
    pub optimizer: u64,
    pub gradients: u64,
    pub activations: u64,
}

/// What a stage takes: the model that it makes, its last output, and what is there while it is under way.
#[derive(Default)]
pub(crate) struct Room {
    pub made: Option<Model>,
    pub working: Working,
}

impl Room {
    pub fn of(made: Option<Model>) -> Self {
        Self { made, working: Working::default() }
    }

    pub fn while_working(working: Working) -> Self {
        Self { made: None, working }
    }
}

impl Memory {
    /// Returns the parts in bytes, without the program.
    pub fn parts(&self) -> [(&'static str, u64); 4] {
        let Self { weights, optimizer, gradients, activations, .. } = *self;
        [("weights", weights), ("optimizer", optimizer), ("gradients", gradients), ("activations", activations)]
    }

    /// Estimates a plan.
    pub fn of(plan: &Plan, sizes: &Sizes<'_>) -> Memory {
        let flow = Flow::default();
        let mut estimate = Estimate { sizes, flow, values: BTreeMap::new(), most: Memory::default() };
        // Further iterations of a loop repeat the third.
        let (walk, mut cursor) = (Walk::at_most(plan, 3), Cursor::default());
        while let Some(step) = walk.at(&cursor) {
            estimate.follow(step);
            walk.advance(&mut cursor);
        }
        // The players are written at the end.
        let stage = plan.body.stages().last();
        for name in results(plan) {
            let working = estimate.written(estimate.values.get(name));
            stage.into_iter().for_each(|stage| estimate.note(stage, working));
        }
        estimate.most
    }
}

/// The estimate at one step of the walk.
pub(crate) struct Estimate<'a> {
    pub sizes: &'a Sizes<'a>,
    pub flow: Flow<'a>,
    /// The models in memory.
    values: BTreeMap<&'a ValueName, Model>,
    most: Memory,
}

impl<'a> Estimate<'a> {
    fn follow(&mut self, step: &Step<'a>) {
        match step.kind {
            Kind::Run => {
                self.flow.reach(step.stage);
                self.stage(step.stage, &step.over);
            }
            Kind::Begin | Kind::Skip => self.flow.reach(step.stage),
            Kind::Again { .. } | Kind::End => {}
        }
        step.passes.iter().for_each(|(from, to)| self.copy(from, to));
        if matches!(step.kind, Kind::End | Kind::Skip) {
            step.body().into_iter().for_each(|body| self.flow.leave(body));
        }
        step.over.iter().for_each(|value| drop(self.values.remove(value)));
    }

    fn copy(&mut self, from: &ValueName, to: &'a ValueName) {
        if let Some(model) = self.values.get(from).cloned() {
            self.values.insert(to, model);
        }
    }

    /// The model at a port.
    pub fn input(&self, stage: &Stage, port: &str) -> Option<&Model> {
        self.values.get(stage.input(port)?)
    }

    fn stage(&mut self, stage: &'a Stage, ends: &[&ValueName]) {
        let Room { made, working } = (stage.op.info().room)(self, stage, ends);
        self.note(stage, working);
        if let (Some(model), Some(output)) = (made, stage.outputs.last()) {
            self.most.parameters = self.most.parameters.max(model.shape.parameters());
            self.values.insert(output, model);
            self.note(stage, Working::default());
        }
    }

    /// Counts the existing values, each block once, and the running stage.
    fn note(&mut self, stage: &Stage, working: Working) {
        let mut seen = HashSet::new();
        let mut sum = |blocks: &mut dyn Iterator<Item = &Block>| -> u64 {
            blocks.filter(|block| seen.insert(Rc::as_ptr(block))).map(|block| **block).sum()
        };
        let weights = sum(&mut self.values.values().flat_map(Model::weights)) + working.weights;
        let optimizer = sum(&mut self.values.values().flat_map(|model| &model.states)) + working.optimizer;
        let Working { gradients, activations, .. } = working;
        let total = weights + optimizer + gradients + activations + PROGRAM;
        if total > self.most.total {
            let most = std::mem::take(&mut self.most);
            let stage = stage.name.clone();
            self.most = Memory { stage, weights, optimizer, gradients, activations, total, ..most };
        }
    }

    /// A checkpoint, tensor by tensor: the largest one is there twice for a moment.
    pub fn load(&mut self, name: &str, model: impl FnOnce(Shape) -> Model) -> Room {
        let Some(shape) = (self.sizes.checkpoint)(name) else {
            if !self.most.unknown.iter().any(|known| known == name) {
                self.most.unknown.push(name.to_owned());
            }
            return Room::default();
        };
        let largest = 4 * shape.vocab * shape.width;
        let working = Working { weights: largest, ..Working::default() };
        Room { made: Some(model(shape)), working }
    }

    /// Returns the memory of sampling so many responses at once from the policy at a port, else from the one at
    /// `policy`. They have at most `max_new` tokens, or as many as the policy's own setting says.
    pub fn sampled(&self, stage: &Stage, port: &str, rows: u64, max_new: u64) -> Working {
        let Some(model) = self.input(stage, port).or_else(|| self.input(stage, "policy")) else {
            return Working::default();
        };
        let data = ["prompts", "data"].into_iter().find_map(|port| self.flow.from(stage, port));
        let data = data.or_else(|| self.flow.any(Op::Data));
        let most = max_new.max(self.flow.longest_of(stage));
        let prompt = data.map_or(0, |data| self.flow.prompt(data));
        let length = (prompt + most).min(model.shape.context);
        let batch = Rows { rows, length, positions: most.min(length) };
        let activations = model.shape.sampling(batch, self.sizes.cache, self.sizes.limits, model.number());
        Working { activations, ..Working::default() }
    }

    /// A player on its way to the disk, tensor by tensor: the largest one is there twice.
    pub fn written(&self, player: Option<&Model>) -> Working {
        let largest = player.map_or(0, |model| 2 * 4 * model.shape.vocab * model.shape.width);
        Working { weights: largest, ..Working::default() }
    }

    /// The rows of a batch, as a model reads them. Of a set that loops fill, or a file of unknown length, as many as have one
    /// graph: more take less.
    pub fn rows(&self, value: &ValueName, shape: &Shape) -> Rows {
        let made = self.flow.stage(value).or_else(|| self.flow.any(Op::Data));
        let (prompt, response) = made.map_or((0, 0), |made| self.flow.row(made));
        let length = (prompt + response).min(shape.context);
        let rows = match made.map_or(0, |made| self.flow.rows(made)) {
            0 => shape.whole(length, self.sizes.limits) / length.max(1),
            rows => rows,
        };
        Rows { rows, length, positions: response.min(length) }
    }

    /// A step of a player along its objective.
    pub fn step(&mut self, stage: &'a Stage, ends: &[&ValueName]) -> Room {
        let Some(name) = stage.input("player") else { return Room::default() };
        let (mut kept, mut passing) = (0, 0);
        for forward in stage.objective.as_ref().map(forwards).unwrap_or_default() {
            let Some(model) = self.values.get(&forward.player) else { continue };
            let (shape, limits) = (&model.shape, self.sizes.limits);
            let batch = self.rows(&forward.batch.value, shape);
            let vocab = if model.predicts { shape.vocab } else { 0 };
            let large = shape.is_large(batch, vocab, limits);
            if forward.player == *name {
                let graph = shape.graph(batch, vocab, limits, model.number());
                if large { passing = passing.max(graph) } else { kept += graph }
            } else {
                passing = passing.max(shape.forward(batch, vocab, limits, model.number()));
                // This is the part of the output that the objective reads.
                kept += if large || forward.gives != Gives::LogProbs {
                    0
                } else {
                    batch.rows * batch.positions * vocab * 4
                };
            }
        }
        let Some(player) = self.values.get(name) else { return Room::default() };
        kept += player.cast();
        let mut model = player.clone();
        let mine = ends.contains(&name);
        let others = self.values.iter().filter(|(value, _)| !(mine && **value == name));
        let shared = others.flat_map(|(_, other)| other.weights()).any(|block| Rc::ptr_eq(block, model.moving()));
        let shares_states = others_share(&self.values, name, mine, &model);
        let before = Working { gradients: model.trainable() * 4, activations: kept + passing, ..Working::default() };
        self.note(stage, before);
        if mine {
            self.values.remove(name);
        }
        if shares_states {
            model.states = None;
        }
        model.step(!shared);
        // Gradients are used up as weights and moments come about.
        Room::of(Some(model))
    }
}

/// Tells whether another value has the states of a model's optimizer.
fn others_share(values: &BTreeMap<&ValueName, Model>, name: &ValueName, mine: bool, model: &Model) -> bool {
    let Some(states) = &model.states else { return false };
    let others = values.iter().filter(|(value, _)| !(mine && **value == name));
    others.filter_map(|(_, other)| other.states.as_ref()).any(|block| Rc::ptr_eq(block, states))
}
