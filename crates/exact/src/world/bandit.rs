//! A bandit: one state, one step, a policy is an arm.
//!
//! The families of arms are ours; `hypercube` is `cube.rs` with one step.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::World;
use super::cube;
use super::random::{direction, features, fits, normal, positive, rescaled};
use super::spec::Features;

/// The share of the arms of `rare` that point out of the common subspace.
const RARE: f64 = 0.05;
/// The share of `||theta*||^2` in the directions of the rare arms.
const HIDDEN: f64 = 0.8;

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
        return cube::make(1, dim, episodes, false, norm, rng);
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

/// Returns a bandit of these arms, `[arms, dim]`; `theta` is `[dim]`.
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

/// Draws arms whose coordinate i is about 1/(i+1) as large as the first; norms are uniform in 0..1.
fn decaying(arms: usize, dim: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let mut phi = Vec::with_capacity(arms * dim);
    for _ in 0..arms {
        let norm = rng.random::<f64>();
        phi.extend(rescaled((0..dim).map(|i| normal(rng) / (i + 1) as f64).collect(), norm));
    }
    phi
}

/// Draws arms most of which lie in the first half of the coordinates. The last 5 % of the arms are unit vectors in the
/// other half, which holds four fifths of `||theta*||^2`: random comparisons seldom reveal it.
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
