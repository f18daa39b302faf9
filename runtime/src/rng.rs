//! Random streams. Every draw comes from a stream named by (stage identity, counter); the run seed is part of the
//! identity. There is no global generator, so adding a stage changes no other stage's numbers.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Returns the stream of one execution of a stage; `counter` is the number of earlier executions.
pub fn stream(identity: [u8; 32], counter: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::from_seed(identity);
    rng.set_stream(counter);
    rng
}

/// Draws standard normal numbers (Box-Muller), for weights and projections.
pub fn normals(rng: &mut ChaCha8Rng, n: usize) -> Vec<f32> {
    use rand::RngExt;
    let mut out = Vec::with_capacity(n + 1);
    while out.len() < n {
        let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
        let angle = std::f64::consts::TAU * rng.random::<f64>();
        out.push((radius * angle.cos()) as f32);
        out.push((radius * angle.sin()) as f32);
    }
    out.truncate(n);
    out
}
