//! Reads `fixtures/*.json`, made by `scripts/eval_reference.py`.

use std::fs;
use std::path::Path;

use serde_json::Value;

pub fn fixture(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/{name}.json"));
    serde_json::from_str(&fs::read_to_string(path).expect("the fixture")).expect("JSON")
}

pub fn list(value: &Value) -> &Vec<Value> {
    value.as_array().expect("a list")
}

pub fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
