//! Grouped-query attention with rotate-half rotary positions, as in Llama.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData, activation::softmax};
use rand_chacha::ChaCha8Rng;

use super::cache::Cache;
use super::llama::LlamaConfig;
use super::matrix;

/// Query, key and value projections are one matrix: one large product instead of three small ones.
#[derive(Module, Debug)]
pub struct Attention {
    /// `[width, (heads + 2 kv_heads) head_dim]`: queries, then keys, then values.
    pub qkv: Param<Tensor<2>>,
    /// `[heads head_dim, width]`.
    pub out: Param<Tensor<2>>,
    #[module(skip)]
    heads: usize,
    #[module(skip)]
    kv_heads: usize,
}

/// Cosines and sines of the positions of one forward step, `[1, new, 1, head_dim]` each, and the
/// causal mask `[1, 1, groups new, seen]` (absent where one token sees all).
pub struct Positions {
    cos: Tensor<4>,
    sin: Tensor<4>,
    mask: Option<Tensor<4>>,
}

impl Positions {
    /// Positions `start..start + new`.
    pub fn new(config: &LlamaConfig, start: usize, new: usize, device: &Device) -> Self {
        let dim = config.head_dim();
        let mut cos = Vec::with_capacity(new * dim);
        let mut sin = Vec::with_capacity(new * dim);
        for position in start..start + new {
            for i in 0..dim {
                let frequency = config.rope_theta.powf(-((2 * (i % (dim / 2))) as f64) / dim as f64);
                let angle = position as f64 * frequency;
                cos.push(angle.cos() as f32);
                sin.push(angle.sin() as f32);
            }
        }
        let table = |values| Tensor::from_data(TensorData::new::<f32, _>(values, [1, new, 1, dim]), device);
        let mask = (new > 1).then(|| {
            let groups = config.heads / config.kv_heads;
            let seen = start + new;
            let mut mask = Vec::with_capacity(groups * new * seen);
            for _ in 0..groups {
                for t in start..seen {
                    mask.extend((0..seen).map(|s| if s <= t { 0.0_f32 } else { -1e9 }));
                }
            }
            Tensor::from_data(TensorData::new(mask, [1, 1, groups * new, seen]), device)
        });
        Self { cos: table(cos), sin: table(sin), mask }
    }
}

impl Attention {
    pub fn new(config: &LlamaConfig, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        let (width, dim) = (config.width, config.head_dim());
        let std = (width as f64).powf(-0.5);
        Self {
            qkv: matrix(rng, [width, (config.heads + 2 * config.kv_heads) * dim], std, device),
            out: matrix(rng, [config.heads * dim, width], std / (2.0 * config.layers as f64).sqrt(), device),
            heads: config.heads,
            kv_heads: config.kv_heads,
        }
    }

    /// `[rows, new, width] -> [rows, new, width]`. With a cache, attends to what it holds too.
    pub fn forward(&self, x: Tensor<3>, positions: &Positions, cache: Option<(usize, &mut Cache)>) -> Tensor<3> {
        let [rows, new, _] = x.dims();
        let (heads, kv) = (self.heads, self.kv_heads);
        let all = x.matmul(self.qkv.val().unsqueeze());
        let dim = all.dims()[2] / (heads + 2 * kv);
        let all = all.reshape([rows, new, heads + 2 * kv, dim]);
        let qk = rotate(all.clone().narrow(2, 0, heads + kv), positions);
        let v = all.narrow(2, heads + kv, kv).swap_dims(1, 2);
        let k = qk.clone().narrow(2, heads, kv).swap_dims(1, 2);
        let q = qk.narrow(2, 0, heads).swap_dims(1, 2).reshape([rows, kv, heads / kv * new, dim]);
        let (k, v) = match cache {
            Some((layer, cache)) => cache.extend(layer, k, v),
            None => (k, v),
        };
        let scores = q.matmul(k.swap_dims(2, 3)).mul_scalar((dim as f64).powf(-0.5));
        let scores = match &positions.mask {
            Some(mask) => scores + mask.clone(),
            None => scores,
        };
        softmax(scores, 3)
            .matmul(v)
            .reshape([rows, heads, new, dim])
            .swap_dims(1, 2)
            .reshape([rows, new, heads * dim])
            .matmul(self.out.val().unsqueeze())
    }
}

/// Rotates each half-pair of `x` (`[rows, new, heads, head_dim]`) by its position's angle.
fn rotate(x: Tensor<4>, positions: &Positions) -> Tensor<4> {
    let half = x.dims()[3] / 2;
    let turned = Tensor::cat(vec![x.clone().narrow(3, half, half).neg(), x.clone().narrow(3, 0, half)], 3);
    x * positions.cos.clone() + turned * positions.sin.clone()
}
