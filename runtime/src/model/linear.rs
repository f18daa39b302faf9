//! A product with a matrix, with an optional bias and an optional low-rank adapter (LoRA).

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::compute::{f32, like};
use crate::state::stored;

#[derive(Module, Debug)]
pub struct Linear {
    /// `[in, out]`.
    pub weight: Param<Tensor<2>>,
    /// `[out]`.
    pub bias: Option<Param<Tensor<1>>>,
    pub adapter: Option<Adapter>,
}

/// An adapter, which adds `x A B scale` to `x W`. `B` is zero at first, so that a fresh adapter changes nothing.
#[derive(Module, Debug)]
pub struct Adapter {
    /// `[in, rank]`.
    pub a: Param<Tensor<2>>,
    /// `[rank, out]`.
    pub b: Param<Tensor<2>>,
    /// `alpha / rank`.
    #[module(skip)]
    pub scale: f64,
}

impl Linear {
    pub fn new(weight: Param<Tensor<2>>) -> Self {
        Self { weight, bias: None, adapter: None }
    }

    /// Computes `[rows, in] -> [rows, out]`, in the format of `x`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let low = self.adapter.as_ref().map(|adapter| adapter.forward(x.clone()));
        let mut out = x.clone().matmul(like(self.weight.val(), &x));
        if let Some(bias) = &self.bias {
            out = out + like(bias.val(), &x).unsqueeze();
        }
        match low {
            Some(low) => out + low,
            None => out,
        }
    }

    /// Returns the matrix with its adapter added in, without the adapter.
    pub fn merged(self) -> Self {
        let Some(adapter) = &self.adapter else { return self };
        let low = f32(adapter.a.val()).matmul(f32(adapter.b.val())).mul_scalar(adapter.scale);
        Self { weight: Param::from_tensor(f32(self.weight.val()) + low), bias: self.bias, adapter: None }
    }
}

impl Adapter {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let (a, b) = (like(self.a.val(), &x), like(self.b.val(), &x));
        x.matmul(a).matmul(b).mul_scalar(self.scale)
    }
}

stored!(Linear as LinearRecord {
    weight: Param<Tensor<2>>,
    bias: Option<Param<Tensor<1>>>,
    adapter: Option<Adapter>,
});

stored!(Adapter as AdapterRecord {
    a: Param<Tensor<2>>,
    b: Param<Tensor<2>>,
} {
    scale: f64,
});
