//! A token MDP: an action writes a token, and the state is the last token. Ours.

use rand_chacha::ChaCha8Rng;

use super::World;
use super::random::{direction, features, fits, positive};

/// Makes a world whose states are the tokens and, last, a start token to which no action leads back. Moves are certain:
/// action a leads to state a. phi(s, a) is random, of norm at most 1.
pub(super) fn make(
    vocabulary: usize,
    length: usize,
    dim: usize,
    per_step: bool,
    norm: f64,
    rng: &mut ChaCha8Rng,
) -> Result<World, String> {
    positive(&[("vocabulary", vocabulary), ("length", length), ("dim", dim)], norm)?;
    let states = vocabulary.saturating_add(1);
    let sizes: [&[usize]; 3] =
        [&[states, vocabulary, dim], &[states, vocabulary, length], &[if per_step { length } else { 1 }, dim]];
    fits(&sizes, "vocabulary, length or dim")?;
    let mut start = vec![0.0; states];
    start[vocabulary] = 1.0;
    Ok(World {
        horizon: length,
        states,
        actions: vocabulary,
        start,
        next: (0..states * vocabulary).map(|at| vec![(at % vocabulary, 1.0)]).collect(),
        phi: features(states * vocabulary, dim, rng),
        dim,
        per_step,
        theta: direction(if per_step { length * dim } else { dim }, norm, rng),
        excess: Vec::new(),
    })
}
