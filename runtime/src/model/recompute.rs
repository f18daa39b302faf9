//! Gradients of a decoder without its graph: a forward keeps only the input of each block, and the backward pass
//! computes each block again (gradient checkpointing, written by hand because Burn has none for whole blocks).

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Int, Tensor};

use super::attention::Positions;
use super::decoder::Decoder;

/// The tensors that a forward keeps for the backward pass.
pub struct Trace {
    tokens: Tensor<2, Int>,
    /// The inputs of each block, and the output of the last one, `[rows new, width]`.
    inputs: Vec<Tensor<2>>,
    /// The output of the final norm, `[rows, new, width]`.
    pub hidden: Tensor<3>,
}

impl Decoder {
    /// Runs the forward of [`Decoder::hidden`]; `self` and `tokens` are without autodiff.
    pub fn trace(&self, tokens: Tensor<2, Int>) -> Trace {
        let [rows, new] = tokens.dims();
        let mut x = self.embedded(tokens.clone().reshape([rows * new]));
        let positions = Positions::new(&self.config, 0, new, &x);
        let mut inputs = vec![x.clone()];
        for block in &self.blocks {
            x = block.forward(x, [rows, new], &positions, None);
            inputs.push(x.clone());
        }
        let hidden = self.normed(x).reshape([rows, new, self.config.width]);
        Trace { tokens, inputs, hidden }
    }

    /// Returns the gradients of `model`'s parameters from the gradient of the trace's hidden states,
    /// `[rows, new, width]`. `model` is an autodiff copy of the traced model.
    pub fn pull(model: &Decoder, mut trace: Trace, gradient: Tensor<3>) -> GradientsParams {
        let [rows, new, width] = gradient.dims();
        let mut sum = GradientsParams::new();
        // The backward pass stops at the lowest block that is trained.
        let lowest = model.blocks.iter().position(trains).unwrap_or(model.blocks.len());
        let lowest = if model.embed.is_require_grad() { 0 } else { lowest };
        if lowest == model.blocks.len() && !model.norm.is_require_grad() {
            return sum;
        }
        let device = model.embed.val().device();
        let Some(last) = trace.inputs.last() else { return sum };
        let positions = Positions::new(&model.config, 0, new, &last.clone().autodiff());
        let mut gradient: Tensor<2> = gradient.reshape([rows * new, width]);
        for part in (lowest..=model.blocks.len()).rev() {
            let Some(input) = trace.inputs.pop() else { break };
            let input = input.autodiff().require_grad();
            let output = match model.blocks.get(part) {
                Some(block) => block.forward(input.clone(), [rows, new], &positions, None),
                None => model.normed(input.clone()),
            };
            let mut gradients = (output * gradient.autodiff()).sum().backward();
            gradient = input.grad(&gradients).unwrap_or_else(|| input.inner().zeros_like());
            add(model, &mut sum, GradientsParams::from_module(&mut gradients, model));
        }
        if model.embed.is_require_grad() {
            let tokens = Tensor::<1, Int>::from_data(trace.tokens.reshape([rows * new]).into_data(), &device);
            let mut gradients = (model.embedded(tokens) * gradient.autodiff()).sum().backward();
            add(model, &mut sum, GradientsParams::from_module(&mut gradients, model));
        }
        sum
    }
}

/// Adds one set of gradients to another, parameter by parameter.
pub fn add<M: Module>(module: &M, sum: &mut GradientsParams, mut part: GradientsParams) {
    module.visit(&mut Add { sum, part: &mut part });
}

struct Add<'a> {
    sum: &'a mut GradientsParams,
    part: &'a mut GradientsParams,
}

impl ModuleVisitor for Add<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = match (self.sum.remove::<D>(param.id), self.part.remove::<D>(param.id)) {
            (Some(sum), Some(part)) => sum + part,
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => return,
        };
        self.sum.register(param.id, gradient);
    }
}

/// Tells whether any parameter of a module has a gradient.
fn trains<M: Module>(module: &M) -> bool {
    struct Any(bool);
    impl ModuleVisitor for Any {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0 |= param.is_require_grad();
        }
    }
    let mut any = Any(false);
    module.visit(&mut any);
    any.0
}
