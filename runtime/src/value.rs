//! The values on the edges of a plan at run time.

use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Device;
use pbpo_exact::linalg::Factor;
use serde::{Deserialize, Serialize};

use crate::batch::Row;
use crate::data::{Data, Source};
use crate::error::Fault;
use crate::model::Decoder;
use crate::objective::forwards::Output;
use crate::oracle::Oracle;
use crate::player::Player;
use crate::state::{plain, stored};
use crate::tokenizer::Tokenizer;

/// A value of the plan. Cloning is cheap: large parts are shared.
#[derive(Clone)]
pub enum Value {
    Data(Arc<Data>),
    /// A model before the game, from which policies, reward models and features start.
    Init(Box<Init>),
    Player(Box<Player>),
    Features(Arc<Features>),
    Exploration(Box<Exploration>),
    Oracle(Arc<Oracle>),
    Rollouts(Arc<Rollouts>),
    Preferences(Preferences),
    /// The output of a forward, without autodiff.
    Forward(Arc<Output>),
    /// A value of the exact track.
    Exact(crate::exact::Value),
    Report,
}

impl Value {
    /// Tells whether the value keeps a model, or a model's output, in the memory of the device.
    pub fn has_weights(&self) -> bool {
        match self {
            Value::Init(_) | Value::Player(_) | Value::Features(_) | Value::Exploration(_) => true,
            Value::Oracle(_) | Value::Forward(_) => true,
            Value::Data(_) | Value::Rollouts(_) | Value::Preferences(_) | Value::Exact(_) | Value::Report => false,
        }
    }

    /// Returns the player that the value is.
    pub fn player(&self) -> Option<&Player> {
        match self {
            Value::Player(player) => Some(player),
            _ => None,
        }
    }

    /// Returns the kind's name, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Data(_) => "data",
            Value::Init(_) => "init",
            Value::Player(player) => player.model.kind(),
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

/// A model to start from, with its tokenizer.
#[derive(Clone)]
pub struct Init {
    /// The model on the plain device, without autodiff.
    pub model: Decoder,
    /// The head of a reward model from disk, `[labels, width]`, row by row.
    pub score: Option<Vec<f32>>,
    pub tokenizer: Arc<Tokenizer>,
    /// The model's checkpoint, or that under its adapters.
    pub base: Option<String>,
}

impl Init {
    /// Returns an error for a reward model from disk, which predicts no tokens.
    pub fn predicts(&self) -> Result<(), Fault> {
        if self.score.is_some() && self.model.head.is_none() {
            return Err(Fault::new("the checkpoint is a reward model: it predicts no tokens")
                .help("name a checkpoint of a ...ForCausalLM"));
        }
        Ok(())
    }
}

/// The features phi: pooled last hidden states of a frozen model, `[d]` for each row.
pub struct Features {
    pub model: Decoder,
    pub tokenizer: Arc<Tokenizer>,
    /// True for the `mean` over the response, false for the `last` token that a classifier reads.
    pub mean_pool: bool,
    /// The orthonormal columns `[width, d]`, absent if `d = width`.
    pub projection: Option<Vec<f32>>,
    pub dim: usize,
}

/// The enhancer's state.
#[derive(Clone)]
pub struct Exploration {
    pub features: Arc<Features>,
    pub covariance: Factor,
    /// True for `mean_norm`, false for `expected_square`.
    pub mean_norm: bool,
    pub candidates: usize,
}

/// Sampled responses, `per_prompt` consecutive rows for each prompt.
pub struct Rollouts {
    pub source: Source,
    pub rows: Vec<Row>,
    pub per_prompt: usize,
}

/// One labelled pair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    pub chosen: Row,
    pub rejected: Row,
    /// The probability that `chosen` is preferred, in 0.5..=1; 1 is a hard label.
    pub probability: f32,
}

impl Pair {
    /// Returns a pair whose first response is preferred with this probability, in 0..=1. `chosen` is the likelier one;
    /// at 1/2 it is the first.
    pub fn new(first: Row, second: Row, probability: f64) -> Self {
        let (chosen, rejected, probability) =
            if probability < 0.5 { (second, first, 1.0 - probability) } else { (first, second, probability) };
        Self { chosen, rejected, probability: probability as f32 }
    }
}

/// A set of labelled pairs. It only grows, by chunks that all versions share.
#[derive(Clone, Default)]
pub struct Preferences {
    pub source: Option<Source>,
    chunks: Vec<Arc<Vec<Pair>>>,
}

impl Preferences {
    pub fn new(source: Source, pairs: Vec<Pair>) -> Self {
        Self { source: Some(source), chunks: vec![Arc::new(pairs)] }
    }

    /// Appends another set's pairs to this set.
    pub fn append(mut self, other: &Preferences) -> Self {
        self.source = self.source.or_else(|| other.source.clone());
        self.chunks.extend(other.chunks.iter().cloned());
        self
    }

    pub fn len(&self) -> usize {
        self.chunks.iter().map(|c| c.len()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tells whether some label is soft.
    pub fn is_soft(&self) -> bool {
        self.pairs().any(|pair| pair.probability < 1.0)
    }

    pub fn pairs(&self) -> impl Iterator<Item = &Pair> {
        self.chunks.iter().flat_map(|c| c.iter())
    }

    /// Returns the pair at an index; `None` past the end.
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

/// Returns a copy of a model that autodiff tracks.
pub fn tracked<M: Module>(model: &M) -> M {
    model.clone().train()
}

/// Returns the plain device under a device.
pub fn plain(device: &Device) -> Device {
    device.clone().without_autodiff()
}

stored!(Init as InitRecord {
    model: Decoder,
    tokenizer: Arc<Tokenizer>,
} {
    score: Option<Vec<f32>>,
    base: Option<String>,
});

stored!(Features as FeaturesRecord {
    model: Decoder,
    tokenizer: Arc<Tokenizer>,
} {
    mean_pool: bool,
    projection: Option<Vec<f32>>,
    dim: usize,
});

stored!(Exploration as ExplorationRecord {
    features: Arc<Features>,
} {
    covariance: Factor,
    mean_norm: bool,
    candidates: usize,
});

stored!(Rollouts as RolloutsRecord {
    source: Source,
} {
    rows: Vec<Row>,
    per_prompt: usize,
});

stored!(Preferences as PreferencesRecord {
    source: Option<Source>,
    chunks: Vec<Arc<Vec<Pair>>>,
});

plain!(Pair);
