//! The exact track: values of plans that run in a world, and their operations.
//!
//! Most operations have the same names as in the practical track (`ops/`); a stage whose inputs are values of the exact
//! track is run by these (`ops::op`). The mathematics is in the crate `pbpo-exact`.
//!
//! - `players.rs`: worlds, policies, their followers and reward models;
//! - `pairs.rs`: sampled and labelled trajectories;
//! - `explore.rs`: the enhancer and its baselines;
//! - `solve.rs`: the step of the game; `regret.rs`: its measures.

pub(crate) mod explore;
pub(crate) mod pairs;
pub(crate) mod players;
pub(crate) mod regret;
pub(crate) mod solve;

pub(crate) use solve::kept;

use std::sync::Arc;

use pbpo_exact::likelihood::{Fit, Preferences};
use pbpo_exact::linalg::Covariance;
use pbpo_exact::policy::Policy;
use pbpo_exact::world::{Trajectory, World};
use pbpo_plan::ops::exploration::{self, Search};
use pbpo_plan::ops::policy::Class;
use pbpo_plan::{Body, Op as Named, Plan, Stage};

use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::ops::Op;
use crate::state::{Digest, plain, stored, stored_enum};
use crate::value;

type Outputs = Result<Vec<value::Value>, Fault>;

/// An operation of the exact track: a function of this folder.
pub(crate) struct Exact(pub fn(&Stage, &Env, &mut Context<'_>) -> Outputs);

impl Op for Exact {
    fn run(&self, stage: &Stage, env: &mut Env, context: &mut Context<'_>) -> Outputs {
        self.0(stage, env, context)
    }
}

/// A value of the exact track.
#[derive(Clone)]
pub enum Value {
    World(Arc<Place>),
    Player(Arc<Player>),
    Reward(Arc<Reward>),
    Exploration(Arc<Exploration>),
    Played(Arc<Played>),
    Compared(Compared),
}

impl Value {
    /// Returns the kind's name, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::World(_) => "world",
            Value::Player(_) => "policy of a world",
            Value::Reward(_) => "linear reward model",
            Value::Exploration(_) => "exploration of a world",
            Value::Played(_) => "trajectories",
            Value::Compared(_) => "compared trajectories",
        }
    }
}

/// A world, and the value of its best policy.
pub struct Place {
    pub world: World,
    pub optimum: f64,
}

/// A policy; a follower has its leader's class and is not trained.
#[derive(Clone)]
pub struct Player {
    pub place: Arc<Place>,
    pub policy: Arc<Policy>,
    pub class: Class,
    /// The weights of a log-linear policy, `[width]`.
    pub weights: Vec<f64>,
}

/// A linear reward model: the preferences it has learned from, and its fit.
#[derive(Clone)]
pub struct Reward {
    pub place: Arc<Place>,
    /// The bound on the norm of theta.
    pub bound: f64,
    pub data: Preferences,
    pub fit: Fit,
    pub covariance: Covariance,
    /// The preferences it has learned from.
    pub seen: Compared,
}

/// The memory of an exploration.
#[derive(Clone)]
pub struct Exploration {
    pub place: Arc<Place>,
    pub covariance: Covariance,
    pub bonus: pbpo_exact::enhance::Bonus,
    pub search: Search,
}

/// Trajectories and the policy that produced them.
pub struct Played {
    pub place: Arc<Place>,
    pub policy: Arc<Policy>,
    pub trajectories: Vec<Trajectory>,
}

/// Labelled pairs as features, `(chosen, rejected)`. The set only grows, by chunks that all versions share.
#[derive(Clone, Default)]
pub struct Compared {
    chunks: Vec<Arc<Chunk>>,
}

/// A part of a set.
pub struct Chunk {
    pairs: Arc<Vec<[Vec<f64>; 2]>>,
    /// The digest of all pairs of the set up to the end of this chunk, by which two sets are compared.
    until: Digest,
}

impl Compared {
    /// Tells whether this set is an earlier one with more pairs after it.
    pub fn continues(&self, earlier: &Compared) -> bool {
        let Some(last) = earlier.chunks.last() else { return true };
        self.chunks.get(earlier.chunks.len() - 1).is_some_and(|same| same.until == last.until)
    }

    /// Returns the set with a chunk of pairs more.
    fn with(mut self, pairs: Arc<Vec<[Vec<f64>; 2]>>) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.chunks.last().map_or(&[], |last| last.until.as_slice()));
        for number in pairs.iter().flatten().flatten() {
            hasher.update(&number.to_bits().to_le_bytes());
        }
        self.chunks.push(Arc::new(Chunk { pairs, until: *hasher.finalize().as_bytes() }));
        self
    }

    /// Returns the pairs after those of an earlier set.
    pub fn behind(&self, earlier: &Compared) -> impl Iterator<Item = &[Vec<f64>; 2]> {
        self.chunks.iter().skip(earlier.chunks.len()).flat_map(|chunk| chunk.pairs.iter())
    }
}

macro_rules! typed {
    ($name:ident, $variant:ident, $type:ty) => {
        fn $name<'e>(env: &'e Env, stage: &Stage, port: &str) -> Result<&'e $type, Fault> {
            match env.get(stage, port)? {
                value::Value::Exact(Value::$variant(value)) => Ok(value),
                other => Err(Fault::new(format!(
                    "input `{port}` is {} where a {} of the exact track is wanted",
                    other.kind(),
                    stringify!($name)
                ))),
            }
        }
    };
}

typed!(place, World, Arc<Place>);
typed!(player, Player, Arc<Player>);
typed!(reward, Reward, Arc<Reward>);
typed!(exploration, Exploration, Arc<Exploration>);
typed!(played, Played, Arc<Played>);

/// Tells whether a plan needs no device, because all its players live in worlds.
pub fn is_exact_plan(plan: &Plan) -> bool {
    fn has(body: &Body, op: Named) -> bool {
        body.stages().any(|stage| stage.op == op || stage.body.as_deref().is_some_and(|inner| has(inner, op)))
    }
    has(&plan.body, Named::World) && !has(&plan.body, Named::Data)
}

/// Returns the blocks of a covariance: a single one, or one for each step.
fn blocks(world: &World, covariance: exploration::Covariance) -> Vec<usize> {
    match covariance {
        exploration::Covariance::PerStep if world.per_step => vec![world.dim; world.horizon],
        exploration::Covariance::PerStep | exploration::Covariance::Joint => vec![world.width()],
    }
}

/// Wraps values of the exact track as a stage's outputs.
fn outputs(values: impl IntoIterator<Item = Value>) -> Outputs {
    Ok(values.into_iter().map(value::Value::Exact).collect())
}

stored!(Place as PlaceRecord {
} {
    world: World,
    optimum: f64,
});

stored!(Player as PlayerRecord {
    place: Arc<Place>,
    policy: Arc<Policy>,
} {
    class: Class,
    weights: Vec<f64>,
});

stored!(Reward as RewardRecord {
    place: Arc<Place>,
    seen: Compared,
} {
    bound: f64,
    data: Preferences,
    fit: Fit,
    covariance: Covariance,
});

stored!(Exploration as ExplorationRecord {
    place: Arc<Place>,
} {
    covariance: Covariance,
    bonus: pbpo_exact::enhance::Bonus,
    search: Search,
});

stored!(Played as PlayedRecord {
    place: Arc<Place>,
    policy: Arc<Policy>,
} {
    trajectories: Vec<Trajectory>,
});

stored!(Compared as ComparedRecord {
    chunks: Vec<Arc<Chunk>>,
});

stored!(Chunk as ChunkRecord {
    pairs: Arc<Vec<[Vec<f64>; 2]>>,
} {
    until: Digest,
});

plain!(Policy, [Vec<f64>; 2]);

stored_enum!(Value as Record {
    World(Arc<Place>),
    Player(Arc<Player>),
    Reward(Arc<Reward>),
    Exploration(Arc<Exploration>),
    Played(Arc<Played>),
    Compared(Compared)
} {});
