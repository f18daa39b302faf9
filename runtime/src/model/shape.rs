//! Sizes of a model from its config, as estimates of memory take them.

use pbpo_hub::config::ModelConfig;
use pbpo_plan::memory::Shape;

use super::Decoder;
use crate::objective::pieces::LIMITS;

/// Returns the shape that a config describes.
pub fn shape(config: &ModelConfig) -> Shape {
    let ModelConfig { layers, width, heads, kv_heads, head_dim, ff, vocab, context, tied, .. } = *config;
    let size = |on: bool, size: usize| if on { size } else { 0 };
    let extra = size(config.qkv_bias, (heads + 2 * kv_heads) * head_dim)
        + size(config.output_bias, width)
        + size(config.mlp_bias, 2 * ff + width)
        + size(config.qk_norm, 2 * head_dim);
    let [layers, width, heads, kv_heads, head_dim, ff, vocab, context, extra] =
        [layers, width, heads, kv_heads, head_dim, ff, vocab, context, extra].map(|size| size as u64);
    Shape { layers, width, heads, kv_heads, head_dim, ff, vocab, context, tied, extra, adapters: 0 }
}

impl Decoder {
    /// Returns the model's shape, without adapters.
    pub fn shape(&self) -> Shape {
        shape(&self.config)
    }

    /// Returns the largest number of tokens of one forward without a graph, in rows of up to `length`.
    pub fn reads(&self, length: usize) -> usize {
        self.shape().reads(length as u64, LIMITS) as usize
    }
}
