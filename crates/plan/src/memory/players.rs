//! The memory of a player between steps: weights, adapters, states of its optimizer.

use std::rc::Rc;

use crate::ops::load::{Compute, Lora};

use super::shape::Shape;

/// Bytes that several players may share.
pub type Block = Rc<u64>;

/// A model in memory.
#[derive(Clone)]
pub struct Model {
    pub shape: Shape,
    /// True if it predicts tokens, as policies do.
    pub predicts: bool,
    bf16: bool,
    /// The parameters of adapters; 0 without adapters.
    adapters: u64,
    trains: bool,
    base: Block,
    own: Option<Block>,
    pub states: Option<Block>,
}

impl Model {
    /// Makes a model with weights in f32.
    pub fn new(shape: Shape, compute: Compute) -> Self {
        let bf16 = compute == Compute::Bf16;
        let (base, adapters) = (Rc::new(shape.parameters() * 4), shape.adapters);
        let own = (adapters > 0).then(|| Rc::new(adapters * 4));
        Self { shape, predicts: true, bf16, adapters, trains: false, base, own, states: None }
    }

    /// Returns a checkpoint, with fresh adapters if requested: weights under adapters are kept in the format of
    /// computation.
    pub fn loaded(shape: Shape, compute: Compute, lora: Option<&Lora>) -> Self {
        let mut model = Self::new(shape, compute);
        if let Some(lora) = lora {
            let targets: Vec<&str> = lora.targets.iter().map(String::as_str).collect();
            model.adapters = model.shape.lora(lora.rank, &targets);
            model.own = Some(Rc::new(model.adapters * 4));
        }
        if model.adapters > 0 { model.kept() } else { model }
    }

    /// Returns the model with its base in the format of computation, since nothing trains it.
    pub fn kept(self) -> Self {
        Self { base: Rc::new(self.frozen_size()), ..self }
    }

    fn frozen_size(&self) -> u64 {
        let (all, matrices) = (self.shape.parameters(), self.shape.matrices());
        if self.bf16 { matrices * 2 + (all - matrices) * 4 } else { all * 4 }
    }

    /// Returns the bytes of a number in its forward. Norms, softmax and log-probabilities stay in f32 if the rest is
    /// bf16.
    pub fn number(&self) -> u64 {
        if self.bf16 { 3 } else { 4 }
    }

    /// Returns the bytes of master weights in the format of computation, which a graph keeps.
    pub fn cast(&self) -> u64 {
        if self.bf16 { 2 * self.trainable() } else { 0 }
    }

    /// Returns the model as a reward model, which predicts no tokens.
    pub fn scoring(self) -> Self {
        Self { predicts: false, ..self }
    }

    pub fn trained(self) -> Self {
        Self { trains: true, ..self }
    }

    /// Returns a copy that is not trained; it takes memory only if it is kept in a smaller format.
    pub fn frozen(&self) -> Self {
        let size = self.frozen_size();
        let base = if *self.base == size { self.base.clone() } else { Rc::new(size) };
        Self { trains: false, base, states: None, ..self.clone() }
    }

    /// Returns the number of parameters that a step changes.
    pub fn trainable(&self) -> u64 {
        match (self.trains, self.adapters) {
            (false, _) => 0,
            // A reward model's output layer has no gradient.
            (true, 0) if !self.predicts && !self.shape.tied => {
                self.shape.parameters() - self.shape.vocab * self.shape.width
            }
            (true, 0) => self.shape.parameters(),
            (true, adapters) => adapters,
        }
    }

    /// Returns the block that a step changes.
    pub fn moving(&self) -> &Block {
        self.own.as_ref().unwrap_or(&self.base)
    }

    pub fn weights(&self) -> impl Iterator<Item = &Block> {
        std::iter::once(&self.base).chain(&self.own)
    }

    /// Makes a step: in place, or to new weights; with two moments of the optimizer.
    pub fn step(&mut self, in_place: bool) {
        if !in_place && self.trains {
            let moved = Rc::new(**self.moving());
            if self.own.is_some() { self.own = Some(moved) } else { self.base = moved }
        }
        if self.states.is_none() {
            self.states = Some(Rc::new(self.trainable() * 8));
        }
    }
}
