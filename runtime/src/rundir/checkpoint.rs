//! Saves players as Hugging Face directories: `config.json`, `model.safetensors` or its shards, the tokenizer's files;
//! a policy with adapters as a PEFT directory.
//!
//! A reward model is a `...ForSequenceClassification` whose `score.weight` is the head: with one label for a sequence
//! head, with one label for each token for a token head. Its outputs are the scores `s`, as transformers reads them;
//! the rewards of the run are `b tanh(s / b)`, with `b` in `config.json` as `reward_bound`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use burn::tensor::{Tensor, TensorData};
use pbpo_hub::Dtype;
use pbpo_hub::adapter::{self, AdapterConfig};
use pbpo_hub::config::ModelConfig;
use pbpo_hub::weights;
use serde_json::{Value as Json, json};

use super::{pretty, write_atomic};
use crate::error::Fault;
use crate::generate::Sampling;
use crate::model::disk::Out;
use crate::model::{Decoder, Head, RewardModel};
use crate::player::{Model, Player};
use crate::tokenizer::{BOS, Characters, EOS, PAD, SPECIAL, Tokenizer};

/// The size of shards, the same as in transformers.
const SHARD_BYTES: u64 = 5_000_000_000;

/// Writes a player. A policy is written whole, in f32 (bf16 would lose small steps of training), or as an adapter if it
/// has any; a reward model with its adapters merged.
pub fn save_player(dir: &Path, player: &Player) -> Result<(), Fault> {
    match (&player.model, &player.base) {
        (Model::Policy(model), Some(base)) if model.has_adapters() => save_adapter(dir, model, base)?,
        (Model::Policy(model), _) => save_model(dir, model, player.sampling, Dtype::F32)?,
        (Model::Reward(RewardModel { backbone, head, kind, bound }), _) => {
            let score = match kind {
                // A linear reward over projected features has no format, and its head alone is of little use.
                Head::Mean => return Ok(()),
                Head::Sequence => Out::Linear(head.val()),
                Head::Token => Out::Matrix(head.val()),
            };
            let bound = Some(*bound).filter(|bound| bound.is_finite());
            save_classifier(dir, backbone, &score.values(), bound, Dtype::F32)?;
        }
    }
    save_tokenizer(dir, &player.tokenizer, &player.model.backbone().config)
}

/// Writes a classifier whose head is `score`, `[labels, width]` row by row; adapters merged. `bound` is that of the
/// rewards that a run makes from its outputs.
pub fn save_classifier(
    dir: &Path,
    backbone: &Decoder,
    score: &[f32],
    bound: Option<f64>,
    dtype: Dtype,
) -> Result<(), Fault> {
    let backbone = backbone.clone().merged();
    let (width, device) = (backbone.config.width, backbone.embed.val().device());
    let labels = score.len() / width;
    let mut tensors = backbone.tensors();
    tensors.remove("lm_head.weight");
    let score = Tensor::from_data(TensorData::new(score.to_vec(), [labels, width]), &device);
    tensors.insert("score.weight".into(), Out::Matrix(score));
    let config = ModelConfig { num_labels: labels, reward_bound: bound, ..backbone.config.clone() };
    write(dir, &config, "ForSequenceClassification", &tensors, dtype)
}

/// Writes a language model, adapters merged.
pub fn save_model(dir: &Path, model: &Decoder, sampling: Option<Sampling>, dtype: Dtype) -> Result<(), Fault> {
    let model = model.clone().merged();
    write(dir, &model.config, "ForCausalLM", &model.tensors(), dtype)?;
    let config = &model.config;
    let ends = if let [end] = config.eos.as_slice() { json!(end) } else { json!(config.eos) };
    let mut generation = json!({ "bos_token_id": config.bos, "eos_token_id": ends, "pad_token_id": config.pad });
    if let Some(sampling) = sampling {
        generation["do_sample"] = json!(sampling.temperature > 0.0);
        generation["temperature"] = json!(sampling.temperature.max(1e-6));
        generation["max_new_tokens"] = json!(sampling.max_new);
    }
    write_json(dir, "generation_config.json", &generation)
}

fn write(
    dir: &Path,
    config: &ModelConfig,
    class: &str,
    tensors: &BTreeMap<String, Out>,
    dtype: Dtype,
) -> Result<(), Fault> {
    fs::create_dir_all(dir)?;
    let architecture = format!("{}{class}", config.family.class());
    let shapes: Vec<(String, Vec<usize>)> = tensors.iter().map(|(name, out)| (name.clone(), out.shape())).collect();
    let values = |name: &str| Ok(tensors.get(name).map(Out::values).unwrap_or_default());
    weights::write(dir, &shapes, values, dtype, SHARD_BYTES)?;
    // The config comes after the weights, so that incomplete weights are not taken for a checkpoint.
    write_json(dir, "config.json", &config.to_json(dtype, &architecture))
}

/// Writes the adapters alone, as PEFT does; `base` is the model under them: `ORG/NAME[@REVISION]`, or the absolute path
/// of a directory.
pub fn save_adapter(dir: &Path, model: &Decoder, base: &str) -> Result<(), Fault> {
    fs::create_dir_all(dir)?;
    let linears = model.linears();
    let adapted: BTreeMap<String, _> =
        linears.into_iter().filter_map(|(name, linear)| Some((name, linear.adapter.as_ref()?))).collect();
    let modules = adapted.iter().map(|(name, adapter)| {
        let ([inputs, _], [_, outputs]) = (adapter.a.val().dims(), adapter.b.val().dims());
        (name.clone(), (inputs, outputs))
    });
    let modules: BTreeMap<String, (usize, usize)> = modules.collect();
    let Some(first) = adapted.values().next() else { return Err(Fault::new("the model has no adapters")) };
    let rank = first.a.val().dims()[1];
    let mut targets: Vec<String> =
        adapted.keys().filter_map(|name| Some(name.rsplit_once('.')?.1.to_owned())).collect();
    targets.sort();
    targets.dedup();
    let (base, revision) = match base.split_once('@') {
        Some((base, revision)) if !Path::new(base).is_absolute() => (base, Some(revision.to_owned())),
        _ => (base, None),
    };
    let config = AdapterConfig {
        r: rank,
        alpha: first.scale * rank as f64,
        rslora: false,
        dropout: 0.0,
        target_modules: targets,
        base: Some(base.to_owned()),
        revision,
        task: "CAUSAL_LM".into(),
    };
    let mut tensors = BTreeMap::new();
    for (name, adapter) in &adapted {
        tensors.insert(adapter::name_a(name), Out::Linear(adapter.a.val()));
        tensors.insert(adapter::name_b(name), Out::Linear(adapter.b.val()));
    }
    let data = |name: &str| Ok(tensors.get(name).map(Out::values).unwrap_or_default());
    Ok(adapter::write(dir, &config, &modules, data, Dtype::F32)?)
}

/// Writes the tokenizer's files; those of a checkpoint are unchanged.
pub fn save_tokenizer(dir: &Path, tokenizer: &Tokenizer, config: &ModelConfig) -> Result<(), Fault> {
    match tokenizer {
        Tokenizer::Checkpoint(checkpoint) => Ok(checkpoint.inner.save(dir)?),
        Tokenizer::Characters(characters) => {
            write_json(dir, "tokenizer.json", &characters_json(characters))?;
            let special = |id: u32| SPECIAL[id as usize];
            let settings = json!({
                "tokenizer_class": "PreTrainedTokenizerFast",
                "bos_token": special(BOS), "eos_token": special(EOS), "pad_token": special(PAD),
                "model_max_length": config.context,
            });
            write_json(dir, "tokenizer_config.json", &settings)
        }
    }
}

fn write_json(dir: &Path, name: &str, value: &Json) -> Result<(), Fault> {
    write_atomic(&dir.join(name), pretty(value).as_bytes())
        .map_err(|e| Fault::new(format!("{}: can't be written: {e}", dir.join(name).display())))
}

/// Returns the character tokenizer in the `tokenizers` format: every character a word.
fn characters_json(tokenizer: &Characters) -> Json {
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
