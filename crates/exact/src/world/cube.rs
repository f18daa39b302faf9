//! Worlds whose actions are the vertices of a cube at every step, with rewards just too small to resolve in a number of
//! episodes: the usual construction of lower bounds for linear bandits, extended to H steps.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::World;
use super::random::{fits, positive};

/// The largest `dim`: a cube has `2^dim` actions.
const LARGEST: usize = 12;
/// The gap is this times `sqrt(dim / episodes)`; [`make`] gives the reason.
const GAP: f64 = 0.5;

/// Makes a world of one state; the actions of each step are `{+-1/sqrt(dim)}^dim`, and `theta_i = +-gap` with random
/// signs.
///
/// `gap = 1/2 sqrt(dim / episodes)`, or less to keep `||theta*|| <= norm`. The reason: flipping one sign of theta*
/// changes the margin of a comparison by at most `2 gap * 2/sqrt(dim)`, so each label separates the two by a KL of at
/// most `(4 gap / sqrt(dim))^2 / 8`, and all of them by `2 gap^2 episodes / dim = 1/2` at this gap. By Pinsker the
/// total variation is then at most 1/2: each sign is guessed wrongly with probability at least 1/4, whichever pairs are
/// compared.
///
/// With separate thetas for each step this holds for each of the `horizon * dim` signs, so the regret of any policy is
/// at least `horizon dim sqrt(episodes) / 4`, over random signs, and twice that for a fixed policy. With
/// one theta for all steps a sign changes the margin `horizon` times as much, and the gap is smaller by that factor.
pub(super) fn make(
    horizon: usize,
    dim: usize,
    episodes: usize,
    per_step: bool,
    norm: f64,
    rng: &mut ChaCha8Rng,
) -> Result<World, String> {
    positive(&[("horizon", horizon), ("dim", dim), ("episodes", episodes)], norm)?;
    if dim > LARGEST {
        return Err(format!("a cube of dim {dim} has 2^{dim} actions; lower dim to {LARGEST} at most"));
    }
    let actions = 1usize << dim;
    fits(&[&[actions, dim], &[actions, horizon], &[horizon, dim]], "horizon or dim")?;
    let (root, side) = ((dim as f64).sqrt(), |up: bool| if up { 1.0 } else { -1.0 });
    let phi = (0..actions).flat_map(|action| (0..dim).map(move |i| side(action >> i & 1 == 1) / root)).collect();
    let (signs, repeats) = if per_step { (horizon * dim, 1) } else { (dim, horizon) };
    let gap = (GAP * root / (episodes as f64).sqrt() / repeats as f64).min(norm / (signs as f64).sqrt());
    Ok(World {
        horizon,
        states: 1,
        actions,
        start: vec![1.0],
        next: if horizon > 1 { vec![vec![(0, 1.0)]; actions] } else { Vec::new() },
        phi,
        dim,
        per_step,
        theta: (0..signs).map(|_| gap * side(rng.random::<f64>() < 0.5)).collect(),
        excess: Vec::new(),
    })
}
