//! The best log-linear policy against the worst reward, by gradient steps.

use super::Chosen;
use crate::policy::Policy;
use crate::set::{Keep, Set, Worst};
use crate::world::World;
use crate::{dot, minus};

/// A log-linear policy and its guaranteed value.
#[derive(Clone, Debug)]
pub struct LogLinear {
    /// The weights, `[width]`: the last ones, even if the reference was chosen instead.
    pub w: Vec<f64>,
    pub chosen: Chosen,
}

/// Returns `pi_h(a | s)` in proportion to `exp <w_h, phi(s, a)>`; `w` has the same blocks as theta, `[width]`.
pub fn softmax(world: &World, w: &[f64]) -> Policy {
    let mut probs = Vec::with_capacity(world.horizon * world.states * world.actions);
    for step in 0..world.horizon {
        let w = &w[world.block(step)];
        for state in 0..world.states {
            let from = probs.len();
            probs.extend((0..world.actions).map(|action| dot(w, world.phi(state, action))));
            let row = &mut probs[from..];
            let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            row.iter_mut().for_each(|x| *x = (*x - most).exp());
            let sum: f64 = row.iter().sum();
            row.iter_mut().for_each(|x| *x /= sum);
        }
    }
    Policy { probs }
}

/// Returns the exact gradient in `w` of `<theta, E phi(tau)>` under `policy = softmax(w)`: the sum over steps and
/// states of their visiting probability times `E_a Q(s, a) (phi(s, a) - E phi)`.
pub fn gradient(world: &World, policy: &Policy, theta: &[f64]) -> Vec<f64> {
    let (occupancy, rows) = (world.occupancy(policy), world.states * world.actions);
    let (mut sum, mut after) = (vec![0.0; world.width()], vec![0.0; world.states]);
    for step in (0..world.horizon).rev() {
        let block = world.block(step);
        let mut values = vec![0.0; world.states];
        for (state, value) in values.iter_mut().enumerate() {
            let q = |action: usize| {
                let now = dot(&theta[block.clone()], world.phi(state, action));
                let next = &world.next.get(state * world.actions + action).map_or(&[][..], Vec::as_slice);
                let later = next.iter().map(|(state, chance)| chance * after[*state]).sum::<f64>();
                if step + 1 < world.horizon { now + later } else { now }
            };
            let q: Vec<f64> = (0..world.actions).map(q).collect();
            *value = dot(policy.row(world, step, state), &q);
            // Centring Q has the same effect as centring the features.
            for (action, q) in q.iter().enumerate() {
                let weight = occupancy[step * rows + state * world.actions + action] * (q - *value);
                let phi = world.phi(state, action);
                sum[block.clone()].iter_mut().zip(phi).for_each(|(sum, x)| *sum += weight * x);
            }
        }
        after = values;
    }
    sum
}

/// Takes at most `steps` gradient steps from `w0`, the first of length `rate` times the gradient. A step is halved
/// until the value rises (by a ten-thousandth of the gradient's promise) and the next one is tried at twice the length,
/// so the value never falls. From the kink at the reference the first step goes along the steepest ascent.
pub fn log_linear(world: &World, set: &Set, reference: &Policy, w0: &[f64], steps: usize, rate: f64) -> LogLinear {
    let from = world.features(reference);
    let against = |policy: &Policy| set.worst(&minus(&world.features(policy), &from));
    let mut w = w0.to_vec();
    let mut policy = softmax(world, &w);
    let mut worst = against(&policy);
    let x = minus(&world.features(&policy), &from);
    let smooth = matches!(set.keep, Keep::Lagrangian { .. } | Keep::Mle);
    let kinked = !smooth && dot(&x, &x) <= 1e-24 * (1.0 + dot(&from, &from));
    let (mut size, mut iterations) = (rate, 0);
    while iterations < steps {
        let ascent = if kinked && iterations == 0 {
            steepest(world, set, &policy)
        } else {
            gradient(world, &policy, &worst.theta)
        };
        let promised = dot(&ascent, &ascent);
        let Some((next_w, next, found)) = step(world, against, &w, &ascent, promised, worst.value, &mut size) else {
            break;
        };
        (w, policy, worst) = (next_w, next, found);
        iterations += 1;
    }
    let chosen = Chosen { policy, value: worst.value, gap: f64::INFINITY, iterations, theta: worst.theta };
    LogLinear { w, chosen: chosen.or_reference(reference) }
}

/// Returns a step that raises the value, if there is one, and sets `size` to twice its length.
fn step(
    world: &World,
    against: impl Fn(&Policy) -> Worst,
    w: &[f64],
    ascent: &[f64],
    promised: f64,
    value: f64,
    size: &mut f64,
) -> Option<(Vec<f64>, Policy, Worst)> {
    if promised <= 1e-30 {
        return None;
    }
    for _ in 0..60 {
        let next_w: Vec<f64> = w.iter().zip(ascent).map(|(w, g)| w + *size * g).collect();
        let next = softmax(world, &next_w);
        let found = against(&next);
        if found.value >= value + 1e-4 * *size * promised && found.value > value {
            *size *= 2.0;
            return Some((next_w, next, found));
        }
        *size *= 0.5;
    }
    None
}

/// Returns the steepest ascent at the kink: the shortest of the gradients for the rewards of the set, found by
/// Frank-Wolfe steps over the set. It is zero if no direction rises.
fn steepest(world: &World, set: &Set, policy: &Policy) -> Vec<f64> {
    // The derivative of the features in w: row i is the gradient of feature i.
    let width = world.width();
    let unit = |i: usize| (0..width).map(|j| f64::from(u8::from(i == j))).collect::<Vec<_>>();
    let jacobian: Vec<Vec<f64>> = (0..width).map(|i| gradient(world, policy, &unit(i))).collect();
    let pull = |theta: &[f64]| {
        let mut sum = vec![0.0; width];
        for (row, theta) in jacobian.iter().zip(theta) {
            sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += theta * x);
        }
        sum
    };
    let mut shortest = pull(&set.fit.theta);
    for _ in 0..200 {
        let moved: Vec<f64> = jacobian.iter().map(|row| dot(row, &shortest)).collect();
        let found = set.worst(&moved);
        if found.value == f64::NEG_INFINITY {
            return vec![0.0; width];
        }
        let change = minus(&pull(&found.theta), &shortest);
        let (along, length) = (-dot(&shortest, &change), dot(&change, &change));
        if along <= 1e-12 * dot(&shortest, &shortest) || length == 0.0 {
            break;
        }
        let share = (along / length).min(1.0);
        shortest.iter_mut().zip(&change).for_each(|(g, c)| *g += share * c);
    }
    let rises = set.worst(&jacobian.iter().map(|row| dot(row, &shortest)).collect::<Vec<_>>()).value > 0.0;
    if rises { shortest } else { vec![0.0; width] }
}
