//! Policies: a distribution over actions for each step and state.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::world::World;

/// The probabilities pi_h(a | s), as `[horizon, states, actions]`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Policy {
    pub probs: Vec<f64>,
}

impl Policy {
    /// Returns the policy that takes all actions with equal probability.
    pub fn uniform(world: &World) -> Self {
        Self { probs: vec![1.0 / world.actions as f64; world.horizon * world.states * world.actions] }
    }

    /// Returns the policy with one action for each step and state: `choice` is `[horizon, states]`.
    pub fn deterministic(world: &World, choice: &[usize]) -> Self {
        let mut probs = vec![0.0; choice.len() * world.actions];
        for (row, action) in choice.iter().enumerate() {
            probs[row * world.actions + action] = 1.0;
        }
        Self { probs }
    }

    /// Returns the policy with this occupancy `[horizon, states, actions]`; uniform in states that are never visited.
    pub fn of_occupancy(world: &World, occupancy: &[f64]) -> Self {
        let mut probs = Vec::with_capacity(occupancy.len());
        for row in occupancy.chunks(world.actions) {
            let sum: f64 = row.iter().sum();
            let share = |mass: &f64| if sum > 0.0 { mass / sum } else { 1.0 / world.actions as f64 };
            probs.extend(row.iter().map(share));
        }
        Self { probs }
    }

    /// Returns pi_h(. | s).
    pub fn row(&self, world: &World, step: usize, state: usize) -> &[f64] {
        let from = (step * world.states + state) * world.actions;
        &self.probs[from..from + world.actions]
    }

    /// Draws an action in a state.
    pub fn act(&self, world: &World, step: usize, state: usize, rng: &mut ChaCha8Rng) -> usize {
        draw(self.row(world, step, state).iter().copied(), rng)
    }
}

/// Draws an index by its probability; the last one takes the rest left by rounding.
pub fn draw(probs: impl ExactSizeIterator<Item = f64>, rng: &mut ChaCha8Rng) -> usize {
    let last = probs.len().saturating_sub(1);
    let mut left = rng.random::<f64>();
    for (index, prob) in probs.enumerate() {
        left -= prob;
        if left < 0.0 && prob > 0.0 {
            return index;
        }
    }
    last
}
