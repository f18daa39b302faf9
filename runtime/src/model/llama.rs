//! A Llama-style decoder: RMSNorm, rotate-half RoPE, grouped-query attention, SwiGLU, no biases.

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData, activation::silu};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::attention::{Attention, Positions};
use super::cache::Cache;
use super::{matrix, rms_norm};

/// Shape of a model. The vocabulary is the tokenizer's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LlamaConfig {
    pub layers: usize,
    pub width: usize,
    pub heads: usize,
    pub kv_heads: usize,
    pub ff: usize,
    /// Most tokens in a row, prompt and response together.
    pub context: usize,
    pub rope_theta: f64,
    #[serde(default)]
    pub vocab: usize,
}

impl LlamaConfig {
    pub fn head_dim(&self) -> usize {
        self.width / self.heads
    }
}

/// Attention and feed-forward, each behind a norm and added to the stream.
#[derive(Module, Debug)]
pub struct Block {
    pub attention_norm: Param<Tensor<1>>,
    pub attention: Attention,
    pub ff_norm: Param<Tensor<1>>,
    /// `[width, ff]`.
    pub gate: Param<Tensor<2>>,
    /// `[width, ff]`.
    pub up: Param<Tensor<2>>,
    /// `[ff, width]`.
    pub down: Param<Tensor<2>>,
}

/// The decoder. `hidden` reads tokens, `logits` predicts the next one.
#[derive(Module, Debug)]
pub struct Llama {
    /// `[vocab, width]`.
    pub embed: Param<Tensor<2>>,
    pub blocks: Vec<Block>,
    pub norm: Param<Tensor<1>>,
    /// `[width, vocab]`.
    pub head: Param<Tensor<2>>,
    #[module(skip)]
    pub config: LlamaConfig,
}

impl Llama {
    /// Random weights: every matrix N(0, 1/fan_in), residual outputs scaled down by sqrt(2 layers)
    /// (our choice; small models learn faster with it than with a fixed 0.02).
    pub fn new(config: LlamaConfig, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        let ones = || Param::from_tensor(Tensor::ones([config.width], device));
        let std = (config.width as f64).powf(-0.5);
        let embed = matrix(rng, [config.vocab, config.width], std, device);
        let blocks = (0..config.layers)
            .map(|_| Block {
                attention_norm: ones(),
                attention: Attention::new(&config, rng, device),
                ff_norm: ones(),
                gate: matrix(rng, [config.width, config.ff], std, device),
                up: matrix(rng, [config.width, config.ff], std, device),
                down: {
                    let std = (config.ff as f64 * 2.0 * config.layers as f64).powf(-0.5);
                    matrix(rng, [config.ff, config.width], std, device)
                },
            })
            .collect();
        let head = matrix(rng, [config.width, config.vocab], std, device);
        Self { embed, blocks, norm: ones(), head, config }
    }

    /// Last hidden states, after the final norm: `[rows, new] -> [rows, new, width]`.
    /// With a cache, `tokens` follow what the cache has read.
    pub fn hidden(&self, tokens: Tensor<2, Int>, mut cache: Option<&mut Cache>) -> Tensor<3> {
        let [rows, new] = tokens.dims();
        let start = cache.as_ref().map_or(0, |c| c.len());
        let embed = self.embed.val();
        let positions = Positions::new(&self.config, start, new, &embed.device());
        let mut x: Tensor<2> = embed.select(0, tokens.reshape([rows * new]));
        for (layer, block) in self.blocks.iter().enumerate() {
            let normed = rms_norm(x.clone(), &block.attention_norm);
            let cache = cache.as_deref_mut().map(|c| (layer, c));
            x = x + block.attention.forward(normed, [rows, new], &positions, cache);
            x = x.clone() + block.feed_forward(rms_norm(x, &block.ff_norm));
        }
        if let Some(cache) = cache {
            cache.advance(new);
        }
        rms_norm(x, &self.norm).reshape([rows, new, self.config.width])
    }

    /// Unnormalised log-probabilities of the next token: `[rows, n, width] -> [rows, n, vocab]`.
    pub fn logits(&self, hidden: Tensor<3>) -> Tensor<3> {
        let [rows, n, width] = hidden.dims();
        hidden.reshape([rows * n, width]).matmul(self.head.val()).reshape([rows, n, self.config.vocab])
    }

    /// Rows of token ids as a tensor; all rows have the same length.
    pub fn tokens(&self, rows: usize, ids: Vec<i32>) -> Tensor<2, Int> {
        let cols = ids.len() / rows.max(1);
        Tensor::from_data(TensorData::new(ids, [rows, cols]), &self.embed.val().device())
    }
}

impl Block {
    fn feed_forward(&self, x: Tensor<2>) -> Tensor<2> {
        (silu(x.clone().matmul(self.gate.val())) * x.matmul(self.up.val())).matmul(self.down.val())
    }
}
