//! `llama { ... }`: the shape of a model from random weights.

use std::sync::Arc;

use pbpo_hub::Dtype;
use pbpo_hub::config::{Family, ModelConfig, Rope};
use serde::{Deserialize, Serialize};

use super::{Compute, disk};
use crate::context::Context;
use crate::data::Data;
use crate::error::Fault;
use crate::tokenizer::{BOS, EOS, PAD, Tokenizer};

/// Settings of `llama { ... }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Llama {
    pub layers: usize,
    pub width: usize,
    pub heads: usize,
    pub kv_heads: usize,
    pub ff: usize,
    /// The largest number of tokens in a row, prompt and response together.
    pub context: usize,
    pub rope_theta: f64,
    /// A checkpoint whose tokenizer is used.
    #[serde(default)]
    pub tokenizer: Option<String>,
    #[serde(default)]
    pub compute: Compute,
}

impl Llama {
    /// Returns the model's config over a vocabulary.
    pub fn config(&self, vocab: usize) -> ModelConfig {
        ModelConfig {
            family: Family::Llama,
            architecture: None,
            vocab,
            width: self.width,
            layers: self.layers,
            heads: self.heads,
            kv_heads: self.kv_heads,
            head_dim: self.width / self.heads,
            ff: self.ff,
            context: self.context,
            rope_theta: self.rope_theta,
            rope: Rope::Plain,
            norm_eps: 1e-5,
            tied: false,
            qkv_bias: false,
            output_bias: false,
            mlp_bias: false,
            qk_norm: false,
            sliding_window: None,
            dtype: Dtype::F32,
            bos: Some(BOS),
            eos: vec![EOS],
            pad: Some(PAD),
            num_labels: 1,
            reward_bound: None,
        }
    }

    /// Returns the config over a tokenizer's vocabulary, with its special tokens.
    pub fn config_for(&self, tokenizer: &Tokenizer) -> ModelConfig {
        let config = self.config(tokenizer.vocab());
        match tokenizer {
            Tokenizer::Characters(_) => config,
            Tokenizer::Checkpoint(checkpoint) => {
                let (bos, pad) = (checkpoint.inner.bos(), checkpoint.inner.pad());
                ModelConfig { bos, eos: checkpoint.ends.clone(), pad, ..config }
            }
        }
    }

    /// Returns the named tokenizer, or that of the data's task.
    pub fn tokenizer(&self, data: &Data, context: &Context<'_>) -> Result<Arc<Tokenizer>, Fault> {
        if let Some(name) = &self.tokenizer {
            return Ok(Arc::new(disk::load_tokenizer(name, context.host)?));
        }
        data.tokenizer.clone().ok_or_else(|| {
            Fault::new(format!("nothing says how `{}` is cut into tokens", data.name))
                .help("give the model a tokenizer: `llama { ..., tokenizer = \"ORG/NAME\" }`")
        })
    }
}
