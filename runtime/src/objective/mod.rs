//! Evaluates objectives: any expression of a plan over Burn tensors, differentiable in one player.
//!
//! - `leaves.rs`: values of players for batches (log-probabilities, rewards, ...), with each forward made once;
//! - `prepare.rs`: makes the forwards that a plan lists at once; `forwards.rs`: makes each of them;
//! - `pieces.rs`: batches too large for one graph; `large.rs`: leaves over them;
//! - `estimate.rs`: advantages of sampled rollouts; `implicit.rs`: the factor beta of a policy's implicit reward.
//!
//! A pair with a soft label counts as its expectation over the label (`Evaluator::expected`), so that losses need not
//! handle it.
//!
//! Every quantity is a matrix `[rows, tokens]`, `[rows, 1]` or `[1, 1]`, so that broadcasting follows the axes. The
//! compiler has checked the axes.

mod estimate;
pub mod forwards;
pub mod implicit;
mod large;
mod leaves;
pub mod pieces;
mod prepare;

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use pbpo_plan::{Axis, BatchRef, BinaryOp, Expr, Reduction, Side, UnaryOp};

pub use leaves::{Leaves, Moved, padded};

use crate::error::Fault;

/// A quantity with the batch of its rows (a scalar has none).
#[derive(Clone)]
#[allow(clippy::large_enum_variant)] // Few exist at once, and a box would complicate the code.
pub enum Quantity {
    Number(f64),
    Matrix { value: Tensor<2>, rows: Option<BatchRef> },
}

/// An evaluator of one objective; remembers the value of every named scalar.
pub struct Evaluator<'a, 'v> {
    pub leaves: &'a mut Leaves<'v>,
    /// Named scalars: `gap`, `kl`, `nll`, ...
    pub named: BTreeMap<String, Tensor<2>>,
}

impl<'a, 'v> Evaluator<'a, 'v> {
    pub fn new(leaves: &'a mut Leaves<'v>) -> Self {
        Self { leaves, named: BTreeMap::new() }
    }

    /// Returns the value of an expression.
    pub fn eval(&mut self, expr: &Expr) -> Result<Quantity, Fault> {
        Ok(match expr {
            Expr::Const { value } => Quantity::Number(*value),
            Expr::Leaf { leaf } => self.leaves.get(leaf)?,
            Expr::Unary { op, arg } => unary(*op, self.eval(arg)?),
            Expr::Binary { op, left, right } => {
                let (left, right) = (self.eval(left)?, self.eval(right)?);
                self.binary(*op, left, right)
            }
            Expr::Clip { arg, low, high } => match self.eval(arg)? {
                Quantity::Number(x) => Quantity::Number(x.clamp(*low, *high)),
                Quantity::Matrix { value, rows } => Quantity::Matrix { value: value.clamp(*low, *high), rows },
            },
            Expr::Reduce { reduction, axis, arg } => {
                let arg = if *axis == Axis::Row { self.expected(arg)? } else { self.eval(arg)? };
                self.reduce(*reduction, *axis, arg)?
            }
            Expr::StopGrad { arg } => match self.eval(arg)? {
                Quantity::Matrix { value, rows } => Quantity::Matrix { value: value.detach(), rows },
                number => number,
            },
            Expr::Named { name, arg } => {
                let arg = self.eval(arg)?;
                self.named.insert(name.clone(), self.matrix(&arg).detach());
                arg
            }
            Expr::Estimate { estimator, policy, rollouts, arg } => {
                let arg = self.eval(arg)?;
                self.estimate(estimator, policy, rollouts, arg)?
            }
        })
    }

    /// Returns rows as they count in a reduction. For pairs with soft labels this is the expectation over the labels:
    /// `p q(chosen, rejected) + (1 - p) q(rejected, chosen)`. A set of hard labels is evaluated once.
    fn expected(&mut self, rows: &Expr) -> Result<Quantity, Fault> {
        let probabilities = rows.pairs().map(|set| self.leaves.probabilities(set)).transpose()?.flatten();
        let Some(p) = probabilities else { return self.eval(rows) };
        let swapped = self.eval(&rows.swapped())?;
        let swapped = self.matrix(&swapped) * p.clone().neg().add_scalar(1.0);
        let value = self.eval(rows)?;
        // The gradient goes through the right side first, in the order of `plan::forward`.
        let value = swapped + self.matrix(&value) * p;
        let batch = rows.pairs().map(|set| BatchRef { value: set.clone(), side: Some(Side::Chosen) });
        Ok(Quantity::Matrix { value, rows: batch })
    }

    /// Returns a quantity as a matrix.
    pub fn matrix(&self, quantity: &Quantity) -> Tensor<2> {
        match quantity {
            Quantity::Number(x) => Tensor::full([1, 1], *x, self.leaves.device()),
            Quantity::Matrix { value, .. } => value.clone(),
        }
    }

    fn binary(&self, op: BinaryOp, left: Quantity, right: Quantity) -> Quantity {
        use Quantity::{Matrix, Number};
        let rows = match (&left, &right) {
            (Matrix { rows: Some(rows), .. }, _) | (_, Matrix { rows: Some(rows), .. }) => Some(rows.clone()),
            _ => None,
        };
        let value = match (op, &left, &right) {
            (BinaryOp::Add, Number(a), Number(b)) => return Number(a + b),
            (BinaryOp::Sub, Number(a), Number(b)) => return Number(a - b),
            (BinaryOp::Mul, Number(a), Number(b)) => return Number(a * b),
            (BinaryOp::Div, Number(a), Number(b)) => return Number(a / b),
            (BinaryOp::Min, Number(a), Number(b)) => return Number(a.min(*b)),
            (BinaryOp::Max, Number(a), Number(b)) => return Number(a.max(*b)),
            (BinaryOp::Add, Matrix { value, .. }, Number(x)) | (BinaryOp::Add, Number(x), Matrix { value, .. }) => {
                value.clone().add_scalar(*x)
            }
            (BinaryOp::Mul, Matrix { value, .. }, Number(x)) | (BinaryOp::Mul, Number(x), Matrix { value, .. }) => {
                value.clone().mul_scalar(*x)
            }
            (BinaryOp::Sub, Matrix { value, .. }, Number(x)) => value.clone().sub_scalar(*x),
            (BinaryOp::Sub, Number(x), Matrix { value, .. }) => value.clone().neg().add_scalar(*x),
            (BinaryOp::Div, Matrix { value, .. }, Number(x)) => value.clone().div_scalar(*x),
            (_, left, right) => {
                let (a, b) = (self.matrix(left), self.matrix(right));
                match op {
                    BinaryOp::Add => a + b,
                    BinaryOp::Sub => a - b,
                    BinaryOp::Mul => a * b,
                    BinaryOp::Div => a / b,
                    BinaryOp::Min => a.min_pair(b),
                    BinaryOp::Max => a.max_pair(b),
                }
            }
        };
        Matrix { value, rows }
    }

    /// Reduces tokens to `[rows, 1]` or rows to `[1, 1]`. Padding never counts.
    fn reduce(&mut self, reduction: Reduction, axis: Axis, arg: Quantity) -> Result<Quantity, Fault> {
        let Quantity::Matrix { value, rows: Some(rows) } = arg else {
            return Ok(arg);
        };
        Ok(match axis {
            Axis::Token => {
                let mask = self.leaves.batch(&rows)?.mask();
                let sum = (value * mask.clone()).sum_dim(1);
                let value = match reduction {
                    Reduction::Sum => sum,
                    Reduction::Mean => sum / mask.sum_dim(1).clamp_min(1.0),
                };
                Quantity::Matrix { value, rows: Some(rows) }
            }
            Axis::Row => Quantity::Matrix {
                value: match reduction {
                    Reduction::Sum => value.sum_dim(0),
                    Reduction::Mean => value.mean_dim(0),
                },
                rows: None,
            },
        })
    }
}

fn unary(op: UnaryOp, arg: Quantity) -> Quantity {
    match arg {
        Quantity::Number(x) => Quantity::Number(match op {
            UnaryOp::Neg => -x,
            UnaryOp::Exp => x.exp(),
            UnaryOp::Log => x.ln(),
            UnaryOp::LogSigmoid => -softplus(-x),
            UnaryOp::Softplus => softplus(x),
            UnaryOp::Square => x * x,
        }),
        Quantity::Matrix { value, rows } => Quantity::Matrix {
            value: match op {
                UnaryOp::Neg => value.neg(),
                UnaryOp::Exp => value.exp(),
                UnaryOp::Log => value.log(),
                UnaryOp::LogSigmoid => stable_softplus(value.neg()).neg(),
                UnaryOp::Softplus => stable_softplus(value),
                UnaryOp::Square => value.square(),
            },
            rows,
        },
    }
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// Returns `log(1 + e^x) = (x + |x|) / 2 + log(1 + e^-|x|)`: exact for large arguments of either sign, and with the
/// right gradient, 1/2, at 0, because the derivative of `|x|` is taken as 0 there. (A fresh reward model and a policy
/// that equals its reference have margins of exactly 0.)
fn stable_softplus(x: Tensor<2>) -> Tensor<2> {
    let size = x.clone().abs();
    (x + size.clone()).mul_scalar(0.5) + size.neg().exp().log1p()
}
