//! Reference results for the tests: enumeration of policies and of trajectories, from the world's tables alone.
#![allow(dead_code)]

use pbpo_exact::linalg::Covariance;
use pbpo_exact::policy::Policy;
use pbpo_exact::world::{Spec, Trajectory, World, make};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub fn seeded(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Makes a world from the settings as a plan writes them.
pub fn world(settings: serde_json::Value, seed: u64) -> Result<World, String> {
    let spec: Spec = serde_json::from_value(settings).expect("settings that can be read");
    make(&spec, &mut seeded(seed))
}

/// Makes a random MDP of 3 states, 2 actions and 3 steps, which has 512 deterministic policies.
pub fn small(per_step: bool, misspecified: f64, seed: u64) -> World {
    let settings = serde_json::json!({
        "of": "mdp", "layout": "random", "states": 3, "actions": 2, "horizon": 3, "dim": 3,
        "norm": 2.0, "per_step": per_step, "misspecified": misspecified
    });
    world(settings, seed).expect("a small world")
}

/// All deterministic policies.
pub fn policies(world: &World) -> Vec<Policy> {
    let rows = world.horizon * world.states;
    let choice = |mut index: usize| {
        let digit = |_| {
            let digit = index % world.actions;
            index /= world.actions;
            digit
        };
        (0..rows).map(digit).collect::<Vec<_>>()
    };
    (0..world.actions.pow(rows as u32)).map(|index| Policy::deterministic(world, &choice(index))).collect()
}

/// A policy with random rows.
pub fn random_policy(world: &World, rng: &mut ChaCha8Rng) -> Policy {
    let masses: Vec<f64> = Policy::uniform(world).probs.iter().map(|_| -(1.0 - rng.random::<f64>()).ln()).collect();
    let row = |row: &[f64]| row.iter().map(|mass| mass / row.iter().sum::<f64>()).collect::<Vec<_>>();
    Policy { probs: masses.chunks(world.actions).flat_map(row).collect() }
}

/// All trajectories from a start state with their probabilities.
pub fn trajectories(world: &World, policy: &Policy, start: usize) -> Vec<(f64, Trajectory)> {
    let mut open = vec![(1.0, start, Vec::new())];
    for step in 0..world.horizon {
        let mut longer = Vec::new();
        for (chance, state, steps) in open {
            for action in 0..world.actions {
                let at = state * world.actions + action;
                let chance = chance * policy.probs[(step * world.states + state) * world.actions + action];
                let steps: Vec<_> = [steps.clone(), vec![(state, action)]].concat();
                match step + 1 < world.horizon {
                    true => longer.extend(world.next[at].iter().map(|(to, p)| (chance * p, *to, steps.clone()))),
                    false => longer.push((chance, state, steps)),
                }
            }
        }
        open = longer.into_iter().filter(|(chance, ..)| *chance > 0.0).collect();
    }
    open.into_iter().map(|(chance, _, steps)| (chance, Trajectory(steps))).collect()
}

/// Mean of something over all trajectories of a policy.
pub fn mean(world: &World, policy: &Policy, of: impl Fn(&Trajectory) -> f64) -> f64 {
    let from = |start: usize| trajectories(world, policy, start).iter().map(|(p, t)| p * of(t)).sum::<f64>();
    (0..world.states).map(|start| world.start[start] * from(start)).sum()
}

/// E2 over all pairs of trajectories with the same start.
pub fn expected_square(world: &World, covariance: &Covariance, policy: &Policy, reference: &Policy) -> f64 {
    let features = |policy: &Policy, start: usize| -> Vec<(f64, Vec<f64>)> {
        trajectories(world, policy, start).iter().map(|(p, t)| (*p, world.trajectory_features(t))).collect()
    };
    let mut sum = 0.0;
    for start in 0..world.states {
        let others = features(reference, start);
        for (chance, one) in features(policy, start) {
            for (other_chance, other) in &others {
                let norm = covariance.inverse_norm_sq(&pbpo_exact::minus(&one, other));
                sum += world.start[start] * chance * other_chance * norm;
            }
        }
    }
    sum
}

/// A covariance with a few random updates, one block for each step of a world with parameters for each.
pub fn covariance(world: &World, updates: usize, rng: &mut ChaCha8Rng) -> Covariance {
    let blocks = if world.per_step { vec![world.dim; world.horizon] } else { vec![world.dim] };
    let mut covariance = Covariance::new(&blocks, 0.5);
    for _ in 0..updates {
        let scales: Vec<f64> = (0..world.width()).map(|i| 2.0 / (1.0 + i as f64)).collect();
        covariance.add(&scales.iter().map(|scale| scale * (2.0 * rng.random::<f64>() - 1.0)).collect::<Vec<_>>());
    }
    covariance
}

#[track_caller]
pub fn close(a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() <= tolerance, "{a} and {b} differ by more than {tolerance}");
}
