//! Reward models: a backbone copied from a policy, with a sequence head or a token head.
//!
//! The token head is a token action-value: `r_t = <h_{t-1}, U[y_t]>` with `U` zero at first, so that
//! a fresh reward model is indifferent. Every output of a head is bounded, `b tanh(s / b)`: without a
//! bound the adversary's problem has no minimum for few or separable preferences.

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};

use super::llama::Llama;
use crate::batch::Batch;

/// Where a reward model looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    /// One reward a response, linear in the last hidden state.
    Sequence,
    /// One reward a response token.
    Token,
    /// One reward a response, linear in the mean of the hidden states at its tokens.
    Mean,
}

#[derive(Module, Debug)]
pub struct RewardModel {
    pub backbone: Llama,
    /// `[vocab, width]` for a token head, else `[width, 1]`.
    pub head: Param<Tensor<2>>,
    #[module(skip)]
    pub kind: Head,
    /// Bound of each output of the head; infinite where there is none.
    #[module(skip)]
    pub bound: f64,
}

impl RewardModel {
    pub fn new(backbone: Llama, kind: Head, bound: f64, device: &Device) -> Self {
        let shape = match kind {
            Head::Sequence | Head::Mean => [backbone.config.width, 1],
            Head::Token => [backbone.config.vocab, backbone.config.width],
        };
        Self { backbone, head: Param::from_tensor(Tensor::zeros(shape, device)), kind, bound }
    }

    /// Rewards of a batch: `[rows, positions]` from a token head (padding is not zeroed), else `[rows, 1]`.
    pub fn rewards(&self, batch: &Batch) -> Tensor<2> {
        let hidden = self.backbone.hidden(batch.tokens(), None);
        let raw = match self.kind {
            Head::Token => {
                let [rows, _, width] = hidden.dims();
                let positions = batch.positions();
                let states = hidden.narrow(1, batch.start(), positions);
                let targets: Tensor<1, Int> = batch.targets().reshape([rows * positions]);
                let actions = self.head.val().select(0, targets).reshape([rows, positions, width]);
                (states * actions).sum_dim(2).squeeze_dim(2)
            }
            Head::Sequence => {
                let [rows, length, width] = hidden.dims();
                let flat = hidden.reshape([rows * length, width]);
                flat.select(0, batch.last_tokens()).matmul(self.head.val())
            }
            Head::Mean => batch.mean_response(hidden).matmul(self.head.val()),
        };
        if self.bound == f64::INFINITY {
            return raw;
        }
        raw.div_scalar(self.bound).tanh().mul_scalar(self.bound)
    }

    /// The reward of each response, `[rows, 1]`: of a token head the sum over its tokens.
    pub fn response_rewards(&self, batch: &Batch) -> Tensor<2> {
        let rewards = self.rewards(batch);
        if self.kind == Head::Token { (rewards * batch.mask()).sum_dim(1) } else { rewards }
    }
}
