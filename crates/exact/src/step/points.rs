//! The best arm of a bandit against the worst reward.

use super::Chosen;
use crate::policy::Policy;
use crate::set::{Set, Worst};
use crate::world::World;
use crate::{dot, minus};

/// Returns the arm with the largest worst value, in a world with one state and one step (in a larger world: the actions
/// of state 0, taken everywhere). Among equal arms the first.
///
/// With a closed form every arm is computed. Else any member theta of the set bounds every arm's worst value by
/// `<theta, x>` from above (plus the price of theta for a Lagrangian). Arms are examined in the order of their
/// second-order estimates; an arm whose bound is not better than the best exact value so far is skipped. The estimates
/// only set the order, so the result is exact whatever their errors.
pub fn points(world: &World, set: &Set, reference: &Policy) -> Chosen {
    let rows = &world.phi[..world.actions * world.dim];
    // Arms have features of one step, whatever the horizon.
    let from = world.features(reference);
    let (mut estimates, mut best) = (Vec::new(), (f64::NEG_INFINITY, 0));
    set.estimates(rows, &from, &mut estimates);
    let mut exact = 0;
    let mut worst: Option<Worst> = None;
    if set.is_closed() {
        for (arm, value) in estimates.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
            if *value > best.0 {
                best = (*value, arm);
            }
        }
        exact = world.actions;
    } else {
        let mut cuts = Cuts::new(world.actions, rows, &from);
        cuts.add(&set.fit.theta, 0.0);
        let mut order: Vec<usize> = (0..world.actions).collect();
        order.sort_by(|a, b| estimates[*b].total_cmp(&estimates[*a]).then(a.cmp(b)));
        for arm in order {
            if cuts.upper[arm] < best.0 || (cuts.upper[arm] == best.0 && arm > best.1) {
                continue;
            }
            let x = minus(&rows[arm * world.dim..(arm + 1) * world.dim], &from);
            if exact > 0
                && let Some((theta, extra)) = set.near_worst(&x)
            {
                cuts.add(&theta, extra);
                if cuts.upper[arm] < best.0 {
                    continue;
                }
            }
            let found = set.worst(&x);
            exact += 1;
            if found.value > f64::NEG_INFINITY {
                cuts.add(&found.theta, found.value - found.reward);
            }
            if found.value > best.0 || (found.value == best.0 && arm < best.1) {
                best = (found.value, arm);
                worst = Some(found);
            }
        }
    }
    let row = &rows[best.1 * world.dim..(best.1 + 1) * world.dim];
    let theta = worst.unwrap_or_else(|| set.worst(&minus(row, &from))).theta;
    let policy = Policy::deterministic(world, &vec![best.1; world.horizon * world.states]);
    Chosen { policy, value: best.0, gap: 0.0, iterations: exact, theta }.or_reference(reference)
}

/// Upper bounds on every arm's worst value: the minimum over the thetas that were added.
struct Cuts<'a> {
    rows: &'a [f64],
    from: &'a [f64],
    upper: Vec<f64>,
}

impl<'a> Cuts<'a> {
    fn new(arms: usize, rows: &'a [f64], from: &'a [f64]) -> Self {
        Self { rows, from, upper: vec![f64::INFINITY; arms] }
    }

    fn add(&mut self, theta: &[f64], extra: f64) {
        let base = dot(theta, self.from) - extra;
        for (upper, row) in self.upper.iter_mut().zip(self.rows.chunks_exact(theta.len().max(1))) {
            *upper = upper.min(dot(theta, row) - base);
        }
    }
}
