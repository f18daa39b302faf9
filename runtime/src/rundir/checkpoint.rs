//! Saves a policy as a Hugging Face directory: `config.json`, `model.safetensors`, `tokenizer.json`.
//!
//! Matrices are transposed to the `[out, in]` layout of `LlamaForCausalLM`. Both the newer (`dtype`, `rope_parameters`) and the older config spellings are written.

use std::fs;
use std::io;
use std::path::Path;

use burn::tensor::Tensor;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value as Json, json};

use super::{pretty, write_atomic};
use crate::model::{Llama, LlamaConfig};
use crate::tokenizer::{BOS, EOS, PAD, SPECIAL, Tokenizer};
use crate::value::Policy;

/// Writes the directory.
pub fn save(dir: &Path, policy: &Policy) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let json = |name: &str, value: Json| write_atomic(&dir.join(name), pretty(&value).as_bytes());
    json("config.json", config(&policy.model.config))?;
    let ids = json!({ "bos_token_id": BOS, "eos_token_id": EOS, "pad_token_id": PAD });
    let mut generation = ids;
    generation["do_sample"] = json!(policy.sampling.temperature > 0.0);
    generation["temperature"] = json!(policy.sampling.temperature.max(1e-6));
    generation["max_new_tokens"] = json!(policy.sampling.max_new);
    json("generation_config.json", generation)?;
    json("tokenizer.json", tokenizer(&policy.data.tokenizer))?;
    json(
        "tokenizer_config.json",
        json!({
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": SPECIAL[BOS as usize], "eos_token": SPECIAL[EOS as usize], "pad_token": SPECIAL[PAD as usize],
            "model_max_length": policy.model.config.context,
        }),
    )?;
    let tensors = weights(&policy.model);
    let views: Vec<(&str, TensorView<'_>)> = tensors
        .iter()
        .map(|(name, shape, bytes)| {
            TensorView::new(Dtype::F32, shape.clone(), bytes)
                .map(|view| (name.as_str(), view))
                .map_err(io::Error::other)
        })
        .collect::<io::Result<_>>()?;
    let metadata = [("format".to_owned(), "pt".to_owned())].into();
    let bytes = safetensors::serialize(views, Some(metadata)).map_err(io::Error::other)?;
    write_atomic(&dir.join("model.safetensors"), &bytes)
}

type Named = (String, Vec<usize>, Vec<u8>);

fn weights(model: &Llama) -> Vec<Named> {
    let mut out = vec![
        named("model.embed_tokens.weight", model.embed.val()),
        named("lm_head.weight", model.head.val().transpose()),
        vector("model.norm.weight", model.norm.val()),
    ];
    for (i, block) in model.blocks.iter().enumerate() {
        let name = |part: &str| format!("model.layers.{i}.{part}.weight");
        for (part, matrix) in [
            ("self_attn.q_proj", &block.attention.q),
            ("self_attn.k_proj", &block.attention.k),
            ("self_attn.v_proj", &block.attention.v),
            ("self_attn.o_proj", &block.attention.out),
            ("mlp.gate_proj", &block.gate),
            ("mlp.up_proj", &block.up),
            ("mlp.down_proj", &block.down),
        ] {
            out.push(named(&name(part), matrix.val().transpose()));
        }
        out.push(vector(&name("input_layernorm"), block.attention_norm.val()));
        out.push(vector(&name("post_attention_layernorm"), block.ff_norm.val()));
    }
    out
}

fn named(name: &str, matrix: Tensor<2>) -> Named {
    (name.to_owned(), matrix.dims().to_vec(), le_bytes(matrix.into_data_as::<f32>()))
}

fn vector(name: &str, vector: Tensor<1>) -> Named {
    (name.to_owned(), vector.dims().to_vec(), le_bytes(vector.into_data_as::<f32>()))
}

fn le_bytes(data: burn::tensor::TensorData) -> Vec<u8> {
    let values: Vec<f32> = data.try_into_vec().expect("weights are f32");
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn config(config: &LlamaConfig) -> Json {
    json!({
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": config.width,
        "intermediate_size": config.ff,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_dim(),
        "max_position_embeddings": config.context,
        "vocab_size": config.vocab,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-5,
        "rope_theta": config.rope_theta,
        "rope_parameters": { "rope_type": "default", "rope_theta": config.rope_theta },
        "attention_bias": false,
        "mlp_bias": false,
        "tie_word_embeddings": false,
        "bos_token_id": BOS, "eos_token_id": EOS, "pad_token_id": PAD,
        "dtype": "float32",
        "torch_dtype": "float32",
    })
}

/// The character tokenizer in the `tokenizers` format: every character a word.
fn tokenizer(tokenizer: &Tokenizer) -> Json {
    let tokens = tokenizer.tokens();
    let vocab: serde_json::Map<String, Json> =
        tokens.iter().enumerate().map(|(id, t)| (t.clone(), json!(id))).collect();
    let added: Vec<Json> = SPECIAL
        .iter()
        .enumerate()
        .map(|(id, content)| {
            json!({ "id": id, "content": content, "special": true, "single_word": false,
                    "lstrip": false, "rstrip": false, "normalized": false })
        })
        .collect();
    let bos = SPECIAL[BOS as usize];
    let first = json!({ "SpecialToken": { "id": bos, "type_id": 0 } });
    let sequence = |id: &str, type_id: u8| json!({ "Sequence": { "id": id, "type_id": type_id } });
    json!({
        "version": "1.0",
        "truncation": null, "padding": null,
        "added_tokens": added,
        "normalizer": null,
        "pre_tokenizer": { "type": "Split", "pattern": { "Regex": "." }, "behavior": "Isolated", "invert": false },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [first, sequence("A", 0)],
            "pair": [first, sequence("A", 0), sequence("B", 1)],
            "special_tokens": { bos: { "id": bos, "ids": [BOS], "tokens": [bos] } },
        },
        "decoder": { "type": "Fuse" },
        "model": { "type": "WordLevel", "vocab": vocab, "unk_token": SPECIAL[PAD as usize] },
    })
}
