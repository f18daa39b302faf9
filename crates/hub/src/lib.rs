//! Files of the Hugging Face ecosystem, without tensors: those that transformers, tokenizers, PEFT and datasets write
//! and read.
//!
//! - `cache.rs`: finds directories of models and datasets by name, by the rules of `huggingface_hub`.
//! - `config/`: `config.json` and `generation_config.json`; rotary frequencies.
//! - `weights/`: safetensors files and shards, read tensor by tensor, written whole or not at all.
//! - `chat.rs`, `json.rs`: chats with everything that a template may read.
//! - `tokenizer.rs`, `template.rs`: text to ids; chats to text.
//! - `adapter.rs`: LoRA adapters of PEFT.
//! - `records/`: prompts, completions and preferences from JSONL, JSON and Parquet files.
//! - `files.rs`, `dtype.rs`: shared by all of them.

pub mod adapter;
pub mod cache;
mod chat;
pub mod config;
mod dtype;
mod files;
pub mod json;
pub mod records;
pub mod template;
pub mod tokenizer;
pub mod weights;

pub use adapter::AdapterConfig;
pub use cache::{Resolved, resolve_dataset, resolve_model};
pub use chat::{Chat, Message};
pub use config::{Family, ModelConfig, Rope};
pub use dtype::Dtype;
pub use files::{digest, read_own};
pub use pbpo_outside::Error;
pub use template::Template;
pub use tokenizer::Tokenizer;
pub use weights::Weights;

/// Returns a text of a file as errors quote it: on one line, and cut short.
pub(crate) fn quoted(text: &str) -> std::borrow::Cow<'_, str> {
    pbpo_outside::shown::cut(text, 100)
}
