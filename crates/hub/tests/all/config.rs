//! Shapes and rotations of models against those of transformers; configs that are refused.

use pbpo_hub::{Dtype, Family, ModelConfig, Rope};
use serde_json::{Value, json};

use crate::{dir_of, floats, says};

fn read(config: &Value) -> Result<ModelConfig, pbpo_hub::Error> {
    let dir = dir_of(&[("config.json", config.to_string().as_bytes())]);
    ModelConfig::read(dir.path())
}

/// Returns the error of a tiny Llama with some keys changed.
fn refusal(changes: Value) -> String {
    let mut config = json!({ "model_type": "llama", "hidden_size": 16, "num_attention_heads": 4 });
    config.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let dir = dir_of(&[("config.json", config.to_string().as_bytes())]);
    says(ModelConfig::read(dir.path()), dir.path())
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

/// Compares one config with that of transformers.
fn compare(name: &str, config: &ModelConfig, wanted: &Value) {
    let size = |key: &str| wanted[key].as_u64().map(|n| n as usize);
    for (key, found) in [
        ("vocab", config.vocab),
        ("width", config.width),
        ("layers", config.layers),
        ("heads", config.heads),
        ("kv_heads", config.kv_heads),
        ("head_dim", config.head_dim),
        ("ff", config.ff),
        ("context", config.context),
        ("num_labels", config.num_labels),
    ] {
        assert_eq!(Some(found), size(key), "{name}: {key}");
    }
    assert_eq!(config.sliding_window, size("sliding_window"), "{name}: sliding_window");
    assert_eq!(Some(config.rope_theta), wanted["rope_theta"].as_f64(), "{name}");
    assert_eq!(Some(config.norm_eps), wanted["norm_eps"].as_f64(), "{name}");
    assert_eq!(Some(config.tied), wanted["tied"].as_bool(), "{name}");
    assert_eq!(Some(config.dtype.torch()), wanted["dtype"].as_str(), "{name}");
    assert_eq!(config.bos.map(u64::from), wanted["bos"].as_u64(), "{name}: bos");
    assert_eq!(config.pad.map(u64::from), wanted["pad"].as_u64(), "{name}: pad");
    assert_eq!(config.eos, ids(&wanted["eos"]), "{name}: eos");
    let (found, wanted_f) = (config.inverse_frequencies(), floats(&wanted["inverse_frequencies"]));
    assert_eq!(found.len(), wanted_f.len(), "{name}");
    for (found, wanted) in found.iter().zip(wanted_f) {
        // The tolerance is two units in the last place of an f32, because torch's `pow` is not exact there.
        assert!((f64::from(*found) - wanted).abs() <= 2.4e-7 * wanted, "{name}: {found} {wanted}");
    }
    let scale = wanted["attention_scale"].as_f64().unwrap();
    assert!((config.attention_scale() - scale).abs() < 1e-12, "{name}");
}

#[test]
fn configs_mean_what_transformers_takes_them_to_mean() {
    for (name, wanted) in crate::json("configs.json").as_object().unwrap() {
        compare(name, &read(&wanted["config"]).unwrap(), wanted);
    }
}

#[test]
fn a_written_config_reads_back_as_the_same() {
    for (name, wanted) in crate::json("configs.json").as_object().unwrap() {
        let config = read(&wanted["config"]).unwrap();
        let class = format!("{}ForSequenceClassification", config.family.class());
        let dir = tempfile::tempdir().unwrap();
        config.write(dir.path(), Dtype::Bf16, &class).unwrap();
        let again = ModelConfig::read(dir.path()).unwrap();
        assert!((again.attention_scale() - config.attention_scale()).abs() < 1e-12, "{name}");
        assert_eq!(again.inverse_frequencies(), config.inverse_frequencies(), "{name}");
        let rope = again.rope.clone();
        assert_eq!(again, ModelConfig { architecture: Some(class), dtype: Dtype::Bf16, rope, ..config }, "{name}");
    }
}

#[test]
fn both_spellings_are_written() {
    let yarn = json!({ "type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32 });
    let config = read(&json!({ "model_type": "qwen2", "rope_theta": 1e6, "rope_scaling": yarn })).unwrap();
    let written = config.to_json(Dtype::F16, "Qwen2ForCausalLM");
    assert_eq!(written["dtype"], "float16");
    assert_eq!(written["torch_dtype"], "float16");
    assert_eq!(written["rope_theta"], 1e6);
    assert_eq!(written["rope_scaling"]["rope_type"], "yarn");
    assert_eq!(written["rope_parameters"]["rope_theta"], 1e6);
    assert_eq!(written["rope_parameters"]["original_max_position_embeddings"], 32);
    assert_eq!(written["id2label"], Value::Null);
}

#[test]
fn families_have_their_biases_and_norms() {
    let biases = |changes: Value| {
        let config = read(&changes).unwrap();
        (config.qkv_bias, config.output_bias, config.mlp_bias, config.qk_norm)
    };
    let with = |family: &str| json!({ "model_type": family, "attention_bias": true, "mlp_bias": true });
    assert_eq!(biases(with("llama")), (true, true, true, false));
    assert_eq!(biases(with("qwen2")), (true, false, false, false));
    assert_eq!(biases(with("qwen3")), (true, true, false, true));
    assert_eq!(biases(with("mistral")), (false, false, false, false));
    assert_eq!(biases(json!({ "model_type": "qwen2" })), (true, false, false, false));
    assert_eq!(biases(json!({ "model_type": "llama" })), (false, false, false, false));
}

#[test]
fn generation_config_says_what_ends_a_response() {
    let config = json!({ "model_type": "llama", "eos_token_id": 7, "pad_token_id": -1, "bos_token_id": null });
    let generation = json!({ "eos_token_id": [8, 9], "pad_token_id": 3, "bos_token_id": 4 });
    let dir = dir_of(&[
        ("config.json", config.to_string().as_bytes()),
        ("generation_config.json", generation.to_string().as_bytes()),
    ]);
    let config = ModelConfig::read(dir.path()).unwrap();
    assert_eq!((config.bos, config.eos, config.pad), (Some(4), vec![8, 9], Some(3)));
}

#[test]
fn what_is_not_supported_is_named() {
    for (changes, wanted) in [
        (json!({ "model_type": "gpt2" }), "config.json: `model_type`: `gpt2` is not supported; known are llama, qwen2"),
        (json!({ "model_type": null }), "`model_type`: missing"),
        (json!({ "hidden_act": "gelu" }), "`hidden_act`: `gelu` is not supported"),
        (json!({ "quantization_config": {} }), "`quantization_config`: quantised weights"),
        (json!({ "torch_dtype": "float8_e4m3fn" }), "`torch_dtype`: `float8_e4m3fn`"),
        (json!({ "rope_scaling": { "type": "dynamic", "factor": 2.0 } }), "`rope_scaling.type`: `dynamic`"),
        (json!({ "rope_parameters": { "rope_type": "longrope" } }), "`rope_parameters.rope_type`: `longrope`"),
        (json!({ "rope_scaling": { "type": "linear" } }), "`rope_scaling.factor`: missing"),
        (json!({ "rope_parameters": { "full_attention": {} } }), "`rope_parameters.full_attention`: rotary positions"),
        (
            json!({ "rope_theta": 1, "rope_scaling": { "type": "yarn", "factor": 2 } }),
            "`rope_theta`: with the rotary scaling of this file, frequencies are not finite",
        ),
        (
            json!({ "rope_scaling": { "type": "llama3", "low_freq_factor": 4, "high_freq_factor": 4, "factor": 8 } }),
            "`rope_scaling.high_freq_factor`: must be above `low_freq_factor`",
        ),
        (json!({ "partial_rotary_factor": 0.5 }), "`partial_rotary_factor`: 0.5"),
        (json!({ "num_key_value_heads": 3 }), "`num_key_value_heads`: 3 does not divide the 4"),
        (json!({ "num_attention_heads": 0 }), "`num_attention_heads`: 0 is out of range"),
        (json!({ "head_dim": 5 }), "`head_dim`: 5 is not an even number"),
        (json!({ "hidden_size": 18 }), "`hidden_size`: 18 is not a multiple of the 4"),
        (json!({ "hidden_size": "16" }), "`hidden_size`: expected a whole number, found `\"16\"`"),
        (json!({ "vocab_size": -1 }), "`vocab_size`: expected a whole number, found `-1`"),
        (json!({ "rms_norm_eps": 0 }), "`rms_norm_eps`: 0 must be above 0"),
        (json!({ "eos_token_id": [2, 99_999_999] }), "`eos_token_id`: 99999999 is not in the vocabulary of"),
        (json!({ "eos_token_id": "x" }), "`eos_token_id`: expected a token id"),
        (
            json!({ "model_type": "qwen3", "layer_types": ["full_attention", "sliding_attention"] }),
            "`layer_types`: a sliding window in some layers only",
        ),
        (
            json!({ "model_type": "qwen2", "use_sliding_window": true, "max_window_layers": 3 }),
            "`max_window_layers`: a sliding window in some layers only",
        ),
        (json!({ "model_type": "qwen3", "layer_types": ["linear_attention"] }), "`layer_types`: `linear_attention`"),
    ] {
        let message = refusal(changes);
        assert!(message.starts_with("config.json: "), "{message}");
        assert!(message.contains(wanted), "{message}\nwanted: {wanted}");
    }
}

#[test]
fn a_broken_file_is_named_with_line_and_column() {
    let dir = dir_of(&[("config.json", b"{\n  \"model_type\": \"llama\",\n  \"vocab_size\": ,\n}")]);
    assert_eq!(says(ModelConfig::read(dir.path()), dir.path()), "config.json:3:17: expected value");
    let dir = dir_of(&[("config.json", b"[1]")]);
    assert_eq!(says(ModelConfig::read(dir.path()), dir.path()), "config.json: expected a JSON object `{ ... }`");
    let dir = dir_of(&[("config.json", b"{\"model_type\": \"\xff\"}")]);
    assert!(says(ModelConfig::read(dir.path()), dir.path()).starts_with("config.json:1:"));
    let dir = dir_of(&[]);
    assert!(says(ModelConfig::read(dir.path()), dir.path()).starts_with("no `config.json` in "));
}

#[test]
fn llama3_keeps_high_frequencies_and_divides_low_ones() {
    let plain = read(&json!({ "model_type": "llama", "rope_theta": 5e5 })).unwrap();
    assert_eq!(plain.family, Family::Llama);
    let rope = Rope::Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_context: 8192 };
    let scaled = ModelConfig { rope, ..plain.clone() }.inverse_frequencies();
    let plain = plain.inverse_frequencies();
    assert_eq!(scaled.first(), plain.first());
    assert_eq!(scaled.last().map(|f| f * 8.0), plain.last().copied());
}

/// A file of megabytes is not quoted as a whole.
#[test]
fn errors_quote_a_hundred_columns_at_most() {
    let long = "x".repeat(1 << 20);
    for (key, value) in [
        ("model_type", serde_json::json!(long)),
        ("model_type", serde_json::json!([long])),
        ("hidden_act", serde_json::json!(long)),
        ("dtype", serde_json::json!(long)),
        ("hidden_size", serde_json::json!(long)),
        ("layer_types", serde_json::json!([long])),
        ("rope_scaling", serde_json::json!({"type": long})),
        ("rope_scaling", serde_json::json!({long.as_str(): {}})),
    ] {
        let mut config = serde_json::json!({"model_type": "llama"});
        config[key] = value;
        let dir = dir_of(&[("config.json", config.to_string().as_bytes())]);
        let message = says(ModelConfig::read(dir.path()), dir.path());
        assert!(message.len() < 400 && message.contains("xxx…"), "{key}: {} {}", message.len(), &message[..200]);
    }
    let adapter =
        serde_json::json!({"peft_type": "LORA", "r": 1, "lora_alpha": 1, "target_modules": [], long.as_str(): long});
    let dir = dir_of(&[("adapter_config.json", adapter.to_string().as_bytes())]);
    assert!(says(pbpo_hub::AdapterConfig::read(dir.path()), dir.path()).len() < 600);
}
