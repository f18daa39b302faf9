//! A decoder of the Llama family: RMSNorm, rotate-half RoPE, grouped-query attention, SwiGLU. The config sets the
//! differences between families: biases (Qwen2), norms of queries and keys (Qwen3), a sliding window (Mistral), tied
//! embeddings.

use burn::module::{Module, Param};
use burn::tensor::{
    Device, Int, Tensor, TensorData,
    activation::{log_softmax, silu},
};
use pbpo_hub::config::ModelConfig;
use rand_chacha::ChaCha8Rng;

use super::attention::{Attention, Positions};
use super::cache::Cache;
use super::compute::{Compute, f32, like};
use super::linear::Linear;
use super::{matrix, ones, rms_norm};
use crate::state::stored;

/// Attention and feed-forward; each follows a norm and is added to the stream.
#[derive(Module, Debug)]
pub struct Block {
    pub attention_norm: Param<Tensor<1>>,
    pub attention: Attention,
    pub ff_norm: Param<Tensor<1>>,
    /// `[width, ff]`.
    pub gate: Linear,
    /// `[width, ff]`.
    pub up: Linear,
    /// `[ff, width]`.
    pub down: Linear,
    #[module(skip)]
    norm_eps: f64,
}

/// The decoder. `hidden` reads tokens, `logits` predicts the next one.
#[derive(Module, Debug)]
pub struct Decoder {
    /// `[vocab, width]`.
    pub embed: Param<Tensor<2>>,
    pub blocks: Vec<Block>,
    pub norm: Param<Tensor<1>>,
    /// The output layer, `[width, vocab]`; absent if the transposed embedding is used instead.
    pub head: Option<Linear>,
    #[module(skip)]
    pub config: ModelConfig,
    /// The number format of the blocks and the head.
    #[module(skip)]
    pub compute: Compute,
}

impl Decoder {
    /// Makes random weights: every matrix N(0, 1/fan_in), residual outputs scaled down by sqrt(2 layers) (our choice;
    /// small models learn faster with it than with a fixed 0.02).
    pub fn new(config: ModelConfig, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        let std = (config.width as f64).powf(-0.5);
        let embed = matrix(rng, [config.vocab, config.width], std, device);
        let blocks = (0..config.layers).map(|_| Block::new(&config, rng, device)).collect();
        let head = (!config.tied).then(|| Linear::new(matrix(rng, [config.width, config.vocab], std, device)));
        Self { embed, blocks, norm: ones(config.width, device), head, config, compute: Compute::F32 }
    }

    /// Returns the last hidden states, after the final norm: `[rows, new] -> [rows, new, width]`, in f32. With a cache,
    /// `tokens` follow those that the cache has read.
    pub fn hidden(&self, tokens: Tensor<2, Int>, mut cache: Option<&mut Cache>) -> Tensor<3> {
        let [rows, new] = tokens.dims();
        let start = cache.as_ref().map_or(0, |c| c.len());
        let mut x = self.embedded(tokens.reshape([rows * new]));
        let positions = Positions::new(&self.config, start, new, &x);
        for (layer, block) in self.blocks.iter().enumerate() {
            x = block.forward(x, [rows, new], &positions, cache.as_deref_mut().map(|c| (layer, c)));
        }
        if let Some(cache) = cache {
            cache.advance(new);
        }
        self.normed(x).reshape([rows, new, self.config.width])
    }

    /// Returns the stream before the first block, `[rows] -> [rows, width]`.
    pub(super) fn embedded(&self, tokens: Tensor<1, Int>) -> Tensor<2> {
        self.compute.enter(self.embed.val().select(0, tokens))
    }

    /// Returns the stream after the last block, normed, in f32.
    pub(super) fn normed(&self, x: Tensor<2>) -> Tensor<2> {
        rms_norm(f32(x), &self.norm, self.config.norm_eps)
    }

    /// Returns unnormalised log-probabilities of the next token: `[rows, n, width] -> [rows, n, vocab]`, in f32.
    pub fn logits(&self, hidden: Tensor<3>) -> Tensor<3> {
        let [rows, n, width] = hidden.dims();
        let hidden = self.compute.enter(hidden.reshape([rows * n, width]));
        let logits = match &self.head {
            Some(head) => head.forward(hidden),
            None => hidden.clone().matmul(like(self.embed.val(), &hidden).transpose()),
        };
        f32(logits).reshape([rows, n, self.config.vocab])
    }

    /// Returns log-probabilities of the next token: `[rows, n, width] -> [rows, n, vocab]`, in nats and f32.
    pub fn log_probs(&self, hidden: Tensor<3>) -> Tensor<3> {
        log_softmax(self.logits(hidden), 2)
    }

    /// Returns the model for use without training, in bf16 if it is computed in bf16.
    pub fn frozen(self) -> Self {
        match self.compute {
            Compute::F32 => self,
            Compute::Bf16 => self.compute.settle(self.no_grad()),
        }
    }

    /// Makes a tensor from rows of token ids; all rows have the same length.
    pub fn tokens(&self, rows: usize, ids: Vec<i32>) -> Tensor<2, Int> {
        let cols = ids.len() / rows.max(1);
        Tensor::from_data(TensorData::new(ids, [rows, cols]), &self.embed.val().device())
    }
}

impl Block {
    fn new(config: &ModelConfig, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        let ModelConfig { width, ff, .. } = *config;
        let std = (width as f64).powf(-0.5);
        let down_std = (ff as f64 * 2.0 * config.layers as f64).powf(-0.5);
        let attention = Attention::matrices(config, rng, device);
        let mut linear = |shape, std| Linear::new(matrix(rng, shape, std, device));
        let mlp = [linear([width, ff], std), linear([width, ff], std), linear([ff, width], down_std)];
        let norms = [ones(width, device), ones(width, device)];
        Self::of(config, norms, attention, [None, None], mlp)
    }

    /// Makes a block from given weights: norms before the attention and before the feed-forward part; queries, keys,
    /// values and output; norms of queries and keys; gate, up and down.
    pub(super) fn of(
        config: &ModelConfig,
        [attention_norm, ff_norm]: [Param<Tensor<1>>; 2],
        attention: [Linear; 4],
        qk_norms: [Option<Param<Tensor<1>>>; 2],
        [gate, up, down]: [Linear; 3],
    ) -> Self {
        let attention = Attention::of(config, attention, qk_norms);
        Self { attention_norm, attention, ff_norm, gate, up, down, norm_eps: config.norm_eps }
    }

    /// Computes `[rows new, width] -> [rows new, width]`.
    pub(super) fn forward(
        &self,
        x: Tensor<2>,
        shape: [usize; 2],
        positions: &Positions,
        cache: Option<(usize, &mut Cache)>,
    ) -> Tensor<2> {
        let normed = rms_norm(x.clone(), &self.attention_norm, self.norm_eps);
        let x = x + self.attention.forward(normed, shape, positions, cache);
        x.clone() + self.feed_forward(rms_norm(x, &self.ff_norm, self.norm_eps))
    }

    fn feed_forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.down.forward(silu(self.gate.forward(x.clone())) * self.up.forward(x))
    }
}

stored!(Block as BlockRecord {
    attention_norm: Param<Tensor<1>>,
    attention: Attention,
    ff_norm: Param<Tensor<1>>,
    gate: Linear,
    up: Linear,
    down: Linear,
} {
    norm_eps: f64,
});

stored!(Decoder as DecoderRecord {
    embed: Param<Tensor<2>>,
    blocks: Vec<Block>,
    norm: Param<Tensor<1>>,
    head: Option<Linear>,
} {
    config: ModelConfig,
    compute: Compute,
});
