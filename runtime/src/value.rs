//! What flows along the edges of a plan at run time.

use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Device;

use crate::batch::Row;
use crate::covariance::Covariance;
use crate::generate::Sampling;
use crate::model::{Llama, RewardModel};
use crate::objective::forwards::Output;
use crate::optimizer::Optimizer;
use crate::task::{self, Item};
use crate::tokenizer::{BOS, EOS, Tokenizer};

/// A value of the plan. Cloning is cheap: large parts are shared.
#[derive(Clone)]
pub enum Value {
    Data(Arc<Data>),
    /// A model after imitation: where policies, reward models and features start.
    Init(Box<Init>),
    Policy(Box<Policy>),
    Reward(Box<Reward>),
    Features(Arc<Features>),
    Exploration(Box<Exploration>),
    Oracle(Arc<Oracle>),
    Rollouts(Arc<Rollouts>),
    Preferences(Preferences),
    /// What a forward gave, without autodiff.
    Forward(Arc<Output>),
    /// A value of the exact track.
    Exact(crate::exact::Value),
    Report,
}

impl Value {
    /// The kind's name, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Data(_) => "data",
            Value::Init(_) => "init",
            Value::Policy(_) => "policy",
            Value::Reward(_) => "reward_model",
            Value::Features(_) => "features",
            Value::Exploration(_) => "exploration",
            Value::Oracle(_) => "oracle",
            Value::Rollouts(_) => "rollouts",
            Value::Preferences(_) => "preferences",
            Value::Forward(_) => "forward",
            Value::Exact(value) => value.kind(),
            Value::Report => "report",
        }
    }
}

/// Items of a task with the tokenizer that reads them.
#[derive(Debug)]
pub struct Data {
    pub task: String,
    pub tokenizer: Tokenizer,
    pub items: Vec<Item>,
    /// BOS and the tokens of each item's prompt.
    pub prompts: Vec<Vec<u32>>,
}

impl Data {
    /// A response's text.
    pub fn text(&self, response: &[u32]) -> String {
        self.tokenizer.decode(response)
    }

    /// The verifier's score of a response to an item, in 0..=1. A response cut off before EOS counts
    /// as it stands.
    pub fn score(&self, item: usize, response: &[u32]) -> f64 {
        task::score(&self.task, &self.items[item], &self.text(response))
    }

    /// The demonstrations as rows, ended by EOS.
    pub fn demonstrations(&self) -> Vec<Row> {
        let rows = self.items.iter().zip(&self.prompts).enumerate();
        rows.map(|(item, (it, prompt))| {
            let mut response = self.tokenizer.encode(&it.demonstration).unwrap_or_default();
            response.push(EOS);
            Row { item, prompt: prompt.clone(), response }
        })
        .collect()
    }

    /// A digest of all items, for the run's manifest.
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for item in &self.items {
            for part in [&item.prompt, &item.demonstration, &item.answer] {
                hasher.update(part.as_bytes()).update(&[0]);
            }
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Tokens of a prompt's text.
    pub fn prompt_tokens(tokenizer: &Tokenizer, text: &str) -> Result<Vec<u32>, char> {
        Ok(std::iter::once(BOS).chain(tokenizer.encode(text)?).collect())
    }
}

/// A trained model with its data's tokenizer.
#[derive(Clone)]
pub struct Init {
    /// On the plain device, without autodiff.
    pub model: Llama,
    pub data: Arc<Data>,
}

/// A player that generates. A follower has no optimizer.
#[derive(Clone)]
pub struct Policy {
    /// On the plain device, without autodiff: sampling and scoring use it as it is.
    pub model: Llama,
    pub optimizer: Option<Optimizer>,
    pub sampling: Sampling,
    pub data: Arc<Data>,
}

/// A player that scores.
#[derive(Clone)]
pub struct Reward {
    /// On the plain device, without autodiff.
    pub model: RewardModel,
    pub mover: Mover,
}

/// How a reward model moves.
#[derive(Clone)]
pub enum Mover {
    /// By gradient steps.
    Steps(Optimizer),
    /// To the worst reward of a set, at once.
    Solved(Linear),
}

/// A reward that is linear in frozen features: `<theta, phi>`.
#[derive(Clone)]
pub struct Linear {
    pub features: Arc<Features>,
    /// Prior precision of the likelihood and of the covariance.
    pub ridge: f64,
    /// Bound on the norm of theta.
    pub bound: f64,
    /// The maximum-likelihood theta of the last step, `[d]`.
    pub fitted: Vec<f64>,
}

/// phi: pooled last hidden states of a frozen model, `[d]` for a row.
pub struct Features {
    pub model: Llama,
    /// `mean` over the response, or `last` token.
    pub mean_pool: bool,
    /// Orthonormal columns `[width, d]`, absent where `d = width`.
    pub projection: Option<Vec<f32>>,
    pub dim: usize,
}

/// The enhancer's state.
#[derive(Clone)]
pub struct Exploration {
    pub features: Arc<Features>,
    pub covariance: Covariance,
    /// `mean_norm` instead of `expected_square`.
    pub mean_norm: bool,
    pub candidates: usize,
}

/// Bradley-Terry-Luce labels on a task's score: P(first preferred) = sigmoid(scale (s1 - s2)), then
/// flipped with probability `flip`.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
pub struct Oracle {
    pub scale: f64,
    pub flip: f64,
}

/// Sampled responses, `per_prompt` consecutive rows for each prompt.
pub struct Rollouts {
    pub data: Arc<Data>,
    pub rows: Vec<Row>,
    pub per_prompt: usize,
}

/// One labelled pair.
#[derive(Clone, Debug)]
pub struct Pair {
    pub chosen: Row,
    pub rejected: Row,
}

/// A set of labelled pairs. It only grows, by chunks that all versions share.
#[derive(Clone, Default)]
pub struct Preferences {
    pub data: Option<Arc<Data>>,
    chunks: Vec<Arc<Vec<Pair>>>,
}

impl Preferences {
    pub fn new(data: Arc<Data>, pairs: Vec<Pair>) -> Self {
        Self { data: Some(data), chunks: vec![Arc::new(pairs)] }
    }

    /// This set with another's pairs behind its own.
    pub fn append(mut self, other: &Preferences) -> Self {
        self.data = self.data.or_else(|| other.data.clone());
        self.chunks.extend(other.chunks.iter().cloned());
        self
    }

    pub fn len(&self) -> usize {
        self.chunks.iter().map(|c| c.len()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn pairs(&self) -> impl Iterator<Item = &Pair> {
        self.chunks.iter().flat_map(|c| c.iter())
    }

    /// The pair at an index; `None` past the end.
    pub fn get(&self, mut index: usize) -> Option<&Pair> {
        for chunk in &self.chunks {
            if let Some(pair) = chunk.get(index) {
                return Some(pair);
            }
            index -= chunk.len();
        }
        None
    }
}

/// A copy of a model that autodiff tracks.
pub fn tracked<M: Module>(model: &M) -> M {
    model.clone().train()
}

/// The device of plain tensors behind a device.
pub fn plain(device: &Device) -> Device {
    device.clone().without_autodiff()
}
