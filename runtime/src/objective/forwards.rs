//! A player's forward over a batch, and forwards of one player with a gradient graph each.
//!
//! If the moved player has several forwards, each gets a separate graph, so that they run side by side in both
//! directions: the objective is differentiated in the outputs of the forwards, then each forward in the parameters. The
//! gradients of the parameters are added in the order of the list. A common graph adds them in the same order, so the
//! sums are the same bit for bit, with any number of threads.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Gradients, Tensor};
use pbpo_plan::Gives;
use rayon::prelude::*;

use crate::batch::Batch;
use crate::model::recompute::add;
use crate::model::{Decoder, Head};
use crate::player::Model;
use crate::state::stored_enum;

/// The output of a forward.
#[derive(Clone)]
pub enum Output {
    /// Log-probabilities, `[rows, positions, vocabulary]`, in nats.
    LogProbs(Tensor<3>),
    /// Log-probabilities of the response tokens or rewards, `[rows, positions]` or `[rows, 1]`.
    Matrix(Tensor<2>),
    /// No output yet: the batch is too large, and is computed in pieces on demand.
    Later,
}

/// A forward of the moved player with a separate gradient graph.
pub struct Apart {
    model: Model,
    output: Output,
    /// The output as a constant in the objective's graph.
    seen: Output,
}

impl Model {
    /// Runs the forward over a batch. A policy gives the log-probabilities of all tokens, or only of the batch's
    /// tokens.
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

    /// Tells whether the output has one value for each row instead of each position.
    pub fn scores_rows(&self) -> bool {
        matches!(self, Model::Reward(model) if model.kind != Head::Token)
    }
}

/// Returns next-token log-probabilities at each predicting position, `[rows, positions, vocabulary]`.
pub fn log_probs(model: &Decoder, batch: &Batch) -> Tensor<3> {
    let hidden = model.hidden(batch.tokens(), None);
    model.log_probs(hidden.narrow(1, batch.start(), batch.positions()))
}

/// Applies `work` to each item, on several threads. Returns the results in the items' order.
pub fn side_by_side<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync + Send) -> Vec<R> {
    items.into_par_iter().with_max_len(1).map(work).collect()
}

impl Output {
    /// Returns a plain result as a constant of an objective.
    pub fn autodiff(self) -> Self {
        match self {
            Output::LogProbs(t) => Output::LogProbs(t.autodiff()),
            Output::Matrix(t) => Output::Matrix(t.autodiff()),
            Output::Later => Output::Later,
        }
    }

    /// Returns the same numbers at the start of another graph.
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

    /// Returns the output that the objective uses.
    pub fn seen(&self) -> Output {
        self.seen.clone()
    }

    /// Returns the sum of this forward's output times the objective's gradient in it: its gradient in the parameters is
    /// that of the objective through this forward. It exists even if that gradient is absent, because a graph without a
    /// backward pass is never freed.
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

/// Returns the gradients of `module`'s parameters: from the objective's graph, or from the separate forwards.
pub fn gradients<M: Module>(module: &M, mut outer: Gradients, apart: Vec<Apart>) -> GradientsParams {
    if apart.is_empty() {
        return GradientsParams::from_module(&mut outer, module);
    }
    let pulled = apart.into_iter().filter_map(|forward| forward.pulled(&outer)).collect();
    let mut parts = side_by_side(pulled, |(model, scalar): (Model, Tensor<1>)| {
        GradientsParams::from_module(&mut scalar.backward(), &model)
    })
    .into_iter();
    let mut sum = parts.next().unwrap_or_default();
    parts.for_each(|part| add(module, &mut sum, part));
    sum
}

stored_enum!(Output as OutputRecord { LogProbs(Tensor<3>), Matrix(Tensor<2>) } { Later });
