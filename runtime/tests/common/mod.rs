//! Small players for tests.
#![allow(dead_code)]

use std::collections::HashMap;
use std::sync::Arc;

use burn::tensor::Device;
use pbpo_hub::config::ModelConfig;
use pbpo_hub::records::Text;
use pbpo_plan::ValueName;
use pbpo_plan::ops::policy::AdamW;
use pbpo_runtime::batch::Row;
use pbpo_runtime::data::{Data, Item, Scorer, Source};
use pbpo_runtime::generate::Sampling;
use pbpo_runtime::model::{Compute, Decoder, Head, Llama, RewardModel};
use pbpo_runtime::optimizer::Optimizer;
use pbpo_runtime::player::{Model, Mover, Player};
use pbpo_runtime::rng::stream;
use pbpo_runtime::tokenizer::{BOS, Tokenizer};
use pbpo_runtime::value::Value;

pub const SAMPLING: Sampling = Sampling { temperature: 1.0, max_new: 3 };

pub fn config(vocab: usize) -> ModelConfig {
    let (rope_theta, tokenizer, compute) = (10000.0, None, Compute::F32);
    Llama { layers: 2, width: 16, heads: 4, kv_heads: 2, ff: 24, context: 32, rope_theta, tokenizer, compute }
        .config(vocab)
}

pub fn llama(vocab: usize, seed: u8) -> Decoder {
    Decoder::new(config(vocab), &mut stream([seed; 32], 0), &Device::flex())
}

/// A data set over the alphabet `abc` with these prompts.
pub fn data(prompts: &[&str]) -> Arc<Data> {
    let plain = |text: &str| Text::Plain(text.to_owned());
    let items: Vec<Item> = prompts
        .iter()
        .map(|p| Item { prompt: plain(p), demonstration: Some(plain("a")), answer: Some("a".into()), pair: None })
        .collect();
    let tokenizer = Arc::new(Tokenizer::characters("abc"));
    Arc::new(Data::new("data", Some(tokenizer), items, Some(Scorer::Task("digits".into())), String::new()))
}

/// The tokenizer of [`data`].
pub fn tokenizer(data: &Data) -> Arc<Tokenizer> {
    data.tokenizer.clone().unwrap()
}

/// Data as its own tokenizer reads it.
pub fn source(data: &Arc<Data>) -> Source {
    Source::new(data, &tokenizer(data)).unwrap()
}

pub fn adamw(lr: f64) -> AdamW {
    AdamW { lr, backbone_lr: None, clip: 1.0, beta1: 0.9, beta2: 0.95, weight_decay: 0.0, warmup: 0 }
}

pub fn policy(data: &Arc<Data>, seed: u8) -> Value {
    Value::Player(Box::new(Player {
        model: Model::Policy(llama(tokenizer(data).vocab(), seed)),
        mover: Mover::Steps(Optimizer::new(adamw(1e-3))),
        sampling: Some(SAMPLING),
        tokenizer: tokenizer(data),
        base: None,
    }))
}

/// A reward model whose head is random (a fresh one is zero and has no gradient in its backbone).
pub fn reward(data: &Arc<Data>, head: Head, seed: u8) -> Value {
    let backbone = llama(tokenizer(data).vocab(), seed);
    let mut model = RewardModel::new(backbone, head, 5.0, &Device::flex());
    let shape = model.head.val().dims();
    let values = pbpo_runtime::rng::normals(&mut stream([seed + 1; 32], 0), shape[0] * shape[1]);
    let tensor = burn::tensor::Tensor::from_data(burn::tensor::TensorData::new(values, shape), &Device::flex());
    model.head = burn::module::Param::from_tensor(tensor);
    Value::Player(Box::new(Player {
        model: Model::Reward(model),
        mover: Mover::Steps(Optimizer::new(adamw(1e-3))),
        tokenizer: tokenizer(data),
        base: None,
        sampling: None,
    }))
}

pub fn row(prompt: &[u32], response: &[u32]) -> Row {
    Row::new(0, std::iter::once(BOS).chain(prompt.iter().copied()).collect(), response.to_vec())
}

pub fn values(pairs: Vec<(&str, Value)>) -> HashMap<ValueName, Value> {
    pairs.into_iter().map(|(name, value)| (ValueName::of(name), value)).collect()
}
