//! Models: a Llama-style decoder, its reward heads and its key/value cache.
//!
//! - `llama.rs`: the decoder; `attention.rs`: grouped-query attention with rotate-half RoPE;
//! - `cache.rs`: keys and values of what was read; `reward.rs`: sequence and token reward heads.

pub mod attention;
pub mod cache;
pub mod llama;
pub mod reward;

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;

pub use cache::Cache;
pub use llama::{Llama, LlamaConfig};
pub use reward::{Head, RewardModel};

/// A weight matrix `[rows, cols]` of normal draws with standard deviation `std`.
fn matrix(rng: &mut ChaCha8Rng, [rows, cols]: [usize; 2], std: f64, device: &Device) -> Param<Tensor<2>> {
    let values = crate::rng::normals(rng, rows * cols).into_iter().map(|v| v * std as f32).collect();
    Param::from_tensor(Tensor::from_data(TensorData::new::<f32, _>(values, [rows, cols]), device))
}

/// Root-mean-square normalisation of each row, scaled by `weight`.
fn rms_norm(x: Tensor<2>, weight: &Param<Tensor<1>>) -> Tensor<2> {
    let scale = x.clone().square().mean_dim(1).add_scalar(1e-5).sqrt().recip();
    x * scale * weight.val().unsqueeze()
}
