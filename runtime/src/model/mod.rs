//! Models: a decoder of the Llama family, its reward heads and its key/value cache.
//!
//! - `decoder.rs`: the decoder; `attention.rs`: grouped-query attention with rotate-half RoPE;
//! - `llama.rs`: the shape of a model from random weights;
//! - `linear.rs`: matrices with biases and adapters; `lora.rs`: the choice of matrices with an adapter;
//! - `recompute.rs`: gradients block by block, without the whole graph;
//! - `compute.rs`: f32 or bf16;
//! - `disk.rs`: weights by their Hugging Face names, in and out;
//! - `cache.rs`: keys and values of earlier tokens; `reward.rs`: sequence and token reward heads;
//! - `shape.rs`: sizes, for estimates of memory.

pub mod attention;
pub mod cache;
pub mod compute;
pub mod decoder;
pub mod disk;
pub mod linear;
pub mod llama;
pub mod lora;
pub mod recompute;
pub mod reward;
mod shape;

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;

pub use cache::Cache;
pub use compute::Compute;
pub use decoder::Decoder;
pub use linear::Linear;
pub use llama::Llama;
pub use reward::{Head, RewardModel};
pub use shape::shape;

/// Returns a weight matrix `[rows, cols]` of normal draws with standard deviation `std`.
fn matrix(rng: &mut ChaCha8Rng, [rows, cols]: [usize; 2], std: f64, device: &Device) -> Param<Tensor<2>> {
    let values = crate::rng::normals(rng, rows * cols).into_iter().map(|v| v * std as f32).collect();
    Param::from_tensor(Tensor::from_data(TensorData::new::<f32, _>(values, [rows, cols]), device))
}

/// Returns the weight of a fresh norm.
fn ones(width: usize, device: &Device) -> Param<Tensor<1>> {
    Param::from_tensor(Tensor::ones([width], device))
}

/// Normalises each row by its root mean square and scales it by `weight`; in f32, for any format of `x`.
fn rms_norm(x: Tensor<2>, weight: &Param<Tensor<1>>, eps: f64) -> Tensor<2> {
    let (numbers, x) = (x.clone(), compute::f32(x));
    let scale = x.clone().square().mean_dim(1).add_scalar(eps).sqrt().recip();
    compute::like(x * scale * weight.val().unsqueeze(), &numbers)
}
