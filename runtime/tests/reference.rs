//! The decoder against `transformers`: logits of a small random model, computed beforehand.
//!
//! The figures are made by `scripts/reference_logits.py`, from the checkpoint that the ignored test
//! writes: `PBPOC_REFERENCE_DIR=dir cargo test --release --workspace --test reference -- --ignored`.

mod common;

use pbpo_runtime::rundir::checkpoint;

const LOGITS: &str = include_str!("reference_logits.json");

#[derive(serde::Deserialize)]
struct Reference {
    tokens: Vec<i32>,
    /// `[token, vocab]`.
    logits: Vec<Vec<f32>>,
}

#[test]
fn logits_equal_those_of_transformers() {
    let reference: Reference = serde_json::from_str(LOGITS).unwrap();
    let model = common::llama(6, 1);
    let hidden = model.hidden(model.tokens(1, reference.tokens.clone()), None);
    let logits: Vec<f32> = model.logits(hidden).into_data_as::<f32>().try_into_vec().unwrap();
    let expected: Vec<f32> = reference.logits.concat();
    assert_eq!(logits.len(), expected.len());
    let largest = logits.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(largest < 1e-5, "largest difference {largest}");
}

#[test]
#[ignore = "writes the checkpoint that the reference figures are made from"]
fn export_for_reference() {
    let dir = std::env::var("PBPOC_REFERENCE_DIR").expect("PBPOC_REFERENCE_DIR names a directory");
    let policy = common::policy(&common::data(&["a"]), 1);
    checkpoint::save_player(dir.as_ref(), policy.player().unwrap()).unwrap();
}
