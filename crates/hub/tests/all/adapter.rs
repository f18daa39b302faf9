//! PEFT adapters: those that peft wrote, and invalid ones.

use std::collections::BTreeMap;

use pbpo_hub::adapter::{Adapter, name_a, name_b, write};
use pbpo_hub::{AdapterConfig, Dtype, Weights};
use serde_json::{Value, json};

use crate::{copy_of, fixture, floats, says};

/// `scale * B A` is what PEFT adds to each weight.
#[test]
fn an_adapter_of_peft_adds_what_peft_adds() {
    let adapter = Adapter::open(&fixture("adapter")).unwrap();
    assert_eq!(adapter.config.target_modules, ["down_proj", "q_proj", "v_proj"]);
    assert_eq!((adapter.config.r, adapter.config.alpha, adapter.config.rslora), (3, 12.0, true));
    let wanted = crate::json("adapter.json");
    let wanted = wanted.as_object().unwrap();
    assert_eq!(adapter.modules.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
    for (path, wanted) in wanted {
        let (a, b) = (adapter.a(path).unwrap(), adapter.b(path).unwrap());
        let (input, _) = adapter.modules[path];
        for (at, wanted) in floats(wanted).into_iter().enumerate() {
            let (row, column) = (at / input, at % input);
            let sum: f64 = (0..3).map(|k| f64::from(b[row * 3 + k]) * f64::from(a[k * input + column])).sum();
            assert!((adapter.config.scale() * sum - wanted).abs() < 1e-6, "{path}");
        }
    }
}

#[test]
fn a_written_adapter_has_the_tensors_of_peft() {
    let adapter = Adapter::open(&fixture("adapter")).unwrap();
    let theirs = Weights::open_file(&fixture("adapter").join("adapter_model.safetensors")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &adapter.config, &adapter.modules, |name| theirs.f32(name), Dtype::F32).unwrap();
    let ours = Weights::open_file(&dir.path().join("adapter_model.safetensors")).unwrap();
    assert_eq!(ours.names().collect::<Vec<_>>(), theirs.names().collect::<Vec<_>>());
    for name in theirs.names() {
        assert_eq!((ours.shape(name), ours.f32(name).unwrap()), (theirs.shape(name), theirs.f32(name).unwrap()));
    }
    assert_eq!(AdapterConfig::read(dir.path()).unwrap(), adapter.config);
    assert_eq!(name_a("model.layers.0.x"), "base_model.model.model.layers.0.x.lora_A.weight");
}

#[test]
fn a_revision_of_the_base_is_written_and_read() {
    let config = AdapterConfig::read(&fixture("adapter")).unwrap();
    assert_eq!(config.revision, None);
    let pinned = AdapterConfig { base: Some("org/tiny".into()), revision: Some("v1".into()), ..config };
    assert_eq!(
        (&pinned.to_json()["base_model_name_or_path"], &pinned.to_json()["revision"]),
        (&json!("org/tiny"), &json!("v1"))
    );
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("adapter_config.json"), pinned.to_json().to_string()).unwrap();
    assert_eq!(AdapterConfig::read(dir.path()).unwrap(), pinned);
}

#[test]
fn what_would_change_the_numbers_is_refused() {
    for (key, value) in [
        ("use_dora", json!(true)),
        ("bias", json!("all")),
        ("modules_to_save", json!(["score"])),
        ("rank_pattern", json!({ "q_proj": 4 })),
        ("alpha_pattern", json!({ "q_proj": 4 })),
        ("layers_to_transform", json!([0])),
        ("init_lora_weights", json!("pissa")),
        ("peft_type", json!("IA3")),
        ("target_modules", json!(".*q_proj")),
        ("some_future_variant", json!(true)),
        ("r", json!(0)),
        ("lora_alpha", json!(null)),
    ] {
        let dir = copy_of("adapter");
        let file = dir.path().join("adapter_config.json");
        let mut config: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        config[key] = value;
        std::fs::write(&file, config.to_string()).unwrap();
        let message = says(AdapterConfig::read(dir.path()), dir.path());
        assert!(message.starts_with(&format!("adapter_config.json: `{key}`: ")), "{message}");
    }
}

#[test]
fn tensors_that_do_not_fit_are_named() {
    let config = AdapterConfig::read(&fixture("adapter")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let modules = BTreeMap::from([("m".to_owned(), (4, 5))]);
    let zeros = |name: &str| Ok(vec![0.0; if name == name_b("m") { 5 * 3 } else { 4 * 3 }]);
    write(dir.path(), &config, &modules, zeros, Dtype::F32).unwrap();
    assert_eq!(Adapter::open(dir.path()).unwrap().modules, modules);
    let wrong = AdapterConfig { r: 2, ..config };
    std::fs::write(dir.path().join("adapter_config.json"), wrong.to_json().to_string()).unwrap();
    let message = says(Adapter::open(dir.path()), dir.path());
    assert!(message.contains("is [3, 4] and") && message.contains("they must be [2, in] and [out, 2]"), "{message}");
    std::fs::remove_file(dir.path().join("adapter_model.safetensors")).unwrap();
    std::fs::write(dir.path().join("adapter_model.bin"), b"").unwrap();
    assert!(says(Adapter::open(dir.path()), dir.path()).contains("is a pickle file"));
}
