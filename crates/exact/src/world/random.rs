//! Random parts of worlds, and limits of their sizes.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::dot;

/// The largest count of numbers in one world (160 MB).
const LARGEST: usize = 20_000_000;

/// Draws a standard normal number (Box and Muller).
pub(crate) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (radius, angle) = (1.0 - rng.random::<f64>(), rng.random::<f64>());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

/// Returns a vector of this norm in a direction drawn uniformly from the sphere, `[width]`.
pub(super) fn direction(width: usize, norm: f64, rng: &mut ChaCha8Rng) -> Vec<f64> {
    rescaled((0..width).map(|_| normal(rng)).collect(), norm)
}

/// Returns the vector with this norm; a zero vector stays zero.
pub(super) fn rescaled(mut vector: Vec<f64>, norm: f64) -> Vec<f64> {
    let length = dot(&vector, &vector).sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x *= norm / length);
    }
    vector
}

/// Draws features of norm at most 1, `[rows, dim]`: uniform directions, norms uniform in 0..1 (our choice).
pub(super) fn features(rows: usize, dim: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let mut phi = Vec::with_capacity(rows * dim);
    for _ in 0..rows {
        let norm = rng.random::<f64>();
        phi.extend(direction(dim, norm, rng));
    }
    phi
}

/// Draws probabilities from the flat Dirichlet distribution, `[len]`.
pub(super) fn simplex(len: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let masses: Vec<f64> = (0..len).map(|_| -(1.0 - rng.random::<f64>()).ln()).collect();
    let sum: f64 = masses.iter().sum();
    if sum > 0.0 { masses.iter().map(|mass| mass / sum).collect() } else { vec![1.0 / len as f64; len] }
}

/// Refuses a size of 0, named as the user wrote it, and a norm of theta* that is not a positive number.
pub(super) fn positive(sizes: &[(&str, usize)], norm: f64) -> Result<(), String> {
    if let Some((name, _)) = sizes.iter().find(|(_, size)| *size == 0) {
        return Err(format!("{name} is 0; give this world at least 1"));
    }
    if norm.is_finite() && norm > 0.0 {
        return Ok(());
    }
    Err(format!("the norm of theta is {norm}; give a finite number above 0, such as 1"))
}

/// Refuses worlds that are too large: `products` are counts of numbers, each the product of its sizes.
pub(super) fn fits(products: &[&[usize]], remedy: &str) -> Result<(), String> {
    let product = |sizes: &&[usize]| sizes.iter().fold(1, |product: usize, size| product.saturating_mul(*size));
    let numbers = products.iter().map(product).fold(0, usize::saturating_add);
    if numbers <= LARGEST {
        return Ok(());
    }
    Err(format!("this world needs {numbers} numbers and may have {LARGEST}; lower {remedy}"))
}
