//! Computes batches too large for one graph in pieces: limited by tokens, log-probabilities, and the memory of a graph.
//!
//! The leaves of an objective are first computed without autodiff, and the objective is differentiated in them. Then
//! each piece is computed again for its part of the gradient, block by block (`model/recompute.rs`), and the
//! log-probabilities of its tokens a few positions at a time: no tensor ever has rows, positions and vocabulary at
//! once.

use std::ops::Range;

use burn::optim::GradientsParams;
use burn::tensor::{Device, Int, Tensor};
use pbpo_plan::memory::{Limits, Shape};

use crate::batch::{Batch, Row};
use crate::model::recompute::{Trace, add};
use crate::model::{Decoder, RewardModel};
use crate::player::Model;
use crate::value::tracked;

/// The limits of a batch in one graph: 8,192 tokens, 64 MiB of log-probabilities, and 1 GiB for the rest.
pub const LIMITS: Limits = Limits { tokens: 8192, logits: 1 << 24, graph: 1 << 28 };

/// The quantity computed at each position, or for each row by a sequence head.
#[derive(Clone)]
pub enum What {
    /// The log-probability of the batch's token.
    Logp,
    Entropy,
    /// The KL of the player to another policy.
    KlTo(Decoder),
    /// The KL of another policy to the player.
    KlFrom(Decoder),
    Rewards,
}

/// A batch in pieces.
pub struct Pieces<'r> {
    rows: Vec<&'r Row>,
    cuts: Vec<Range<usize>>,
    whole: Batch,
    logits: usize,
    /// The plain device.
    device: Device,
}

/// The quantities that decide if a batch is computed in pieces: a model's shape, and the number of tokens that it
/// predicts.
#[derive(Clone, Debug)]
pub struct Size(Shape, u64);

impl Size {
    pub fn of_policy(model: &Decoder) -> Self {
        Self(model.shape(), model.config.vocab as u64)
    }

    pub fn of_reward(model: &RewardModel) -> Self {
        Self(model.backbone.shape(), 0)
    }

    pub fn of(model: &Model) -> Self {
        match model {
            Model::Policy(model) => Self::of_policy(model),
            Model::Reward(model) => Self::of_reward(model),
        }
    }

    /// Tells whether a batch is too large for one graph of the model.
    pub fn is_exceeded(&self, batch: &Batch, limits: Limits) -> bool {
        self.0.is_large(batch.size(), self.1, limits)
    }
}

impl<'r> Pieces<'r> {
    /// Makes pieces as large as the limits allow (at least one row) for a player and those that it is compared with.
    /// Log-probabilities are computed at most `limits.logits` numbers at a time.
    pub fn new(rows: Vec<&'r Row>, player: &Model, wanted: &[&What], limits: Limits, device: &Device) -> Self {
        let Size(shape, _) = Size::of(player);
        let others: Vec<Shape> = wanted.iter().filter_map(|what| Some(what.other()?.shape())).collect();
        let most = |longest: u64| {
            let others = others.iter().map(|other| other.reads(longest, limits));
            others.min().unwrap_or(u64::MAX).min(shape.piece(longest, limits))
        };
        let device = device.clone().without_autodiff();
        let whole = Batch::new(rows.iter().copied(), &device);
        let mut cuts = Vec::new();
        let mut start = 0;
        while start < rows.len() {
            let mut longest = 0;
            let fits = |row: &&&Row, count: usize, longest: &mut usize| {
                *longest = (*longest).max(row.length());
                count == 0 || ((count + 1) * *longest) as u64 <= most(*longest as u64)
            };
            let more = rows[start..].iter().enumerate().take_while(|(i, row)| fits(row, *i, &mut longest)).count();
            cuts.push(start..start + more);
            start += more;
        }
        Self { rows, cuts, whole, logits: limits.logits as usize, device }
    }

    /// Returns `[rows, positions]` of the whole batch, or `[rows, 1]` of a sequence head; without autodiff.
    pub fn values(&self, player: &Model, what: &What) -> Tensor<2> {
        let parts = self.cuts.iter().map(|cut| {
            let batch = self.batch(cut);
            let value = match player {
                Model::Reward(model) => model.rewards(&batch),
                Model::Policy(model) => self.positions(model, what, &batch),
            };
            if player.scores_rows() { value } else { self.widened(value, &batch) }
        });
        Tensor::cat(parts.collect(), 0)
    }

    /// Returns the player's gradients of the computed values, each multiplied by the objective's gradient in it.
    /// `player` is without autodiff.
    pub fn gradients(&self, player: &Model, wanted: &[(What, Tensor<2>)]) -> GradientsParams {
        let mut sum = GradientsParams::new();
        for cut in &self.cuts {
            let batch = self.batch(cut);
            let own = |gradient: &Tensor<2>| {
                let rows = gradient.clone().narrow(0, cut.start, cut.len());
                if player.scores_rows() { rows } else { self.narrowed(rows, &batch) }
            };
            match player {
                Model::Policy(model) => {
                    let wanted: Vec<(&What, Tensor<2>)> = wanted.iter().map(|(what, g)| (what, own(g))).collect();
                    add(model, &mut sum, self.policy_gradients(model, &batch, &wanted));
                }
                Model::Reward(model) => {
                    for (_, gradient) in wanted {
                        add(model, &mut sum, reward_gradients(model, &batch, own(gradient)));
                    }
                }
            }
        }
        sum
    }

    fn batch(&self, cut: &Range<usize>) -> Batch {
        Batch::new(self.rows[cut.clone()].iter().copied(), &self.device)
    }

    /// Returns a piece's matrix at its place among the positions of the whole batch, with 0 elsewhere.
    fn widened(&self, value: Tensor<2>, piece: &Batch) -> Tensor<2> {
        let [rows, cols] = value.dims();
        let left = piece.start() - self.whole.start();
        let zeros = Tensor::zeros([rows, self.whole.positions()], &self.device);
        zeros.slice_assign([0..rows, left..left + cols], value)
    }

    /// Returns a piece's part of the columns of a whole matrix.
    fn narrowed(&self, value: Tensor<2>, piece: &Batch) -> Tensor<2> {
        value.narrow(1, piece.start() - self.whole.start(), piece.positions())
    }

    /// Returns ranges of a few positions each, which cover all those of a piece.
    fn chunks(&self, vocab: usize, positions: usize) -> impl Iterator<Item = Range<usize>> {
        let size = (self.logits / vocab).max(1);
        (0..positions.div_ceil(size)).map(move |i| i * size..((i + 1) * size).min(positions))
    }

    fn positions(&self, model: &Decoder, what: &What, batch: &Batch) -> Tensor<2> {
        let states = states(model.hidden(batch.tokens(), None), batch);
        let other = what.other().map(|other| self::states(other.hidden(batch.tokens(), None), batch));
        let targets: Tensor<1, Int> = batch.targets().reshape([batch.rows() * batch.positions()]);
        let parts = self.chunks(model.config.vocab, states.dims()[0]).map(|chunk| {
            let take = |states: &Tensor<2>| states.clone().narrow(0, chunk.start, chunk.len());
            let targets = targets.clone().narrow(0, chunk.start, chunk.len());
            let other = what.other().zip(other.as_ref()).map(|(model, states)| next(model, take(states)));
            what.of(next(model, take(&states)), other, targets)
        });
        Tensor::cat(parts.collect(), 0).reshape([batch.rows(), batch.positions()])
    }

    fn policy_gradients(&self, model: &Decoder, batch: &Batch, wanted: &[(&What, Tensor<2>)]) -> GradientsParams {
        let trace = model.trace(batch.tokens());
        let model = tracked(model);
        let [rows, length, width] = trace.hidden.dims();
        let states = states(trace.hidden.clone(), batch);
        let n = states.dims()[0];
        let targets: Tensor<1, Int> = batch.targets().reshape([n]);
        let others: Vec<Option<Tensor<2>>> = wanted
            .iter()
            .map(|(what, _)| what.other().map(|other| self::states(other.hidden(batch.tokens(), None), batch)))
            .collect();
        let (mut sum, mut parts) = (GradientsParams::new(), Vec::new());
        for chunk in self.chunks(model.config.vocab, n) {
            let take = |states: &Tensor<2>| states.clone().narrow(0, chunk.start, chunk.len());
            let own = take(&states).autodiff().require_grad();
            let log_probs = next(&model, own.clone());
            let mut total: Option<Tensor<1>> = None;
            for ((what, gradient), other) in wanted.iter().zip(&others) {
                let other =
                    what.other().zip(other.as_ref()).map(|(model, states)| next(model, take(states)).autodiff());
                let targets = targets.clone().narrow(0, chunk.start, chunk.len());
                let targets = Tensor::from_data(targets.into_data(), &log_probs.device());
                let gradient = take(&gradient.clone().reshape([n, 1])).autodiff();
                let term = (what.of(log_probs.clone(), other, targets) * gradient).sum();
                total = Some(match total {
                    Some(total) => total + term,
                    None => term,
                });
            }
            let Some(total) = total else { continue };
            let mut gradients = total.backward();
            parts.push(own.grad(&gradients).unwrap_or_else(|| own.inner().zeros_like()));
            add(&model, &mut sum, GradientsParams::from_module(&mut gradients, &model));
        }
        let zeros: Tensor<3> = Tensor::zeros([rows, length, width], &self.device);
        let inner = Tensor::cat(parts, 0).reshape([rows, batch.positions(), width]);
        let hidden = zeros.slice_assign([0..rows, batch.start()..batch.start() + batch.positions(), 0..width], inner);
        add(&model, &mut sum, Decoder::pull(&model, trace, hidden));
        sum
    }
}

fn reward_gradients(model: &RewardModel, batch: &Batch, gradient: Tensor<2>) -> GradientsParams {
    let trace: Trace = model.backbone.trace(model.tokens(batch));
    let model = tracked(model);
    let hidden = trace.hidden.clone().autodiff().require_grad();
    let on = batch.clone().to_device(&model.head.val().device());
    let mut gradients = (model.score(hidden.clone(), &on) * gradient.autodiff()).sum().backward();
    let below = hidden.grad(&gradients).unwrap_or_else(|| hidden.inner().zeros_like());
    let mut sum = GradientsParams::from_module(&mut gradients, &model);
    let backbone = Decoder::pull(&model.backbone, trace, below);
    add(&model.backbone, &mut sum, backbone);
    sum
}

/// Returns the states that predict response tokens, `[rows positions, width]`.
fn states(hidden: Tensor<3>, batch: &Batch) -> Tensor<2> {
    let [rows, _, width] = hidden.dims();
    hidden.narrow(1, batch.start(), batch.positions()).reshape([rows * batch.positions(), width])
}

/// Returns the log-probabilities of the next token, `[n, vocab]`.
fn next(model: &Decoder, states: Tensor<2>) -> Tensor<2> {
    let [n, width] = states.dims();
    model.log_probs(states.reshape([1, n, width])).squeeze_dim(0)
}

impl What {
    fn other(&self) -> Option<&Decoder> {
        match self {
            What::KlTo(other) | What::KlFrom(other) => Some(other),
            What::Logp | What::Entropy | What::Rewards => None,
        }
    }

    /// Returns `[n, 1]`, from log-probabilities `[n, vocab]` of the player and of the other.
    fn of(&self, own: Tensor<2>, other: Option<Tensor<2>>, targets: Tensor<1, Int>) -> Tensor<2> {
        let n = own.dims()[0];
        let kl = |p: Tensor<2>, q: Tensor<2>| (p.clone().exp() * (p - q)).sum_dim(1);
        match (self, other) {
            (What::Entropy, _) => (own.clone().exp() * own).sum_dim(1).neg(),
            (What::KlTo(_), Some(other)) => kl(own, other),
            (What::KlFrom(_), Some(other)) => kl(other, own),
            _ => own.gather(1, targets.reshape([n, 1])),
        }
    }
}
