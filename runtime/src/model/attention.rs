//! Grouped-query attention with rotate-half rotary positions, as in Llama.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData, activation::softmax};
use rand_chacha::ChaCha8Rng;

use super::cache::Cache;
use super::llama::LlamaConfig;
use super::matrix;

/// The four projections. (One fused matrix for queries, keys and values is slower on the CPU: the
/// gradient of each slice of its product is a tensor of full size.)
#[derive(Module, Debug)]
pub struct Attention {
    /// `[width, heads head_dim]`.
    pub q: Param<Tensor<2>>,
    /// `[width, kv_heads head_dim]`.
    pub k: Param<Tensor<2>>,
    /// `[width, kv_heads head_dim]`.
    pub v: Param<Tensor<2>>,
    /// `[heads head_dim, width]`.
    pub out: Param<Tensor<2>>,
    #[module(skip)]
    heads: usize,
    #[module(skip)]
    kv_heads: usize,
}

/// Cosines and sines of the positions of one forward step, `[1, new, 1, head_dim]` each, the half turn
/// `[head_dim, head_dim]`, and the causal mask `[1, 1, groups new, seen]` (absent where one token sees all).
pub struct Positions {
    cos: Tensor<4>,
    sin: Tensor<4>,
    turn: Tensor<2>,
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
            // Minus infinity: its exponential is 0 at once, that of a large number takes libm's slow path.
            for _ in 0..groups {
                for t in start..seen {
                    mask.extend((0..seen).map(|s| if s <= t { 0.0_f32 } else { f32::NEG_INFINITY }));
                }
            }
            Tensor::from_data(TensorData::new(mask, [1, 1, groups * new, seen]), device)
        });
        let half = dim / 2;
        let turn = (0..dim * dim).map(|i| match (i / dim, i % dim) {
            (from, to) if from == to + half => -1.0,
            (from, to) if from + half == to => 1.0,
            _ => 0.0_f32,
        });
        let turn = Tensor::from_data(TensorData::new(turn.collect::<Vec<_>>(), [dim, dim]), device);
        Self { cos: table(cos), sin: table(sin), turn, mask }
    }
}

impl Attention {
    pub fn new(config: &LlamaConfig, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        let (width, dim) = (config.width, config.head_dim());
        let std = (width as f64).powf(-0.5);
        Self {
            q: matrix(rng, [width, config.heads * dim], std, device),
            k: matrix(rng, [width, config.kv_heads * dim], std, device),
            v: matrix(rng, [width, config.kv_heads * dim], std, device),
            out: matrix(rng, [config.heads * dim, width], std / (2.0 * config.layers as f64).sqrt(), device),
            heads: config.heads,
            kv_heads: config.kv_heads,
        }
    }

    /// `[rows new, width] -> [rows new, width]`. With a cache, attends to what it holds too.
    pub fn forward(
        &self,
        x: Tensor<2>,
        [rows, new]: [usize; 2],
        positions: &Positions,
        cache: Option<(usize, &mut Cache)>,
    ) -> Tensor<2> {
        let (heads, kv) = (self.heads, self.kv_heads);
        let dim = self.out.val().dims()[0] / heads;
        let project =
            |weight: &Param<Tensor<2>>, heads| x.clone().matmul(weight.val()).reshape([rows, new, heads, dim]);
        let q = rotate(project(&self.q, heads), positions).swap_dims(1, 2).reshape([rows, kv, heads / kv * new, dim]);
        let k = rotate(project(&self.k, kv), positions).swap_dims(1, 2);
        let v = project(&self.v, kv).swap_dims(1, 2);
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
            .reshape([rows * new, heads * dim])
            .matmul(self.out.val())
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
