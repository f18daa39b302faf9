//! AdamW with global-norm clipping, linear warm-up, and a separate learning rate for a head.

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::{AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Bytes, Tensor};
use pbpo_plan::ops::policy::AdamW;
use serde::{Deserialize, Serialize};

use crate::error::Fault;
use crate::state::{Digest, Parts, Reader, Stored};

/// An optimizer with its state.
#[derive(Clone)]
pub struct Optimizer {
    config: AdamW,
    body: ModuleOptimizer,
    head: ModuleOptimizer,
    steps: usize,
    /// The factor on the learning rate of the next steps (schedules).
    pub scale: f64,
}

impl Optimizer {
    pub fn new(config: AdamW) -> Self {
        let adamw = AdamWConfig::new()
            .with_beta_1(config.beta1 as f32)
            .with_beta_2(config.beta2 as f32)
            .with_weight_decay(config.weight_decay as f32)
            .with_epsilon(1e-8);
        Self { body: adamw.init(), head: adamw.init(), config, steps: 0, scale: 1.0 }
    }

    /// Takes one step down the gradients of `module`'s parameters, whose [`norm`] is given; `head` is the matrix that
    /// uses `lr` if the rest uses `backbone_lr`. Weights and states that are not shared are changed in place.
    pub fn step<M: Module>(&mut self, module: M, gradients: GradientsParams, norm: f32, head: Option<ParamId>) -> M {
        let mut own = gradients;
        let clip = self.config.clip as f32;
        if norm > clip {
            module.visit(&mut Scale { gradients: &mut own, factor: clip / norm });
        }
        self.steps += 1;
        let warm = (self.steps as f64 / self.config.warmup.max(1) as f64).min(1.0) * self.scale;
        match (self.config.backbone_lr, head) {
            (Some(backbone_lr), Some(head)) => {
                let mut fast = GradientsParams::new();
                if let Some(gradient) = own.remove::<2>(head) {
                    fast.register(head, gradient);
                }
                let module = self.head.step(self.config.lr * warm, module, fast);
                if backbone_lr > 0.0 { self.body.step(backbone_lr * warm, module, own) } else { module }
            }
            _ => self.body.step(self.config.lr * warm, module, own),
        }
    }
}

/// Returns the norm of all gradients of a module's parameters, before clipping.
pub fn norm<M: Module>(module: &M, gradients: &GradientsParams) -> Result<f32, Fault> {
    let mut norm = SquaredNorm { gradients, total: None };
    module.visit(&mut norm);
    let norm = norm.total.map_or(0.0, |t| t.into_scalar::<f32>()).sqrt();
    if !norm.is_finite() {
        return Err(Fault::new(format!("the gradient's norm is {norm}"))
            .help("lower the learning rate, or bound and clip the terms of the objective"));
    }
    Ok(norm)
}

struct SquaredNorm<'a> {
    gradients: &'a GradientsParams,
    total: Option<Tensor<1>>,
}

impl ModuleVisitor for SquaredNorm<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            let square = gradient.square().sum();
            self.total = Some(match self.total.take() {
                Some(total) => total + square,
                None => square,
            });
        }
    }
}

struct Scale<'a> {
    gradients: &'a mut GradientsParams,
    factor: f32,
}

impl ModuleVisitor for Scale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.gradients.register(param.id, gradient.mul_scalar(self.factor));
        }
    }
}

/// The saved form of an optimizer.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerRecord {
    config: AdamW,
    body: StatesRecord,
    head: StatesRecord,
    steps: usize,
    scale: f64,
}

/// The moments of all parameters, as Burn writes them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StatesRecord {
    bytes: Digest,
    /// The numbers of entries. Burn leaves out entries that it can't read, without an error.
    entries: String,
}

impl Stored for Optimizer {
    type Record = OptimizerRecord;

    fn save(&self, parts: &mut Parts<'_>) -> Result<OptimizerRecord, Fault> {
        let Self { config, body, head, steps, scale } = self;
        let (body, head) = (save_states(body, parts)?, save_states(head, parts)?);
        Ok(OptimizerRecord { config: *config, body, head, steps: *steps, scale: *scale })
    }

    fn load(record: OptimizerRecord, from: &Reader<'_>) -> Result<Self, Fault> {
        let OptimizerRecord { config, body, head, steps, scale } = record;
        let new = Self::new(config);
        Ok(Self {
            body: load_states(new.body, &body, from)?,
            head: load_states(new.head, &head, from)?,
            config,
            steps,
            scale,
        })
    }
}

fn save_states(states: &ModuleOptimizer, parts: &mut Parts<'_>) -> Result<StatesRecord, Fault> {
    let record = states.to_record();
    let entries = format!("{record:?}");
    let bytes = record.into_bytes().map_err(|e| Fault::new(format!("an optimizer can't be saved: {e}")))?;
    Ok(StatesRecord { bytes: parts.put(bytes.to_vec()), entries })
}

fn load_states(new: ModuleOptimizer, saved: &StatesRecord, from: &Reader<'_>) -> Result<ModuleOptimizer, Fault> {
    let bytes = Bytes::from_bytes_vec(from.part(&saved.bytes)?.to_vec());
    let states = new.from_bytes(bytes).map_err(|e| Fault::new(format!("an optimizer can't be read: {e}")))?;
    match format!("{:?}", states.to_record()) == saved.entries {
        true => Ok(states),
        false => Err(Fault::new("the states of an optimizer are incomplete")),
    }
}
