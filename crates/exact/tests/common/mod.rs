//! Helpers of the tests: small worlds and data by hand, and linear algebra that is independent of the crate.
#![allow(dead_code)]

use pbpo_exact::likelihood::Preferences;
use pbpo_exact::world::World;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

pub fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (rng.random(), rng.random());
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

pub fn normals(count: usize, scale: f64, rng: &mut ChaCha8Rng) -> Vec<f64> {
    (0..count).map(|_| scale * normal(rng)).collect()
}

pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Pairs with normal differences, labelled by Bradley-Terry.
pub fn labelled(pairs: usize, theta: &[f64], scale: f64, rng: &mut ChaCha8Rng) -> Preferences {
    let mut data = Preferences::new(theta.len());
    let zero = vec![0.0; theta.len()];
    for _ in 0..pairs {
        let z = normals(theta.len(), scale, rng);
        if rng.random::<f64>() < sigmoid(pbpo_exact::dot(theta, &z)) {
            data.push(&z, &zero);
        } else {
            data.push(&zero, &z);
        }
    }
    data
}

/// Returns the loss, computed by its definition.
pub fn plain_nll(data: &Preferences, theta: &[f64], ridge: f64) -> f64 {
    let rows = data.toward.chunks(data.width);
    let sum: f64 = rows.map(|z| (1.0 + (-pbpo_exact::dot(theta, z)).exp()).ln()).sum();
    sum + 0.5 * ridge * pbpo_exact::dot(theta, theta)
}

pub fn plain_gradient(data: &Preferences, theta: &[f64], ridge: f64) -> Vec<f64> {
    let mut sum: Vec<f64> = theta.iter().map(|x| ridge * x).collect();
    for z in data.toward.chunks(data.width) {
        let wrong = sigmoid(-pbpo_exact::dot(theta, z));
        sum.iter_mut().zip(z).for_each(|(sum, z)| *sum -= wrong * z);
    }
    sum
}

pub fn plain_hessian(data: &Preferences, theta: &[f64], ridge: f64) -> Vec<Vec<f64>> {
    let d = theta.len();
    let mut sum = vec![vec![0.0; d]; d];
    for z in data.toward.chunks(d) {
        let p = sigmoid(pbpo_exact::dot(theta, z));
        for i in 0..d {
            (0..d).for_each(|j| sum[i][j] += p * (1.0 - p) * z[i] * z[j]);
        }
    }
    (0..d).for_each(|i| sum[i][i] += ridge);
    sum
}

/// Gauss elimination with pivots.
pub fn eliminate(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for k in 0..n {
        let pivot = (k..n).max_by(|i, j| a[*i][k].abs().total_cmp(&a[*j][k].abs())).unwrap();
        a.swap(k, pivot);
        b.swap(k, pivot);
        let (upper, lower) = a.split_at_mut(k + 1);
        for (i, row) in lower.iter_mut().enumerate() {
            let factor = row[k] / upper[k][k];
            row.iter_mut().zip(&upper[k]).for_each(|(x, pivot)| *x -= factor * pivot);
            b[k + 1 + i] -= factor * b[k];
        }
    }
    for k in (0..n).rev() {
        let known: f64 = (k + 1..n).map(|j| a[k][j] * b[j]).sum();
        b[k] = (b[k] - known) / a[k][k];
    }
    b
}

/// Makes a world with one state and one step.
pub fn bandit(arms: usize, theta: &[f64], seed: u64) -> World {
    World {
        horizon: 1,
        states: 1,
        actions: arms,
        start: vec![1.0],
        next: Vec::new(),
        phi: normals(arms * theta.len(), 1.0 / (theta.len() as f64).sqrt(), &mut rng(seed)),
        dim: theta.len(),
        per_step: false,
        theta: theta.to_vec(),
        excess: Vec::new(),
    }
}

/// An MDP with random rows.
pub fn mdp(sizes: (usize, usize, usize), dim: usize, per_step: bool, seed: u64) -> World {
    let ((horizon, states, actions), rng) = (sizes, &mut rng(seed));
    let row = |rng: &mut ChaCha8Rng| {
        let masses: Vec<f64> = (0..states).map(|_| rng.random::<f64>() + 0.05).collect();
        let sum: f64 = masses.iter().sum();
        masses.into_iter().map(|mass| mass / sum).collect::<Vec<_>>()
    };
    let start = row(rng);
    let next = (0..states * actions).map(|_| row(rng).into_iter().enumerate().collect()).collect();
    let width = if per_step { horizon * dim } else { dim };
    World {
        horizon,
        states,
        actions,
        start,
        next,
        phi: normals(states * actions * dim, 0.5, rng),
        dim,
        per_step,
        theta: normals(width, 1.0, rng),
        excess: Vec::new(),
    }
}
