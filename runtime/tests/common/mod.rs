//! Small players for tests.
#![allow(dead_code)]

use std::collections::HashMap;
use std::sync::Arc;

use burn::tensor::Device;
use pbpo_runtime::batch::Row;
use pbpo_runtime::generate::Sampling;
use pbpo_runtime::model::{Head, Llama, LlamaConfig, RewardModel};
use pbpo_runtime::optimizer::{AdamW, Optimizer};
use pbpo_runtime::rng::stream;
use pbpo_runtime::task::Item;
use pbpo_runtime::tokenizer::{BOS, Tokenizer};
use pbpo_runtime::value::{Data, Mover, Policy, Reward, Value};

pub const SAMPLING: Sampling = Sampling { temperature: 1.0, max_new: 3 };

pub fn config(vocab: usize) -> LlamaConfig {
    LlamaConfig { layers: 2, width: 16, heads: 4, kv_heads: 2, ff: 24, context: 32, rope_theta: 10000.0, vocab }
}

pub fn llama(vocab: usize, seed: u8) -> Llama {
    Llama::new(config(vocab), &mut stream([seed; 32], 0), &Device::flex())
}

/// A data set over the alphabet `abc` with these prompts.
pub fn data(prompts: &[&str]) -> Arc<Data> {
    let tokenizer = Tokenizer::new("abc");
    let items: Vec<Item> = prompts
        .iter()
        .map(|p| Item { prompt: (*p).to_owned(), demonstration: "a".into(), answer: "a".into() })
        .collect();
    let prompts = items.iter().map(|i| Data::prompt_tokens(&tokenizer, &i.prompt).unwrap()).collect();
    Arc::new(Data { task: "digits".into(), tokenizer, items, prompts })
}

pub fn adamw(lr: f64) -> AdamW {
    AdamW { lr, backbone_lr: None, clip: 1.0, beta1: 0.9, beta2: 0.95, weight_decay: 0.0, warmup: 0 }
}

pub fn policy(data: &Arc<Data>, seed: u8) -> Value {
    Value::Policy(Box::new(Policy {
        model: llama(data.tokenizer.vocab(), seed),
        optimizer: Some(Optimizer::new(adamw(1e-3))),
        sampling: SAMPLING,
        data: data.clone(),
    }))
}

/// A reward model whose head is random (a fresh one is zero and has no gradient in its backbone).
pub fn reward(data: &Arc<Data>, head: Head, seed: u8) -> Value {
    let backbone = llama(data.tokenizer.vocab(), seed);
    let mut model = RewardModel::new(backbone, head, 5.0, &Device::flex());
    let shape = model.head.val().dims();
    let values = pbpo_runtime::rng::normals(&mut stream([seed + 1; 32], 0), shape[0] * shape[1]);
    let tensor = burn::tensor::Tensor::from_data(burn::tensor::TensorData::new(values, shape), &Device::flex());
    model.head = burn::module::Param::from_tensor(tensor);
    Value::Reward(Box::new(Reward { model, mover: Mover::Steps(Optimizer::new(adamw(1e-3))) }))
}

pub fn row(prompt: &[u32], response: &[u32]) -> Row {
    Row { item: 0, prompt: std::iter::once(BOS).chain(prompt.iter().copied()).collect(), response: response.to_vec() }
}

pub fn values(pairs: Vec<(&str, Value)>) -> HashMap<String, Value> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
