//! Explorers to compare with, used instead of the enhancer.

use faer::{MatRef, Side};
use rand_chacha::ChaCha8Rng;

use crate::policy::Policy;
use crate::world::World;
use crate::world::random::normal;

/// Returns the policy that takes all actions with equal probability.
pub fn uniform(world: &World) -> Policy {
    Policy::uniform(world)
}

/// Returns the policy that takes a uniform action with probability `epsilon` (0 to 1) in each step and state, else one
/// of `greedy`'s.
pub fn epsilon_greedy(world: &World, greedy: &Policy, epsilon: f64) -> Policy {
    let share = epsilon / world.actions as f64;
    Policy { probs: greedy.probs.iter().map(|prob| (1.0 - epsilon) * prob + share).collect() }
}

/// Returns the best policy for one draw of [`thompson_draw`].
pub fn thompson(
    world: &World,
    theta_hat: &[f64],
    scale: f64,
    hessian: &[f64],
    rng: &mut ChaCha8Rng,
) -> Result<Policy, String> {
    Ok(world.best(&thompson_draw(theta_hat, scale, hessian, rng)?))
}

/// Returns a draw from `N(theta_hat, scale^2 H^{-1})`, the Laplace approximation of a posterior where H is the Hessian
/// of the negative log-likelihood with its ridge, `[width, width]`. Returns an error if H is not positive definite.
pub fn thompson_draw(theta_hat: &[f64], scale: f64, hessian: &[f64], rng: &mut ChaCha8Rng) -> Result<Vec<f64>, String> {
    let width = theta_hat.len();
    if hessian.len() != width * width {
        return Err(format!("a Hessian of {} numbers for a theta of {width}; give {}", hessian.len(), width * width));
    }
    let factor = MatRef::from_row_major_slice(hessian, width, width)
        .llt(Side::Lower)
        .map_err(|_| "the Hessian is not positive definite; raise the ridge of the fit".to_string())?;
    let (lower, mut draw) = (factor.L(), vec![0.0; width]);
    // With H = C C^T, C^{-T} of a standard normal vector has covariance H^{-1}.
    draw.fill_with(|| normal(rng));
    for i in (0..width).rev() {
        let known: f64 = (i + 1..width).map(|j| lower[(j, i)] * draw[j]).sum();
        draw[i] = (draw[i] - known) / lower[(i, i)];
    }
    Ok(theta_hat.iter().zip(draw).map(|(mean, x)| mean + scale * x).collect())
}
