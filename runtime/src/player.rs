//! Players: a policy generates, a reward model scores. Each is a model that steps move, or a frozen copy of one.

use std::sync::Arc;

use burn::module::{Module, ParamId};

use crate::generate::Sampling;
use crate::model::{Decoder, RewardModel};
use crate::optimizer::Optimizer;
use crate::state::{stored, stored_enum};
use crate::tokenizer::Tokenizer;
use crate::value::Features;

/// The model of a player.
#[derive(Module, Debug)]
pub enum Model {
    Policy(Decoder),
    Reward(RewardModel),
}

/// A player of the game.
#[derive(Clone)]
pub struct Player {
    /// The model on the plain device, without autodiff: sampling and scoring use it directly.
    pub model: Model,
    pub mover: Mover,
    pub tokenizer: Arc<Tokenizer>,
    /// The checkpoint under its adapters.
    pub base: Option<String>,
    /// How a policy generates; `None` for a reward model.
    pub sampling: Option<Sampling>,
}

/// The way in which a player is moved.
#[derive(Clone)]
pub enum Mover {
    /// Not at all: it follows another player.
    None,
    /// By gradient steps.
    Steps(Optimizer),
    /// By moving to the worst reward of a set, at once.
    Solved(Linear),
}

/// A reward that is linear in frozen features: `<theta, phi>`.
#[derive(Clone)]
pub struct Linear {
    pub features: Arc<Features>,
    /// The prior precision of the likelihood and of the covariance.
    pub ridge: f64,
    /// The bound on the norm of theta.
    pub bound: f64,
    /// The maximum-likelihood theta of the last step, `[d]`.
    pub fitted: Vec<f64>,
}

/// A player that generates, as samplers see it.
#[derive(Clone, Copy)]
pub struct Policy<'p> {
    pub model: &'p Decoder,
    pub sampling: Sampling,
    pub tokenizer: &'p Arc<Tokenizer>,
}

impl Model {
    /// Returns the kind's name, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Model::Policy(_) => "policy",
            Model::Reward(_) => "reward_model",
        }
    }

    /// Returns the model that reads the tokens.
    pub fn backbone(&self) -> &Decoder {
        match self {
            Model::Policy(model) => model,
            Model::Reward(model) => &model.backbone,
        }
    }

    /// Returns the id of the matrix that has a learning rate of its own.
    pub fn head(&self) -> Option<ParamId> {
        match self {
            Model::Policy(_) => None,
            Model::Reward(model) => Some(model.head.id),
        }
    }

    /// Returns the model for use without training.
    pub fn frozen(self) -> Self {
        match self {
            Model::Policy(model) => Model::Policy(model.frozen()),
            Model::Reward(RewardModel { backbone, head, kind, bound }) => {
                Model::Reward(RewardModel { backbone: backbone.frozen(), head, kind, bound })
            }
        }
    }
}

impl Player {
    /// Returns the player as one that generates.
    pub fn policy(&self) -> Option<Policy<'_>> {
        match (&self.model, self.sampling) {
            (Model::Policy(model), Some(sampling)) => Some(Policy { model, sampling, tokenizer: &self.tokenizer }),
            _ => None,
        }
    }

    /// Returns the model of a player that scores.
    pub fn reward_model(&self) -> Option<&RewardModel> {
        match &self.model {
            Model::Policy(_) => None,
            Model::Reward(model) => Some(model),
        }
    }

    /// Returns the player frozen in its current state.
    pub fn snapshot(&self) -> Self {
        let Self { model, mover: _, tokenizer, base, sampling } = self.clone();
        Self { model: model.frozen(), mover: Mover::None, tokenizer, base, sampling }
    }

    /// Tells whether steps or solutions move it.
    pub fn is_moved(&self) -> bool {
        match self.mover {
            Mover::None => false,
            Mover::Steps(_) | Mover::Solved(_) => true,
        }
    }
}

stored!(Player as PlayerRecord {
    model: Model,
    mover: Mover,
    tokenizer: Arc<Tokenizer>,
} {
    base: Option<String>,
    sampling: Option<Sampling>,
});

stored!(Linear as LinearRecord {
    features: Arc<Features>,
} {
    ridge: f64,
    bound: f64,
    fitted: Vec<f64>,
});

stored_enum!(Model as ModelStored { Policy(Decoder), Reward(RewardModel) } {});

stored_enum!(Mover as MoverStored { Steps(Optimizer), Solved(Linear) } { None });
