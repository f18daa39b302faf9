//! A player's forward over a batch, and forwards of one player with a gradient graph each.
//!
//! Where the player that is moved has several forwards, each has a graph of its own, so that they go forth
//! and back side by side: the objective is differentiated in what the forwards gave, then each forward in the
//! parameters. The parameters' gradients are added in the order of the list. That is the order in which one
//! common graph adds them, and the sums are the same bit for bit, with any number of threads.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Gradients, Tensor, activation::log_softmax};
use pbpo_plan::Gives;
use rayon::prelude::*;

use crate::batch::Batch;
use crate::model::recompute::add;
use crate::model::{Decoder, Head, RewardModel};

/// A player's model: a plain one, or a copy that autodiff tracks.
#[derive(Clone)]
pub enum Model {
    Policy(Decoder),
    Reward(RewardModel),
}

/// What a forward gave.
#[derive(Clone)]
pub enum Output {
    /// `[rows, positions, vocabulary]`, nats.
    LogProbs(Tensor<3>),
    /// Log-probabilities of the response tokens or rewards, `[rows, positions]` or `[rows, 1]`.
    Matrix(Tensor<2>),
    /// Nothing: the batch is too large, and is computed in pieces where it is needed.
    Later,
}

/// A forward of the moved player with a gradient graph of its own.
pub struct Apart {
    model: Model,
    output: Output,
    /// The same numbers, as the objective sees them.
    seen: Output,
}

impl Model {
    /// The forward over a batch. Of a policy the log-probabilities of all tokens, or of the batch's only.
    pub fn forward(&self, batch: &Batch, gives: Gives) -> Output {
        match self {
            Model::Policy(model) => {
                let log_probs = log_probs(model, batch);
                if gives == Gives::Logp {
                    Output::Matrix(log_probs.gather(2, batch.targets().unsqueeze_dim(2)).squeeze_dim(2))
                } else {
                    Output::LogProbs(log_probs)
                }
            }
            Model::Reward(model) => Output::Matrix(model.rewards(batch)),
        }
    }

    /// Whether it says one thing of each row, and not of each position.
    pub fn scores_rows(&self) -> bool {
        matches!(self, Model::Reward(model) if model.kind != Head::Token)
    }

    fn own_gradients(&self, mut gradients: Gradients) -> GradientsParams {
        match self {
            Model::Policy(model) => GradientsParams::from_module(&mut gradients, model),
            Model::Reward(model) => GradientsParams::from_module(&mut gradients, model),
        }
    }
}

/// Next-token log-probabilities at each predicting position, `[rows, positions, vocabulary]`.
pub fn log_probs(model: &Decoder, batch: &Batch) -> Tensor<3> {
    let hidden = model.hidden(batch.tokens(), None);
    log_softmax(model.logits(hidden.narrow(1, batch.start(), batch.positions())), 2)
}

/// Applies `work` to each item, on several threads; the results in the items' order.
pub fn side_by_side<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync + Send) -> Vec<R> {
    items.into_par_iter().with_max_len(1).map(work).collect()
}

impl Output {
    /// A plain result as a constant of an objective.
    pub fn autodiff(self) -> Self {
        match self {
            Output::LogProbs(t) => Output::LogProbs(t.autodiff()),
            Output::Matrix(t) => Output::Matrix(t.autodiff()),
            Output::Later => Output::Later,
        }
    }

    /// The same numbers at the start of another graph.
    fn cut(&self) -> Self {
        match self {
            Output::LogProbs(t) => Output::LogProbs(t.clone().inner().autodiff().require_grad()),
            Output::Matrix(t) => Output::Matrix(t.clone().inner().autodiff().require_grad()),
            Output::Later => Output::Later,
        }
    }
}

impl Apart {
    pub fn new(model: Model, output: Output) -> Self {
        Self { seen: output.cut(), model, output }
    }

    /// What the objective is made of.
    pub fn seen(&self) -> Output {
        self.seen.clone()
    }

    /// What this forward gave times the objective's gradient in it, summed: its gradient in the parameters is
    /// that of the objective through this forward. There is one in any case: a graph without a backward pass
    /// is kept for ever.
    fn pulled(self, outer: &Gradients) -> Option<(Model, Tensor<1>)> {
        let scalar = match (self.output, self.seen) {
            (Output::LogProbs(output), Output::LogProbs(seen)) => pull(output, &seen, outer),
            (Output::Matrix(output), Output::Matrix(seen)) => pull(output, &seen, outer),
            // `seen` was cut from `output`.
            (Output::LogProbs(output), _) => output.sum(),
            (Output::Matrix(output), _) => output.sum(),
            (Output::Later, _) => return None,
        };
        Some((self.model, scalar))
    }
}

fn pull<const D: usize>(output: Tensor<D>, seen: &Tensor<D>, outer: &Gradients) -> Tensor<1> {
    let gradient = seen.grad(outer).unwrap_or_else(|| seen.clone().inner().zeros_like());
    (output * gradient.autodiff()).sum()
}

/// Gradients of `module`'s parameters: from the objective's own graph, or from the forwards apart from it.
pub fn gradients<M: Module>(module: &M, mut outer: Gradients, apart: Vec<Apart>) -> GradientsParams {
    if apart.is_empty() {
        return GradientsParams::from_module(&mut outer, module);
    }
    let pulled = apart.into_iter().filter_map(|forward| forward.pulled(&outer)).collect();
    let mut parts =
        side_by_side(pulled, |(model, scalar): (Model, Tensor<1>)| model.own_gradients(scalar.backward())).into_iter();
    let mut sum = parts.next().unwrap_or_default();
    parts.for_each(|part| add(module, &mut sum, part));
    sum
}
