//! A bandit: one state, one step, a policy is an arm.
//!
//! The four families of arms are ours; the hypercube is the usual construction of lower bounds for linear bandits.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::World;
use super::random::{direction, features, fits, normal, positive, rescaled};
use super::spec::Features;

/// Share of the arms of `rare` that point out of the common subspace.
const RARE: f64 = 0.05;
/// Share of `||theta*||^2` that lies where only the rare arms point.
const HIDDEN: f64 = 0.8;
/// A hypercube has `2^dim` arms.
const LARGEST_HYPERCUBE: usize = 12;
/// The gap of a hypercube is this times `sqrt(dim / episodes)`; [`hypercube`] says why.
const GAP: f64 = 0.5;

/// Makes the arms `[arms, dim]` and theta* `[dim]`.
pub(super) fn make(
    arms: usize,
    dim: usize,
    kind: Features,
    episodes: usize,
    norm: f64,
    rng: &mut ChaCha8Rng,
) -> Result<World, String> {
    if kind == Features::Hypercube {
        return hypercube(dim, episodes, norm, rng);
    }
    positive(&[("arms", arms), ("dim", dim)], norm)?;
    fits(&[&[arms, dim]], "arms or dim")?;
    let (phi, theta) = match kind {
        Features::Rare => rare(arms, dim, norm, rng)?,
        Features::Decaying => (decaying(arms, dim, rng), direction(dim, norm, rng)),
        _ => (features(arms, dim, rng), direction(dim, norm, rng)),
    };
    Ok(world(phi, theta))
}

/// A bandit of these arms, `[arms, dim]`; `theta` is `[dim]`.
pub(super) fn world(phi: Vec<f64>, theta: Vec<f64>) -> World {
    World {
        horizon: 1,
        states: 1,
        actions: phi.len() / theta.len(),
        start: vec![1.0],
        next: Vec::new(),
        phi,
        dim: theta.len(),
        per_step: false,
        theta,
        excess: Vec::new(),
    }
}

/// Coordinate i is about 1/(i+1) as large as the first; norms are uniform in 0..1.
fn decaying(arms: usize, dim: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let mut phi = Vec::with_capacity(arms * dim);
    for _ in 0..arms {
        let norm = rng.random::<f64>();
        phi.extend(rescaled((0..dim).map(|i| normal(rng) / (i + 1) as f64).collect(), norm));
    }
    phi
}

/// Most arms lie in the first half of the coordinates. The last 5 % of the arms are unit vectors in the other half,
/// which holds four fifths of `||theta*||^2`: who compares arms at random seldom learns what matters.
fn rare(arms: usize, dim: usize, norm: f64, rng: &mut ChaCha8Rng) -> Result<(Vec<f64>, Vec<f64>), String> {
    if arms < 2 || dim < 2 {
        return Err(format!("rare features need 2 arms and dim 2 at least, not {arms} and {dim}; raise them"));
    }
    let (common, few) = (dim / 2, (RARE * arms as f64).ceil() as usize);
    let mut phi = vec![0.0; arms * dim];
    for (arm, row) in phi.chunks_mut(dim).enumerate() {
        if arm < arms - few {
            let norm = rng.random::<f64>();
            row[..common].copy_from_slice(&direction(common, norm, rng));
        } else {
            row[common..].copy_from_slice(&direction(dim - common, 1.0, rng));
        }
    }
    let mut theta = direction(common, (1.0 - HIDDEN).sqrt() * norm, rng);
    theta.extend(direction(dim - common, HIDDEN.sqrt() * norm, rng));
    Ok((phi, theta))
}

/// All arms of `{+-1/sqrt(dim)}^dim`, and `theta_i = +-gap` with random signs.
///
/// `gap = 1/2 sqrt(dim / episodes)`, at most `norm / sqrt(dim)`. The reason: turning one sign of theta* changes the
/// margin of a comparison by at most `2 gap * 2/sqrt(dim)`, so each label tells the two apart by a KL of at most
/// `(4 gap / sqrt(dim))^2 / 8`, and all of them by `2 gap^2 episodes / dim = 1/2` at this gap. By Pinsker the total
/// variation is then at most 1/2: each sign is guessed wrongly with probability 1/4 at least, whatever is compared.
fn hypercube(dim: usize, episodes: usize, norm: f64, rng: &mut ChaCha8Rng) -> Result<World, String> {
    positive(&[("dim", dim), ("episodes", episodes)], norm)?;
    if dim > LARGEST_HYPERCUBE {
        return Err(format!("a hypercube of dim {dim} has 2^{dim} arms; lower dim to {LARGEST_HYPERCUBE} at most"));
    }
    let (root, side) = ((dim as f64).sqrt(), |up: bool| if up { 1.0 } else { -1.0 });
    let phi = (0..1usize << dim).flat_map(|arm| (0..dim).map(move |i| side(arm >> i & 1 == 1) / root)).collect();
    let gap = (GAP * root / (episodes as f64).sqrt()).min(norm / root);
    let theta = (0..dim).map(|_| gap * side(rng.random::<f64>() < 0.5)).collect();
    Ok(world(phi, theta))
}
