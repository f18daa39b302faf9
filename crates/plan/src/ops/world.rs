//! `world`: a world of the exact track.

use serde::{Deserialize, Serialize};

use super::{Info, flattened, free, no_rows, nothing};

/// The directions in which the arms of a bandit lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Features {
    Isotropic,
    Decaying,
    Rare,
    Hypercube,
}

/// The way in which states follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    Random,
    Star,
    Grid,
}

/// Kinds of worlds, by the words of the language.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Instance {
    Bandit {
        arms: u64,
        dim: u64,
        features: Features,
        episodes: u64,
    },
    Contextual {
        contexts: u64,
        arms: u64,
        dim: u64,
    },
    Mdp {
        layout: Layout,
        states: u64,
        actions: u64,
        horizon: u64,
        dim: u64,
    },
    Cube {
        horizon: u64,
        dim: u64,
        episodes: u64,
    },
    Tokens {
        vocabulary: u64,
        length: u64,
        dim: u64,
    },
    /// Paths of two CSV files.
    File {
        features: String,
        theta: String,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The settings of the kind stand beside the others in plans, therefore they are flattened.
    #[serde(flatten)]
    pub instance: Instance,
    /// The norm of the true parameters.
    pub norm: f64,
    /// The largest reward of a step that no linear model has.
    pub misspecified: f64,
    /// True for separate parameters of each step.
    pub per_step: bool,
}

pub(super) const INFO: Info = Info {
    version: 1,
    random: true,
    source: false,
    leaves: false,
    player: false,
    reads_responses: false,
    objective: false,
    batch: None,
    settings: flattened::<Settings>,
    rows: no_rows,
    cost: free,
    room: nothing,
};
