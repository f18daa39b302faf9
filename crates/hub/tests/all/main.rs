//! All readers and writers, against the results of transformers, tokenizers, PEFT and datasets (`fixtures/`, made by
//! `scripts/hub_reference.py`), and bad input of every kind.

mod adapter;
mod cache;
mod config;
mod links;
mod records;
mod template;
mod template_bounds;
mod tokenizer;
mod tokenizer_bounds;
mod weights;

use std::path::{Path, PathBuf};

use serde_json::Value;

/// A file or directory of `fixtures/`.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(fixture(name)).unwrap()).unwrap()
}

/// A directory with the given files in it.
fn dir_of(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    dir
}

/// Copies the files of a directory of `fixtures/` to a temporary one.
fn copy_of(name: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(fixture(name)).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    dir
}

/// Returns the message of an error and its help, without the directory's path.
fn says<T>(result: Result<T, pbpo_hub::Error>, dir: &Path) -> String {
    match result {
        Ok(_) => panic!("an error was expected"),
        Err(error) => error.to_string().replace(&format!("{}/", dir.display()), ""),
    }
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|item| item.as_f64().unwrap()).collect()
}
