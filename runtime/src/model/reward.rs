//! Reward models: a backbone copied from a policy, with a sequence head or a token head.
//!
//! The token head is a token action-value: `r_t = <h_{t-1}, U[y_t]>` with `U` zero at first, so that a fresh reward
//! model is indifferent. Every output of a head is bounded, `b tanh(s / b)`: without a bound the adversary's problem
//! has no minimum for few or separable preferences.

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::decoder::Decoder;
use crate::batch::Batch;
use crate::error::Fault;
use crate::state::stored;

/// The position from which a reward is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Head {
    /// One reward for each response, linear in the last hidden state: a classifier of transformers. It reads a chat to
    /// its end, beyond the first token that ends a response.
    Sequence,
    /// One reward for each response token.
    Token,
    /// One reward for each response, linear in the mean of the hidden states at its tokens.
    Mean,
}

#[derive(Module, Debug)]
pub struct RewardModel {
    pub backbone: Decoder,
    /// `[vocab, width]` for a token head, else `[width, 1]`.
    pub head: Param<Tensor<2>>,
    #[module(skip)]
    pub kind: Head,
    /// The bound of each output of the head; infinite if there is none.
    #[module(skip)]
    pub bound: f64,
}

impl RewardModel {
    pub fn new(backbone: Decoder, kind: Head, bound: f64, device: &Device) -> Self {
        let shape = match kind {
            Head::Sequence | Head::Mean => [backbone.config.width, 1],
            Head::Token => [backbone.config.vocab, backbone.config.width],
        };
        Self { backbone, head: Param::from_tensor(Tensor::zeros(shape, device)), kind, bound }
    }

    /// Takes the head of a classifier on disk, `[labels, width]` row by row: one label makes a sequence head, one label
    /// for each token a token head.
    pub fn take(&mut self, score: &[f32]) -> Result<(), Fault> {
        let [rows, cols] = self.head.val().dims();
        if score.len() != rows * cols {
            let (labels, kind) = (score.len() / self.backbone.config.width, self.kind);
            return Err(Fault::new(format!("the checkpoint's head has {labels} labels, which is no {kind:?} head"))
                .help("write `head = sequence` for one label, `head = token` for one a token of the vocabulary"));
        }
        let data = TensorData::new(score.to_vec(), [rows, cols]);
        self.head = Param::from_tensor(Tensor::from_data(data, &self.head.val().device()));
        Ok(())
    }

    /// Returns the rewards of a batch: `[rows, positions]` from a token head (padding is not zeroed), else `[rows, 1]`.
    pub fn rewards(&self, batch: &Batch) -> Tensor<2> {
        self.score(self.backbone.hidden(self.tokens(batch), None), batch)
    }

    /// Returns the batch's tokens for this model, `[rows, length]`.
    pub fn tokens(&self, batch: &Batch) -> Tensor<2, Int> {
        if self.kind == Head::Sequence { batch.read() } else { batch.tokens() }
    }

    /// Returns the rewards from the backbone's hidden states at [`Self::tokens`], `[rows, length, width]`.
    pub fn score(&self, hidden: Tensor<3>, batch: &Batch) -> Tensor<2> {
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
                flat.select(0, batch.last_read(self.backbone.config.pad)).matmul(self.head.val())
            }
            Head::Mean => batch.mean_response(hidden).matmul(self.head.val()),
        };
        if self.bound.is_finite() { raw.div_scalar(self.bound).tanh().mul_scalar(self.bound) } else { raw }
    }

    /// Returns the reward of each response, `[rows, 1]`; for a token head the sum over its tokens.
    pub fn response_rewards(&self, batch: &Batch) -> Tensor<2> {
        let rewards = self.rewards(batch);
        if self.kind == Head::Token { (rewards * batch.mask()).sum_dim(1) } else { rewards }
    }
}

stored!(RewardModel as RewardModelRecord {
    backbone: Decoder,
    head: Param<Tensor<2>>,
} {
    kind: Head,
    bound: f64,
});
