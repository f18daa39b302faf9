//! A product with a matrix, and what may sit on it: a bias, a low-rank adapter (LoRA).

use burn::module::{Module, Param};
use burn::tensor::Tensor;

#[derive(Module, Debug)]
pub struct Linear {
    /// `[in, out]`.
    pub weight: Param<Tensor<2>>,
    /// `[out]`.
    pub bias: Option<Param<Tensor<1>>>,
    pub adapter: Option<Adapter>,
}

/// `x A B scale` beside `x W`. `B` is zero at first, so that a fresh adapter changes nothing.
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

    /// `[rows, in] -> [rows, out]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let low = self.adapter.as_ref().map(|adapter| adapter.forward(x.clone()));
        let mut out = x.matmul(self.weight.val());
        if let Some(bias) = &self.bias {
            out = out + bias.val().unsqueeze();
        }
        match low {
            Some(low) => out + low,
            None => out,
        }
    }

    /// The matrix with its adapter added in, without the adapter.
    pub fn merged(self) -> Self {
        let Some(adapter) = &self.adapter else { return self };
        let low = adapter.a.val().matmul(adapter.b.val()).mul_scalar(adapter.scale);
        Self { weight: Param::from_tensor(self.weight.val() + low), bias: self.bias, adapter: None }
    }
}

impl Adapter {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        x.matmul(self.a.val()).matmul(self.b.val()).mul_scalar(self.scale)
    }
}
