//! A contextual bandit: a state is a context, drawn uniformly. Ours.

use rand_chacha::ChaCha8Rng;

use super::World;
use super::random::{direction, features, fits, positive};

/// Makes random features for each context and arm, `[contexts * arms, dim]`, of norm at most 1.
pub(super) fn make(contexts: usize, arms: usize, dim: usize, norm: f64, rng: &mut ChaCha8Rng) -> Result<World, String> {
    positive(&[("contexts", contexts), ("arms", arms), ("dim", dim)], norm)?;
    fits(&[&[contexts, arms, dim]], "contexts, arms or dim")?;
    Ok(World {
        horizon: 1,
        states: contexts,
        actions: arms,
        start: vec![1.0 / contexts as f64; contexts],
        next: Vec::new(),
        phi: features(contexts * arms, dim, rng),
        dim,
        per_step: false,
        theta: direction(dim, norm, rng),
        excess: Vec::new(),
    })
}
