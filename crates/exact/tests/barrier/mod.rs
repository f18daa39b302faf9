//! A generic interior-point method: a logarithmic barrier, independent of the multiplier searches with which it is
//! compared. Each test file that uses it also has `mod common`.
#![allow(dead_code)]

use crate::common::{eliminate, plain_gradient, plain_hessian, plain_nll};
use pbpo_exact::dot;
use pbpo_exact::likelihood::Preferences;

/// A convex function at a point: value, gradient, Hessian.
pub type Value = (f64, Vec<f64>, Vec<Vec<f64>>);
pub type Function<'a> = &'a dyn Fn(&[f64]) -> Value;

/// Returns `<theta, x>`.
pub fn linear(x: &[f64], theta: &[f64]) -> Value {
    (dot(theta, x), x.to_vec(), vec![vec![0.0; x.len()]; x.len()])
}

/// Returns `NLL(theta) - level`.
pub fn loss(data: &Preferences, ridge: f64, level: f64, theta: &[f64]) -> Value {
    let slope = plain_gradient(data, theta, ridge);
    (plain_nll(data, theta, ridge) - level, slope, plain_hessian(data, theta, ridge))
}

/// Returns `1/2 (||theta||^2 - bound^2)`.
pub fn ball(bound: f64, theta: &[f64]) -> Value {
    let row = |i| (0..theta.len()).map(|j| f64::from(u8::from(i == j))).collect();
    (0.5 * (dot(theta, theta) - bound * bound), theta.to_vec(), (0..theta.len()).map(row).collect())
}

/// Returns the theta with the smallest `objective` such that all `constraints` are below 0, from a start inside.
pub fn least(objective: Function<'_>, constraints: &[Function<'_>], start: &[f64]) -> Vec<f64> {
    let (mut theta, mut sharpness) = (start.to_vec(), 1.0);
    while sharpness < 1e11 {
        for _ in 0..100 {
            let (gradient, hessian) = derivatives(objective, constraints, sharpness, &theta);
            let step = eliminate(hessian, gradient.clone());
            let before = merit(objective, constraints, sharpness, &theta);
            let moved = |size: f64| theta.iter().zip(&step).map(|(t, s)| t - size * s).collect::<Vec<_>>();
            let mut size = 1.0;
            while merit(objective, constraints, sharpness, &moved(size)) > before && size > 1e-14 {
                size *= 0.5;
            }
            theta = moved(size);
            if dot(&gradient, &step) < 1e-10 {
                break;
            }
        }
        sharpness *= 4.0;
    }
    theta
}

fn merit(objective: Function<'_>, constraints: &[Function<'_>], sharpness: f64, theta: &[f64]) -> f64 {
    let barrier = |constraint: &Function<'_>| {
        let room = -constraint(theta).0;
        if room > 0.0 { -room.ln() } else { f64::INFINITY }
    };
    sharpness * objective(theta).0 + constraints.iter().map(barrier).sum::<f64>()
}

fn derivatives(
    objective: Function<'_>,
    constraints: &[Function<'_>],
    sharpness: f64,
    theta: &[f64],
) -> (Vec<f64>, Vec<Vec<f64>>) {
    let (_, mut gradient, mut hessian) = objective(theta);
    gradient.iter_mut().chain(hessian.iter_mut().flatten()).for_each(|x| *x *= sharpness);
    for constraint in constraints {
        let (value, g, h) = constraint(theta);
        let room = -value;
        for i in 0..theta.len() {
            gradient[i] += g[i] / room;
            (0..theta.len()).for_each(|j| hessian[i][j] += h[i][j] / room + g[i] * g[j] / room.powi(2));
        }
    }
    (gradient, hessian)
}
