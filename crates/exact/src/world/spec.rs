//! The description of a world, as the runtime reads it from a plan.

use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

use super::{World, bandit, contextual, cube, file, mdp, tokens};

/// Settings of a `world` block.
#[derive(Clone, Debug, Deserialize)]
pub struct Spec {
    #[serde(flatten)]
    pub instance: Instance,
    /// The norm of theta* (of all its blocks together, with separate parameters for each step).
    pub norm: f64,
    /// The largest reward that no linear model explains; 0 if the model is right.
    #[serde(default)]
    pub misspecified: f64,
    /// True for separate parameters of each step.
    #[serde(default)]
    pub per_step: bool,
}

/// Kinds of worlds, by the words of the language.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Instance {
    /// Arms with features of norm at most 1. `hypercube` has `2^dim` arms for any `arms`, and a theta* whose gaps can
    /// only just be resolved in `episodes` episodes.
    Bandit {
        arms: usize,
        dim: usize,
        features: Features,
        episodes: usize,
    },
    Contextual {
        contexts: usize,
        arms: usize,
        dim: usize,
    },
    Mdp {
        layout: Layout,
        states: usize,
        actions: usize,
        horizon: usize,
        dim: usize,
    },
    /// `2^dim` actions in each of `horizon` steps, and a theta* as for `hypercube`.
    Cube {
        horizon: usize,
        dim: usize,
        episodes: usize,
    },
    /// States that are the last token; `vocabulary` tokens, `length` of them.
    Tokens {
        vocabulary: usize,
        length: usize,
        dim: usize,
    },
    /// A bandit from two CSV files: features, one arm a line; theta, one number a line.
    File {
        features: String,
        theta: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Features {
    Isotropic,
    Decaying,
    Rare,
    Hypercube,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    Random,
    Star,
    Grid,
}

/// Makes the world; random parts come from `rng`. An error names the setting to change.
pub fn make(spec: &Spec, rng: &mut ChaCha8Rng) -> Result<World, String> {
    let mut world = match &spec.instance {
        Instance::Bandit { arms, dim, features, episodes } => {
            bandit::make(*arms, *dim, *features, *episodes, spec.norm, rng)?
        }
        Instance::Contextual { contexts, arms, dim } => contextual::make(*contexts, *arms, *dim, spec.norm, rng)?,
        Instance::Mdp { layout, states, actions, horizon, dim } => {
            mdp::make(*layout, [*states, *actions, *horizon, *dim], spec.per_step, spec.norm, rng)?
        }
        Instance::Cube { horizon, dim, episodes } => {
            cube::make(*horizon, *dim, *episodes, spec.per_step, spec.norm, rng)?
        }
        Instance::Tokens { vocabulary, length, dim } => {
            tokens::make(*vocabulary, *length, *dim, spec.per_step, spec.norm, rng)?
        }
        Instance::File { features, theta } => file::make(features.as_ref(), theta.as_ref())?,
    };
    if spec.misspecified > 0.0 {
        use rand::RngExt;
        world.excess =
            (0..world.states * world.actions).map(|_| spec.misspecified * (2.0 * rng.random::<f64>() - 1.0)).collect();
    }
    Ok(world)
}
