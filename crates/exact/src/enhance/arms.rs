//! Worlds of one step: the search examines every arm.

use super::{Bonus, Found, Metric};
use crate::policy::Policy;
use crate::world::World;

/// Picks in each state the arm that is farthest from the reference's mean. By
/// `E ||phi - phi_b||^2 = ||phi - m||^2 + v`, with mean m and variance v of the reference's arms, this is the best for
/// E2 in any number of states (method 3.4), and for E1 in one state.
pub(super) fn search(world: &World, metric: &Metric, reference: &Policy, bonus: Bonus) -> Found {
    let (mut choice, mut value) = (vec![0; world.states], 0.0);
    let [mut mean, mut difference, mut turned] = [(); 3].map(|()| vec![0.0; world.dim]);
    for (state, choice) in choice.iter_mut().enumerate() {
        let arms = &world.phi[state * world.actions * world.dim..][..world.actions * world.dim];
        let row = reference.row(world, 0, state);
        mean.fill(0.0);
        for (arm, chance) in arms.chunks_exact(world.dim).zip(row).filter(|(_, chance)| **chance > 0.0) {
            mean.iter_mut().zip(arm).for_each(|(mean, x)| *mean += chance * x);
        }
        let (mut far, mut variance) = (f64::NEG_INFINITY, 0.0);
        for (arm, phi) in arms.chunks_exact(world.dim).enumerate() {
            difference.iter_mut().zip(phi.iter().zip(&mean)).for_each(|(x, (a, b))| *x = a - b);
            let distance = metric.norm_sq_with(&difference, &mut turned);
            variance += row[arm] * distance;
            if distance > far {
                (far, *choice) = (distance, arm);
            }
        }
        value += match bonus {
            Bonus::MeanNorm => world.start[state] * far,
            Bonus::ExpectedSquare => world.start[state] * (far + variance),
        };
    }
    let value = if bonus == Bonus::MeanNorm { value.sqrt() } else { value };
    Found { policy: Policy::deterministic(world, &choice), value }
}
