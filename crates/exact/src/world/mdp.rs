//! Tabular MDPs.
//!
//! `random` is ours. `star` is after StarMDP of BRIDGE (github.com/pfriedric/bridge, "random flinging"), `grid` after
//! its Gridworld; each says what differs.

use rand_chacha::ChaCha8Rng;

use super::World;
use super::random::{direction, features, fits, positive, rescaled, simplex};
use super::spec::Layout;

/// Makes the MDP. `size`: states, actions, horizon, dim. `star` uses only the horizon, and `grid` the states and the
/// horizon; their other sizes are fixed.
pub(super) fn make(
    layout: Layout,
    size: [usize; 4],
    per_step: bool,
    norm: f64,
    rng: &mut ChaCha8Rng,
) -> Result<World, String> {
    let [states, actions, horizon, dim] = match (layout, size) {
        (Layout::Random, size) => size,
        (Layout::Star, [_, _, horizon, _]) => [5, 4, horizon, 5],
        (Layout::Grid, [states, _, horizon, _]) => [states, 5, horizon, states],
    };
    positive(&[("states", states), ("actions", actions), ("horizon", horizon), ("dim", dim)], norm)?;
    let sizes: [&[usize]; 4] = [
        &[states, actions, dim],
        &[states, actions, if layout == Layout::Random { states } else { 5 }, 2],
        &[states, actions, horizon],
        &[if per_step { horizon } else { 1 }, dim],
    ];
    fits(&sizes, "states, actions, horizon or dim")?;
    match layout {
        Layout::Random => Ok(random([states, actions, horizon, dim], per_step, norm, rng)),
        Layout::Star => Ok(star(horizon, per_step, norm)),
        Layout::Grid => grid(states, horizon, per_step, norm),
    }
}

/// Makes our random MDP: transitions from the flat Dirichlet distribution, phi(s, a) of norm at most 1, a uniform
/// start.
fn random(size: [usize; 4], per_step: bool, norm: f64, rng: &mut ChaCha8Rng) -> World {
    let [states, actions, horizon, dim] = size;
    World {
        horizon,
        states,
        actions,
        start: vec![1.0 / states as f64; states],
        next: (0..states * actions).map(|_| simplex(states, rng).into_iter().enumerate().collect()).collect(),
        phi: features(states * actions, dim, rng),
        dim,
        per_step,
        theta: direction(if per_step { horizon * dim } else { dim }, norm, rng),
        excess: Vec::new(),
    }
}

/// Makes a star after BRIDGE: states left (the start, 0), middle (0), right (6), down (-1), up (10) around the middle;
/// actions right, left, up, down. A move succeeds with probability 0.7 (BRIDGE's published runs); else the agent is
/// flung to one of the other states, which is neither the current one nor the target. BRIDGE's H is 8.
///
/// Ours: an action without a target stays with probability 0.7 and flings to all four other states equally (BRIDGE's
/// hand-written tables omit one); the features are only the state's one-hot (BRIDGE has several embeddings); the
/// rewards are rescaled to the norm.
fn star(horizon: usize, per_step: bool, norm: f64) -> World {
    const LEADS: [[usize; 4]; 5] = [[1, 0, 0, 0], [2, 0, 4, 3], [2, 1, 2, 2], [3, 3, 1, 3], [4, 4, 4, 1]];
    const MOVES: f64 = 0.7;
    let moves = |state: usize, to: usize| {
        let flung: Vec<usize> = (0..5).filter(|other| *other != state && *other != to).collect();
        let chance = (1.0 - MOVES) / flung.len() as f64;
        std::iter::once((to, MOVES)).chain(flung.into_iter().map(|other| (other, chance))).collect()
    };
    let next = (0..5).flat_map(|state| LEADS[state].map(|to| moves(state, to))).collect();
    of_states(&[0.0, 0.0, 6.0, -1.0, 10.0], 4, next, (horizon, per_step), norm)
}

/// Makes a grid after BRIDGE: a square of cells, row by row, from the first cell; actions left, right, up, down, stay.
/// With probability 0.8 the action is the chosen one, else one of the five at random; a move out of the square stays.
/// BRIDGE's side is 4 and its H 10.
///
/// Ours: the goal (reward 10) is the last cell, and the trap (-1) the one to its left; no walls, and one trap where
/// BRIDGE has four. The rewards are rescaled to the norm.
fn grid(states: usize, horizon: usize, per_step: bool, norm: f64) -> Result<World, String> {
    const MOVES: f64 = 0.8;
    let side = states.isqrt();
    if side * side != states || side < 2 {
        return Err(format!("a grid of {states} states is no square; give 4, 9, 16, 25, ... states"));
    }
    let lead = |state: usize, action: usize| {
        let (row, column) = (state / side, state % side);
        match action {
            0 if column > 0 => state - 1,
            1 if column + 1 < side => state + 1,
            2 if row > 0 => state - side,
            3 if row + 1 < side => state + side,
            _ => state,
        }
    };
    let moves = |state: usize, action: usize| {
        let chance = |other: usize| if other == action { MOVES } else { 0.0 } + (1.0 - MOVES) / 5.0;
        merged((0..5).map(|other| (lead(state, other), chance(other))))
    };
    let next = (0..states * 5).map(|at| moves(at / 5, at % 5)).collect();
    let mut rewards = vec![0.0; states];
    (rewards[states - 1], rewards[states - 2]) = (10.0, -1.0);
    Ok(of_states(&rewards, 5, next, (horizon, per_step), norm))
}

/// Returns an MDP whose features are the state's one-hot, so that theta* is the reward of each state (the same in each
/// step). It starts in state 0. `steps` holds the horizon, and true if each step has separate parameters.
fn of_states(rewards: &[f64], actions: usize, next: Vec<Vec<(usize, f64)>>, steps: (usize, bool), norm: f64) -> World {
    let (states, (horizon, per_step)) = (rewards.len(), steps);
    let mut start = vec![0.0; states];
    start[0] = 1.0;
    let one_hot = |at: usize| (0..states).map(move |i| if i == at / actions { 1.0 } else { 0.0 });
    World {
        horizon,
        states,
        actions,
        start,
        next,
        phi: (0..states * actions).flat_map(one_hot).collect(),
        dim: states,
        per_step,
        theta: rescaled(rewards.repeat(if per_step { horizon } else { 1 }), norm),
        excess: Vec::new(),
    }
}

/// Merges the probabilities of equal states.
fn merged(chances: impl Iterator<Item = (usize, f64)>) -> Vec<(usize, f64)> {
    let mut merged: Vec<(usize, f64)> = Vec::new();
    for (state, chance) in chances {
        match merged.iter_mut().find(|(other, _)| *other == state) {
            Some((_, sum)) => *sum += chance,
            None => merged.push((state, chance)),
        }
    }
    merged
}
