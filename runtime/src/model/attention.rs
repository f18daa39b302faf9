//! Grouped-query attention with rotate-half rotary positions, as in Llama, Qwen and Mistral.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData, activation::softmax};
use pbpo_hub::config::{ModelConfig, Rope};
use rand_chacha::ChaCha8Rng;

use super::cache::Cache;
use super::compute::{f32, like};
use super::linear::Linear;
use super::{matrix, rms_norm};
use crate::state::stored;

/// The four projections. (One fused matrix for queries, keys and values is slower on the CPU: the
/// gradient of each slice of its product is a tensor of full size.)
#[derive(Module, Debug)]
pub struct Attention {
    /// `[width, heads head_dim]`.
    pub q: Linear,
    /// `[width, kv_heads head_dim]`.
    pub k: Linear,
    /// `[width, kv_heads head_dim]`.
    pub v: Linear,
    /// `[heads head_dim, width]`.
    pub out: Linear,
    /// The norms of queries and keys, `[head_dim]` each, if the model has them (Qwen3).
    pub q_norm: Option<Param<Tensor<1>>>,
    pub k_norm: Option<Param<Tensor<1>>>,
    #[module(skip)]
    heads: usize,
    #[module(skip)]
    kv_heads: usize,
    #[module(skip)]
    norm_eps: f64,
}

/// Constants for the positions of one forward step, in the numbers of the stream: cosines and sines,
/// `[1, new, 1, head_dim]` each, the half turn `[head_dim, head_dim]`, and the causal mask `[1, 1, groups new, seen]`
/// (absent if one token sees all).
pub struct Positions {
    cos: Tensor<4>,
    sin: Tensor<4>,
    turn: Tensor<2>,
    mask: Option<Tensor<4>>,
}

impl Positions {
    /// Makes the constants for positions `start..start + new` of the stream `x`.
    pub fn new(config: &ModelConfig, start: usize, new: usize, x: &Tensor<2>) -> Self {
        let device = &x.device();
        let dim = config.head_dim;
        let frequencies = frequencies(config);
        let scale = config.attention_scale();
        let mut cos = Vec::with_capacity(new * dim);
        let mut sin = Vec::with_capacity(new * dim);
        for position in start..start + new {
            for i in 0..dim {
                let angle = position as f64 * frequencies[i % (dim / 2)];
                cos.push((angle.cos() * scale) as f32);
                sin.push((angle.sin() * scale) as f32);
            }
        }
        let table = |values| like(Tensor::from_data(TensorData::new::<f32, _>(values, [1, new, 1, dim]), device), x);
        let mask = mask(config, start, new, device);
        let half = dim / 2;
        let turn = (0..dim * dim).map(|i| match (i / dim, i % dim) {
            (from, to) if from == to + half => -1.0,
            (from, to) if from + half == to => 1.0,
            _ => 0.0_f32,
        });
        let turn = Tensor::from_data(TensorData::new(turn.collect::<Vec<_>>(), [dim, dim]), device);
        Self { cos: table(cos), sin: table(sin), turn: like(turn, x), mask }
    }
}

/// Returns the turns of each half-pair from one position to the next, in radians. Plain ones are not rounded to f32
/// first.
fn frequencies(config: &ModelConfig) -> Vec<f64> {
    let dim = config.head_dim;
    match config.rope {
        Rope::Plain => (0..dim / 2).map(|i| config.rope_theta.powf(-((2 * i) as f64) / dim as f64)).collect(),
        _ => config.inverse_frequencies().into_iter().map(f64::from).collect(),
    }
}

/// Returns the mask: 0 for visible tokens, minus infinity for later tokens and for those outside the sliding window.
/// (The exponential of minus infinity is 0 at once, that of a large negative number takes libm's slow path.)
fn mask(config: &ModelConfig, start: usize, new: usize, device: &Device) -> Option<Tensor<4>> {
    let (groups, seen) = (config.heads / config.kv_heads, start + new);
    let window = config.sliding_window.unwrap_or(usize::MAX);
    if new == 1 && seen <= window {
        return None;
    }
    let mut mask = Vec::with_capacity(groups * new * seen);
    for _ in 0..groups {
        for t in start..seen {
            let sees = |s: usize| s <= t && t - s < window;
            mask.extend((0..seen).map(|s| if sees(s) { 0.0_f32 } else { f32::NEG_INFINITY }));
        }
    }
    Some(Tensor::from_data(TensorData::new(mask, [1, 1, groups * new, seen]), device))
}

impl Attention {
    /// Draws random matrices of queries, keys, values and output.
    pub(super) fn matrices(config: &ModelConfig, rng: &mut ChaCha8Rng, device: &Device) -> [Linear; 4] {
        let (width, dim) = (config.width, config.head_dim);
        let std = (width as f64).powf(-0.5);
        let out_std = std / (2.0 * config.layers as f64).sqrt();
        let mut linear = |shape, std| Linear::new(matrix(rng, shape, std, device));
        [
            linear([width, config.heads * dim], std),
            linear([width, config.kv_heads * dim], std),
            linear([width, config.kv_heads * dim], std),
            linear([config.heads * dim, width], out_std),
        ]
    }

    pub(super) fn of(
        config: &ModelConfig,
        [q, k, v, out]: [Linear; 4],
        [q_norm, k_norm]: [Option<Param<Tensor<1>>>; 2],
    ) -> Self {
        let ModelConfig { heads, kv_heads, norm_eps, .. } = *config;
        Self { q, k, v, out, q_norm, k_norm, heads, kv_heads, norm_eps }
    }

    /// Computes `[rows new, width] -> [rows new, width]`. With a cache, it also attends to the cached tokens.
    pub fn forward(
        &self,
        x: Tensor<2>,
        [rows, new]: [usize; 2],
        positions: &Positions,
        cache: Option<(usize, &mut Cache)>,
    ) -> Tensor<2> {
        let (heads, kv) = (self.heads, self.kv_heads);
        let dim = self.out.weight.val().dims()[0] / heads;
        let project = |linear: &Linear, norm: &Option<Param<Tensor<1>>>, heads| {
            let x = linear.forward(x.clone());
            let x = match norm {
                Some(weight) => rms_norm(x.reshape([rows * new * heads, dim]), weight, self.norm_eps),
                None => x,
            };
            x.reshape([rows, new, heads, dim])
        };
        let q = rotate(project(&self.q, &self.q_norm, heads), positions);
        let q = q.swap_dims(1, 2).reshape([rows, kv, heads / kv * new, dim]);
        let k = rotate(project(&self.k, &self.k_norm, kv), positions).swap_dims(1, 2);
        let v = project(&self.v, &None, kv).swap_dims(1, 2);
        let (k, v) = match cache {
            Some((layer, cache)) => cache.extend(layer, k, v),
            None => (k, v),
        };
        let scores = f32(q.matmul(k.swap_dims(2, 3))).mul_scalar((dim as f64).powf(-0.5));
        let scores = match &positions.mask {
            Some(mask) => scores + mask.clone(),
            None => scores,
        };
        let mixed = like(softmax(scores, 3), &v).matmul(v).reshape([rows, heads, new, dim]).swap_dims(1, 2);
        self.out.forward(mixed.reshape([rows * new, heads * dim]))
    }
}

/// Rotates each half-pair of `x` (`[rows, new, heads, head_dim]`) by its position's angle. The half turn
/// `(x1, x2) -> (-x2, x1)` is a product with a constant matrix: cheaper, forwards and backwards, than
/// slicing and joining.
fn rotate(x: Tensor<4>, positions: &Positions) -> Tensor<4> {
    let [rows, new, heads, dim] = x.dims();
    let turned = x.clone().reshape([rows * new * heads, dim]).matmul(positions.turn.clone());
    x * positions.cos.clone() + turned.reshape([rows, new, heads, dim]) * positions.sin.clone()
}

stored!(Attention as AttentionRecord {
    q: Linear,
    k: Linear,
    v: Linear,
    out: Linear,
    q_norm: Option<Param<Tensor<1>>>,
    k_norm: Option<Param<Tensor<1>>>,
} {
    heads: usize,
    kv_heads: usize,
    norm_eps: f64,
});
