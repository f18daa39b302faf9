//! LoRA: puts low-rank adapters on some matrices and freezes all other weights.
//!
//! Every copy of the model (policy, reference, reward backbone) shares the base: copies of a tensor that is not trained
//! use the same memory.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};
use pbpo_plan::ops::load;
use rand_chacha::ChaCha8Rng;

use super::attention::Attention;
use super::decoder::{Block, Decoder};
use super::linear::{Adapter, Linear};
use crate::error::Fault;

/// Settings of `lora = { ... }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Lora {
    pub rank: usize,
    /// The scaling of the adapter's contribution: `alpha / rank`.
    pub alpha: f64,
    /// Names of the matrices, as in PEFT: `q_proj`, `v_proj`, ..., or the whole path of one.
    pub targets: Vec<String>,
}

impl From<load::Lora> for Lora {
    fn from(settings: load::Lora) -> Self {
        let load::Lora { rank, alpha, targets } = settings;
        Self { rank: rank as usize, alpha, targets }
    }
}

impl Lora {
    /// Freezes the model and puts fresh adapters on the targets: `A` uniform in ±1/sqrt(in) (PEFT's Kaiming draw with
    /// a = sqrt(5)), `B` zero.
    pub fn attach(&self, model: Decoder, rng: &mut ChaCha8Rng) -> Result<Decoder, Fault> {
        use rand::RngExt;
        let model = self.put(model, |_, linear| {
            let [inputs, outputs] = linear.weight.val().dims();
            let limit = (inputs as f32).powf(-0.5);
            let a: Vec<f32> = (0..inputs * self.rank).map(|_| rng.random_range(-limit..limit)).collect();
            Ok((a, vec![0.0; self.rank * outputs]))
        })?;
        if !model.has_adapters() {
            let named = self.targets.join(", ");
            return Err(Fault::new(format!("`lora` puts an adapter on no matrix: its targets are [{named}]"))
                .help("name matrices of the model: `targets = [q_proj, v_proj]`"));
        }
        Ok(model)
    }

    /// Freezes the model and puts these adapters on the targets: `weights` gives `A`, `[in, rank]`, and `B`,
    /// `[rank, out]`, by the matrix's full name.
    pub fn put(
        &self,
        model: Decoder,
        mut weights: impl FnMut(&str, &Linear) -> Result<(Vec<f32>, Vec<f32>), Fault>,
    ) -> Result<Decoder, Fault> {
        let mut model = model.no_grad();
        for (name, linear) in model.linears_mut() {
            if !self.targets.iter().any(|target| name == *target || name.ends_with(&format!(".{target}"))) {
                continue;
            }
            let [inputs, outputs] = linear.weight.val().dims();
            let device = linear.weight.val().device();
            let (a, b) = weights(&name, linear)?;
            let param = |values, shape: [usize; 2]| {
                Param::from_tensor(Tensor::<2>::from_data(TensorData::new::<f32, _>(values, shape), &device))
            };
            let (a, b) = (param(a, [inputs, self.rank]), param(b, [self.rank, outputs]));
            linear.adapter = Some(Adapter { a, b, scale: self.alpha / self.rank as f64 });
        }
        Ok(model)
    }
}

/// The matrices of a block, in the order of [`Block::linears`].
const PARTS: [&str; 7] = [
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
];

fn path(block: usize, part: &str) -> String {
    format!("model.layers.{block}.{part}")
}

impl Block {
    fn linears(&self) -> [&Linear; 7] {
        let Attention { q, k, v, out, .. } = &self.attention;
        [q, k, v, out, &self.gate, &self.up, &self.down]
    }

    fn linears_mut(&mut self) -> [&mut Linear; 7] {
        let Attention { q, k, v, out, .. } = &mut self.attention;
        [q, k, v, out, &mut self.gate, &mut self.up, &mut self.down]
    }
}

impl Decoder {
    /// Returns the matrices of the blocks by their Hugging Face names, without `.weight`.
    pub fn linears(&self) -> Vec<(String, &Linear)> {
        let blocks = self.blocks.iter().enumerate();
        blocks.flat_map(|(i, block)| PARTS.iter().map(move |part| path(i, part)).zip(block.linears())).collect()
    }

    /// Returns the same matrices, mutably.
    pub fn linears_mut(&mut self) -> Vec<(String, &mut Linear)> {
        let blocks = self.blocks.iter_mut().enumerate();
        blocks.flat_map(|(i, block)| PARTS.iter().map(move |part| path(i, part)).zip(block.linears_mut())).collect()
    }

    /// Returns the model with its adapters added into its matrices.
    pub fn merged(mut self) -> Self {
        for (_, linear) in self.linears_mut() {
            *linear = linear.clone().merged();
        }
        self
    }

    /// Tells whether any matrix has an adapter.
    pub fn has_adapters(&self) -> bool {
        self.linears().iter().any(|(_, linear)| linear.adapter.is_some())
    }
}
