//! Objectives built by hand, their values, and their gradients by autodiff and by finite differences.
#![allow(dead_code)]

use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use pbpo_plan::{Axis, BatchRef, BinaryOp, Expr, Leaf, Reduction, Side, UnaryOp, ValueName};
use pbpo_runtime::model::{Decoder, Head};
use pbpo_runtime::objective::{Evaluator, Leaves, Moved};
use pbpo_runtime::player::Model;
use pbpo_runtime::rng::{normals, stream};
use pbpo_runtime::value::{Value, tracked};
use rand_chacha::ChaCha8Rng;

pub fn leaf(leaf: Leaf) -> Expr {
    Expr::Leaf { leaf }
}
pub fn batch(value: &str, side: Option<Side>) -> BatchRef {
    BatchRef { value: ValueName::of(value), side }
}
pub fn reduce(reduction: Reduction, axis: Axis, arg: Expr) -> Expr {
    Expr::Reduce { reduction, axis, arg: Box::new(arg) }
}
pub fn unary(op: UnaryOp, arg: Expr) -> Expr {
    Expr::Unary { op, arg: Box::new(arg) }
}
pub fn binary(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    Expr::Binary { op, left: Box::new(left), right: Box::new(right) }
}
pub fn number(value: f64) -> Expr {
    Expr::Const { value }
}
pub fn logp(policy: &str, b: BatchRef) -> Expr {
    reduce(Reduction::Sum, Axis::Token, leaf(Leaf::Logp { policy: ValueName::of(policy), batch: b }))
}
pub fn ratio(b: BatchRef) -> Expr {
    binary(BinaryOp::Sub, logp("pi", b.clone()), logp("ref", b))
}
pub fn reward(head: Head, b: BatchRef) -> Expr {
    match head {
        Head::Token => {
            reduce(Reduction::Sum, Axis::Token, leaf(Leaf::TokenReward { reward_model: ValueName::of("r"), batch: b }))
        }
        Head::Sequence | Head::Mean => leaf(Leaf::Reward { reward_model: ValueName::of("r"), batch: b }),
    }
}
pub fn rows_mean(arg: Expr) -> Expr {
    reduce(Reduction::Mean, Axis::Row, arg)
}

/// Adds `scale` times a fixed random direction to every weight.
pub struct Nudge {
    pub rng: ChaCha8Rng,
    pub scale: f64,
}

impl ModuleMapper for Nudge {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, value, mapper) = param.consume();
        let shape = value.shape();
        let direction = normals(&mut self.rng, shape.num_elements());
        let direction = Tensor::from_data(TensorData::new(direction, shape), &value.device());
        Param::from_mapped_value(id, value + direction.mul_scalar(self.scale), mapper)
    }
}

/// Inner product of the gradient with the same direction.
struct Along<'a> {
    rng: ChaCha8Rng,
    gradients: &'a Gradients,
    total: f64,
}

impl ModuleVisitor for Along<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val();
        let direction = normals(&mut self.rng, value.shape().num_elements());
        if let Some(gradient) = value.grad(self.gradients) {
            let gradient: Vec<f32> = gradient.into_data_as::<f32>().try_into_vec().unwrap();
            self.total += gradient.iter().zip(direction).map(|(g, d)| f64::from(*g) * f64::from(d)).sum::<f64>();
        }
    }
}

pub fn direction() -> ChaCha8Rng {
    stream([99; 32], 0)
}

pub fn value_of(values: &HashMap<ValueName, Value>, objective: &Expr, moved: Moved) -> f64 {
    let mut leaves = Leaves::new(values, moved, &Device::flex());
    let mut evaluator = Evaluator::new(&mut leaves);
    let value = evaluator.eval(objective).unwrap();
    f64::from(evaluator.matrix(&value).into_scalar::<f32>())
}

/// The directional derivative by autodiff and by central differences.
pub fn compare(values: &HashMap<ValueName, Value>, objective: &Expr, player: &str) -> (f64, f64) {
    let moved = |model: Model| Moved { value: ValueName::of(player), model };
    let model = tracked(&values[player].player().unwrap().model);
    let mut leaves = Leaves::new(values, moved(model.clone()), &Device::flex());
    let mut evaluator = Evaluator::new(&mut leaves);
    let value = evaluator.eval(objective).unwrap();
    let gradients = evaluator.matrix(&value).backward();
    let mut along = Along { rng: direction(), gradients: &gradients, total: 0.0 };
    model.visit(&mut along);
    let nudged = |scale: f64| {
        let model = model.valid().map(&mut Nudge { rng: direction(), scale });
        value_of(values, objective, moved(tracked(&model)))
    };
    let central = |step: f64| (nudged(step) - nudged(-step)) / (2.0 * step);
    // Richardson's extrapolation takes the third-order error out.
    (along.total, (4.0 * central(1e-3) - central(2e-3)) / 3.0)
}

pub fn assert_close(name: &str, (autodiff, differences): (f64, f64)) {
    assert!(differences.abs() > 1e-3, "{name}: the derivative is too small to test: {differences}");
    assert!((autodiff / differences - 1.0).abs() < 0.02, "{name}: {autodiff} against {differences}");
}

pub fn directional(values: &HashMap<ValueName, Value>, objective: &Expr, model: &Decoder) -> f64 {
    let model = tracked(model);
    let moved = Moved { value: ValueName::of("pi"), model: Model::Policy(model.clone()) };
    let mut leaves = Leaves::new(values, moved, &Device::flex());
    let mut evaluator = Evaluator::new(&mut leaves);
    let value = evaluator.eval(objective).unwrap();
    let gradients = evaluator.matrix(&value).backward();
    let mut along = Along { rng: direction(), gradients: &gradients, total: 0.0 };
    model.visit(&mut along);
    along.total
}
