//! Finite worlds with linear rewards: features, dynamics, and the true parameters.
//!
//! One type covers all of them. `horizon == 1` is a bandit (one state) or a contextual bandit (a state is a context);
//! more steps make an MDP. Each kind is made in a separate file.

mod bandit;
mod contextual;
mod cube;
mod file;
mod mdp;
pub(crate) mod random;
mod spec;
mod tokens;

use rand_chacha::ChaCha8Rng;

pub use spec::{Features, Instance, Layout, Spec, make};

use crate::dot;
use crate::policy::{Policy, draw};

/// A finite world. Its reward is `sum_h <theta_h, phi(s_h, a_h)> + excess(s_h, a_h)`.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct World {
    /// Steps of an episode (H).
    pub horizon: usize,
    pub states: usize,
    pub actions: usize,
    /// d_0, `[states]`.
    pub start: Vec<f64>,
    /// The transitions P(s' | s, a) as (state, probability), `[states * actions]`; unused if `horizon == 1`.
    pub next: Vec<Vec<(usize, f64)>>,
    /// phi(s, a), `[states * actions, dim]`.
    pub phi: Vec<f64>,
    /// Features of a step (d).
    pub dim: usize,
    /// True if each step has separate parameters (theta_h): phi(tau) is then `[horizon * dim]` in blocks, not a sum
    /// `[dim]`.
    pub per_step: bool,
    /// theta*, `[width]`.
    pub theta: Vec<f64>,
    /// The part of the reward that is not linear, `[states * actions]`; empty if the model is right.
    pub excess: Vec<f64>,
}

/// The (state, action) of each step.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Trajectory(pub Vec<(usize, usize)>);

impl World {
    /// Returns the length of phi(tau) and of theta: `dim`, or `horizon * dim` with separate parameters for each step.
    pub fn width(&self) -> usize {
        if self.per_step { self.horizon * self.dim } else { self.dim }
    }

    /// Returns phi(s, a).
    pub fn phi(&self, state: usize, action: usize) -> &[f64] {
        let from = (state * self.actions + action) * self.dim;
        &self.phi[from..from + self.dim]
    }

    /// Returns the entries of theta (or of phi(tau)) that belong to a step.
    pub fn block(&self, step: usize) -> std::ops::Range<usize> {
        let from = if self.per_step { step * self.dim } else { 0 };
        from..from + self.dim
    }

    /// Returns phi(tau).
    pub fn trajectory_features(&self, trajectory: &Trajectory) -> Vec<f64> {
        let mut sum = vec![0.0; self.width()];
        for (step, (state, action)) in trajectory.0.iter().enumerate() {
            add(&mut sum[self.block(step)], 1.0, self.phi(*state, *action));
        }
        sum
    }

    /// Returns r*(tau).
    pub fn reward(&self, trajectory: &Trajectory) -> f64 {
        let excess = |at: usize| self.excess.get(at).copied().unwrap_or(0.0);
        let beyond: f64 = trajectory.0.iter().map(|(state, action)| excess(state * self.actions + action)).sum();
        dot(&self.theta, &self.trajectory_features(trajectory)) + beyond
    }

    /// Returns the probability of each action in each state at each step, `[horizon, states, actions]`.
    pub fn occupancy(&self, policy: &Policy) -> Vec<f64> {
        let rows = self.states * self.actions;
        let mut occupancy = vec![0.0; self.horizon * rows];
        let mut here = self.start.clone();
        for step in 0..self.horizon {
            let mut after = vec![0.0; self.states];
            for (state, mass) in here.iter().enumerate().filter(|(_, mass)| **mass > 0.0) {
                for (action, prob) in policy.row(self, step, state).iter().enumerate().filter(|(_, p)| **p > 0.0) {
                    let at = state * self.actions + action;
                    occupancy[step * rows + at] = mass * prob;
                    if step + 1 < self.horizon {
                        self.next[at].iter().for_each(|(state, chance)| after[*state] += mass * prob * chance);
                    }
                }
            }
            here = after;
        }
        occupancy
    }

    /// Returns E phi(tau) of an occupancy.
    pub fn features_of_occupancy(&self, occupancy: &[f64]) -> Vec<f64> {
        let rows = self.states * self.actions;
        let mut sum = vec![0.0; self.width()];
        for (step, masses) in occupancy.chunks(rows).enumerate() {
            let sum = &mut sum[self.block(step)];
            for (at, mass) in masses.iter().enumerate().filter(|(_, mass)| **mass > 0.0) {
                add(sum, *mass, &self.phi[at * self.dim..(at + 1) * self.dim]);
            }
        }
        sum
    }

    /// Returns E_pi phi(tau).
    pub fn features(&self, policy: &Policy) -> Vec<f64> {
        self.features_of_occupancy(&self.occupancy(policy))
    }

    /// Returns the exact J(pi, r*).
    pub fn value(&self, policy: &Policy) -> f64 {
        let occupancy = self.occupancy(policy);
        let beyond: f64 = if self.excess.is_empty() {
            0.0
        } else {
            occupancy.chunks(self.states * self.actions).map(|masses| dot(masses, &self.excess)).sum()
        };
        dot(&self.theta, &self.features_of_occupancy(&occupancy)) + beyond
    }

    /// Returns the deterministic policy that is best for the reward `<weights, phi(tau)>`, by dynamic programming; the
    /// first of equal actions.
    pub fn best(&self, weights: &[f64]) -> Policy {
        self.plan(weights, &[])
    }

    /// Returns the best policy for the true reward.
    pub fn optimum(&self) -> Policy {
        self.plan(&self.theta, &self.excess)
    }

    fn plan(&self, weights: &[f64], excess: &[f64]) -> Policy {
        let mut choice = vec![0; self.horizon * self.states];
        let mut value = vec![0.0; self.states];
        for step in (0..self.horizon).rev() {
            let weights = &weights[self.block(step)];
            let mut better = vec![f64::NEG_INFINITY; self.states];
            for (state, better) in better.iter_mut().enumerate() {
                for action in 0..self.actions {
                    let at = state * self.actions + action;
                    let mut total = dot(weights, self.phi(state, action)) + excess.get(at).copied().unwrap_or(0.0);
                    if step + 1 < self.horizon {
                        total += self.next[at].iter().map(|(state, chance)| chance * value[*state]).sum::<f64>();
                    }
                    if total > *better {
                        (*better, choice[step * self.states + state]) = (total, action);
                    }
                }
            }
            value = better;
        }
        Policy::deterministic(self, &choice)
    }

    /// Draws a start state (a prompt).
    pub fn draw_start(&self, rng: &mut ChaCha8Rng) -> usize {
        draw(self.start.iter().copied(), rng)
    }

    /// Draws a trajectory of a policy from a start state.
    pub fn sample(&self, policy: &Policy, start: usize, rng: &mut ChaCha8Rng) -> Trajectory {
        let (mut state, mut steps) = (start, Vec::with_capacity(self.horizon));
        for step in 0..self.horizon {
            let action = policy.act(self, step, state, rng);
            steps.push((state, action));
            if step + 1 < self.horizon {
                let next = &self.next[state * self.actions + action];
                state = next[draw(next.iter().map(|(_, chance)| *chance), rng)].0;
            }
        }
        Trajectory(steps)
    }

    /// Returns a bound on the norm of a difference of two trajectories' features (L).
    pub fn difference_bound(&self) -> f64 {
        let largest = self.phi.chunks(self.dim).map(|phi| dot(phi, phi)).fold(0.0, f64::max).sqrt();
        let steps = self.horizon as f64;
        2.0 * largest * if self.per_step { steps.sqrt() } else { steps }
    }
}

/// Computes `sum += weight * vector`.
fn add(sum: &mut [f64], weight: f64, vector: &[f64]) {
    sum.iter_mut().zip(vector).for_each(|(sum, x)| *sum += weight * x);
}
