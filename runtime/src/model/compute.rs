//! Number formats in which a model is computed: f32, or bf16 with master weights in f32.
//!
//! In bf16 the stream of hidden states is bf16, and matrices are converted to the format of their operand. Norms,
//! softmax, log-probabilities, heads, losses, gradients and optimizer states are f32, and so is every trained weight.
//! Matrices that are not trained are kept in bf16, which halves the memory and gives the same forward bit for bit.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, FloatDType, Tensor};
use pbpo_plan::ops::load;
use serde::{Deserialize, Serialize};

/// The values of `compute = ...`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compute {
    #[default]
    F32,
    Bf16,
}

impl From<load::Compute> for Compute {
    fn from(compute: load::Compute) -> Self {
        match compute {
            load::Compute::F32 => Self::F32,
            load::Compute::Bf16 => Self::Bf16,
        }
    }
}

impl std::str::FromStr for Compute {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "f32" => Ok(Self::F32),
            "bf16" => Ok(Self::Bf16),
            _ => Err("expected f32 or bf16".into()),
        }
    }
}

impl Compute {
    fn dtype(self) -> FloatDType {
        match self {
            Self::F32 => FloatDType::F32,
            Self::Bf16 => FloatDType::BF16,
        }
    }

    /// Converts a tensor to this format.
    pub fn enter<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        cast(x, self.dtype())
    }

    /// Converts matrices that are not trained to this format; vectors (norms, biases) stay as they are.
    pub fn settle<M: Module>(self, model: M) -> M {
        if self == Self::F32 { model } else { model.map(&mut Settle(self)) }
    }
}

/// Converts `x` to f32.
pub fn f32<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    cast(x, FloatDType::F32)
}

/// Converts `x` to the format of another tensor.
pub fn like<const D: usize, const E: usize>(x: Tensor<D>, other: &Tensor<E>) -> Tensor<D> {
    if other.dtype() == DType::BF16 { cast(x, FloatDType::BF16) } else { f32(x) }
}

fn cast<const D: usize>(x: Tensor<D>, dtype: FloatDType) -> Tensor<D> {
    if x.dtype() == DType::from(dtype) { x } else { x.cast(dtype) }
}

struct Settle(Compute);

impl ModuleMapper for Settle {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if D < 2 || param.is_require_grad() { param } else { param.map(|x| self.0.enter(x)) }
    }
}
