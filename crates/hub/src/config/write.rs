//! Writes `config.json` and `generation_config.json`, in the new spelling of transformers 5 and the old one of 4.

use std::path::Path;

use serde_json::{Value, json};

use super::{Family, ModelConfig, Rope};
use crate::{Dtype, Error, files};

impl ModelConfig {
    /// Returns `config.json` for weights in `dtype` of a transformers class, as `Qwen2ForCausalLM`.
    pub fn to_json(&self, dtype: Dtype, architecture: &str) -> Value {
        let mut config = json!({
            "architectures": [architecture],
            "model_type": self.family.name(),
            "vocab_size": self.vocab,
            "hidden_size": self.width,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "intermediate_size": self.ff,
            "hidden_act": "silu",
            "max_position_embeddings": self.context,
            "rope_theta": self.rope_theta,
            "rope_parameters": self.rope_parameters(),
            "rms_norm_eps": self.norm_eps,
            "tie_word_embeddings": self.tied,
            "attention_dropout": 0.0,
            "initializer_range": 0.02,
            "use_cache": true,
            "dtype": dtype.torch(),
            "torch_dtype": dtype.torch(),
            "bos_token_id": self.bos,
            "eos_token_id": one_or_list(&self.eos),
            "pad_token_id": self.pad,
        });
        if self.rope != Rope::Plain {
            config["rope_scaling"] = self.rope_parameters();
        }
        if matches!(self.family, Family::Llama | Family::Qwen3) {
            config["attention_bias"] = json!(self.qkv_bias);
        }
        if self.family == Family::Llama {
            config["mlp_bias"] = json!(self.mlp_bias);
        }
        self.add_window(&mut config);
        if architecture.ends_with("ForSequenceClassification") {
            let label = |i: usize| (i.to_string(), json!(format!("LABEL_{i}")));
            let number = |i: usize| (format!("LABEL_{i}"), json!(i));
            config["id2label"] = Value::Object((0..self.num_labels).map(label).collect());
            config["label2id"] = Value::Object((0..self.num_labels).map(number).collect());
            if let Some(bound) = self.reward_bound {
                config["reward_bound"] = json!(bound);
            }
        }
        config
    }

    /// Writes `config.json` and `generation_config.json` into a directory.
    pub fn write(&self, dir: &Path, dtype: Dtype, architecture: &str) -> Result<(), Error> {
        files::write_json(&dir.join("config.json"), &self.to_json(dtype, architecture))?;
        let mut generation = json!({});
        for (key, value) in [
            ("bos_token_id", json!(self.bos)),
            ("eos_token_id", one_or_list(&self.eos)),
            ("pad_token_id", json!(self.pad)),
        ] {
            if !value.is_null() {
                generation[key] = value;
            }
        }
        files::write_json(&dir.join("generation_config.json"), &generation)
    }

    fn rope_parameters(&self) -> Value {
        let mut parameters = match &self.rope {
            Rope::Plain => json!({ "rope_type": "default" }),
            Rope::Linear { factor } => json!({ "rope_type": "linear", "factor": factor }),
            Rope::Llama3 { factor, low_freq_factor, high_freq_factor, original_context } => json!({
                "rope_type": "llama3",
                "factor": factor,
                "low_freq_factor": low_freq_factor,
                "high_freq_factor": high_freq_factor,
                "original_max_position_embeddings": original_context,
            }),
            Rope::Yarn { factor, beta_fast, beta_slow, original_context, attention_factor, truncate } => json!({
                "rope_type": "yarn",
                "factor": factor,
                "beta_fast": beta_fast,
                "beta_slow": beta_slow,
                "original_max_position_embeddings": original_context,
                "attention_factor": attention_factor,
                "truncate": truncate,
            }),
        };
        parameters["rope_theta"] = json!(self.rope_theta);
        parameters
    }

    fn add_window(&self, config: &mut Value) {
        match self.family {
            Family::Llama => {}
            Family::Mistral => config["sliding_window"] = json!(self.sliding_window),
            Family::Qwen2 | Family::Qwen3 => {
                let kind = if self.sliding_window.is_some() { "sliding_attention" } else { "full_attention" };
                config["use_sliding_window"] = json!(self.sliding_window.is_some());
                config["sliding_window"] = json!(self.sliding_window);
                config["max_window_layers"] = json!(if self.sliding_window.is_some() { 0 } else { self.layers });
                config["layer_types"] = json!(vec![kind; self.layers]);
            }
        }
    }
}

fn one_or_list(ids: &[u32]) -> Value {
    match ids {
        [] => Value::Null,
        [one] => json!(one),
        many => json!(many),
    }
}
