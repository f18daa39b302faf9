//! Links in a model's directory: those of Hugging Face's cache are followed, all others are errors.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use pbpo_hub::{AdapterConfig, ModelConfig, Tokenizer, Weights};

use crate::{copy_of, fixture, says};

const LEADS_OUT: &str = ": it is a link that leads out of the model's directory\n";

/// The error with a directory's file in place of a link to a secret.
fn with_link<T>(name: &str, read: impl Fn(&Path) -> Result<T, pbpo_hub::Error>) -> String {
    let (dir, other) = (copy_of("tokenizer_qwen"), tempfile::tempdir().unwrap());
    let secret = other.path().join("secret");
    fs::write(&secret, r#"{"token": "hf_secret"}"#).unwrap();
    let link = dir.path().join(name);
    fs::create_dir_all(link.parent().unwrap()).unwrap();
    let _ = fs::remove_file(&link);
    symlink(&secret, &link).unwrap();
    let message = says(read(dir.path()), dir.path());
    assert!(!message.contains("secret"), "{message}");
    message
}

#[test]
fn a_link_out_of_the_directory_is_an_error() {
    for name in [
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "chat_template.jinja",
        "additional_chat_templates/tool_use.jinja",
        "added_tokens.json",
        "vocab.json",
        "merges.txt",
        "tokenizer.model",
    ] {
        let message = with_link(name, |dir| Tokenizer::read(dir, 1 << 20));
        assert!(message.starts_with(&format!("{name}{LEADS_OUT}")), "{message}");
    }
    assert!(with_link("config.json", ModelConfig::read).starts_with(&format!("config.json{LEADS_OUT}")));
    assert!(with_link("adapter_config.json", AdapterConfig::read).contains(LEADS_OUT));
    assert!(with_link("model.safetensors.index.json", Weights::open).contains(LEADS_OUT));
    let generation = with_link("generation_config.json", |dir| {
        fs::write(dir.join("config.json"), r#"{"model_type": "llama"}"#).unwrap();
        ModelConfig::read(dir)
    });
    assert!(generation.starts_with(&format!("generation_config.json{LEADS_OUT}")), "{generation}");
}

/// A file of the system is refused before it is read, as is a directory that leads elsewhere.
#[test]
fn a_link_to_the_environment_is_an_error() {
    let dir = copy_of("tokenizer_qwen");
    symlink("/proc/self/environ", dir.path().join("tokenizer.model")).unwrap();
    assert!(says(Tokenizer::read(dir.path(), 1 << 20), dir.path()).contains(LEADS_OUT));
    let (dir, other) = (copy_of("tokenizer_qwen"), tempfile::tempdir().unwrap());
    fs::write(other.path().join("tool_use.jinja"), "a secret").unwrap();
    symlink(other.path(), dir.path().join("additional_chat_templates")).unwrap();
    assert!(says(Tokenizer::read(dir.path(), 1 << 20), dir.path()).contains(LEADS_OUT));
}

/// Puts the tokenizer's files into a cache's repository, and returns the snapshot's directory.
fn snapshot(repository: &Path, blobs: &Path) -> std::path::PathBuf {
    let snapshot = repository.join("snapshots/0123");
    fs::create_dir_all(&snapshot).unwrap();
    for (at, entry) in fs::read_dir(fixture("tokenizer_qwen")).unwrap().enumerate() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), blobs.join(at.to_string())).unwrap();
        symlink(format!("../../blobs/{at}"), snapshot.join(entry.file_name())).unwrap();
    }
    snapshot
}

#[test]
fn links_of_the_cache_and_within_the_directory_are_followed() {
    let cache = tempfile::tempdir().unwrap();
    let blobs = cache.path().join("blobs");
    fs::create_dir(&blobs).unwrap();
    let dir = snapshot(cache.path(), &blobs);
    let digest = Tokenizer::read(&dir, 1 << 20).unwrap().digest();
    let named = tempfile::tempdir().unwrap();
    symlink(&dir, named.path().join("model")).unwrap();
    assert_eq!(Tokenizer::read(&named.path().join("model"), 1 << 20).unwrap().digest(), digest);
    let dir = copy_of("tokenizer_qwen");
    symlink("tokenizer.json", dir.path().join("vocab.json")).unwrap();
    Tokenizer::read(dir.path(), 1 << 20).unwrap();
}

/// A `blobs` that leads elsewhere is a link out of the cache.
#[test]
fn a_cache_that_is_a_link_itself_is_an_error() {
    let (cache, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    symlink(other.path(), cache.path().join("blobs")).unwrap();
    let dir = snapshot(cache.path(), other.path());
    assert!(says(Tokenizer::read(&dir, 1 << 20), &dir).contains(LEADS_OUT));
}
