//! `imitate`: supervised training on demonstrations (SFT); makes the model from which players start.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Int, Tensor, activation::log_softmax};
use pbpo_plan::Stage;
use pbpo_plan::ops::imitate::Settings;
use pbpo_plan::ops::policy::AdamW;
use rand::RngExt;

use super::{Op, config, settings};
use crate::batch::{Batch, Row};
use crate::context::Context;
use crate::data::Source;
use crate::env::Env;
use crate::error::Fault;
use crate::event::Event;
use crate::model::{Decoder, Llama};
use crate::objective::forwards::Model;
use crate::objective::pieces::{LIMITS, Pieces, Size, What};
use crate::optimizer::{self, Optimizer};
use crate::value::{Init, Value};

pub struct Imitate;

impl Op for Imitate {
    fn run(&self, stage: &Stage, env: &mut Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let Settings { model, steps, batch, lr } = config(stage)?;
        let (steps, batch) = (steps as usize, batch as usize);
        let model: Option<Llama> = model.as_ref().map(settings).transpose()?;
        let data = env.data(stage, "data")?.clone();
        let mut rng = context.rng(&stage.name);
        let (model, tokenizer, base) = match (stage.input("init"), model) {
            (None, Some(shape)) => {
                let tokenizer = shape.tokenizer(&data, context)?;
                let model = Decoder::new(shape.config_for(&tokenizer), &mut rng, &context.device);
                (Decoder { compute: shape.compute, ..model }, tokenizer, None)
            }
            _ => {
                env.init(stage, "init")?.predicts()?;
                let Value::Init(init) = env.take(stage, "init")? else { unreachable!("it is an init") };
                (init.model, init.tokenizer, init.base)
            }
        };
        let source = Source::new(&data, &tokenizer)?;
        source.tell(context)?;
        let (rows, cut) = source.demonstrations()?;
        source.tell_cut(cut, rows.len(), context)?;
        source.tell_without("a demonstration", source.usable.len() - rows.len(), context)?;
        if rows.is_empty() {
            return Err(Fault::new("the data has no demonstrations").help("name their column: `completion = \"...\"`"));
        }
        let (length, most) = (|row: &Row| row.prompt.len() + row.response.len(), model.config.context);
        if let Some(row) = rows.iter().max_by_key(|row| length(row)).filter(|row| length(row) > most) {
            let (number, name, longest) = (row.item + 1, &data.name, length(row));
            return Err(Fault::new(format!(
                "the demonstration of row {number} of `{name}` has {longest} tokens, the model reads {most}"
            ))
            .help(format!("remove the row, or set `context = {longest} tokens` or more where the model is random")));
        }
        let mut model = model.train();
        let mut optimizer = Optimizer::new(AdamW {
            lr,
            backbone_lr: None,
            clip: 1.0,
            beta1: 0.9,
            beta2: 0.95,
            weight_decay: 0.0,
            warmup: 20,
        });
        let device = context.device.clone().autodiff();
        for step in 0..steps {
            // The rate decays linearly to a tenth.
            optimizer.scale = 1.0 - 0.9 * step as f64 / steps as f64;
            let picks: Vec<&Row> = (0..batch).map(|_| &rows[rng.random_range(0..rows.len())]).collect();
            let (loss, gradients) = loss(&model, picks, &device);
            let norm = optimizer::norm(&model, &gradients)?;
            model = optimizer.step(model, gradients, norm, None);
            if step % 10 == 9 || step + 1 == steps {
                let metrics = [("loss".to_owned(), loss), ("grad_norm".to_owned(), f64::from(norm))].into();
                context.emit(Event::Progress { stage: stage.name.clone(), done: step + 1, total: steps, metrics })?;
            }
        }
        Ok(vec![Value::Init(Box::new(Init { model: model.valid(), score: None, tokenizer, base }))])
    }
}

/// Returns the loss on a batch and its gradients, in pieces if the batch is too large for one graph.
fn loss(model: &Decoder, rows: Vec<&Row>, device: &Device) -> (f64, GradientsParams) {
    let batch = Batch::new(rows.iter().copied(), device);
    if !Size::of_policy(model).is_exceeded(&batch, LIMITS) {
        let loss = cross_entropy(model, &batch);
        let gradients = GradientsParams::from_grads(loss.backward(), model);
        return (f64::from(loss.into_scalar::<f32>()), gradients);
    }
    let player = Model::Policy(model.valid());
    let pieces = Pieces::new(rows, &player, &[], LIMITS, device);
    let mask = batch.to_device(&device.clone().without_autodiff()).mask();
    let weights = mask.clone() / mask.sum().neg().unsqueeze();
    let loss = (pieces.values(&player, &What::Logp) * weights.clone()).sum();
    (f64::from(loss.into_scalar::<f32>()), pieces.gradients(&player, &[(What::Logp, weights)]))
}

/// Returns the mean negative log-probability of the response tokens, a scalar `[1]`.
pub fn cross_entropy(model: &Decoder, batch: &Batch) -> Tensor<1> {
    let hidden = model.hidden(batch.tokens(), None).narrow(1, batch.start(), batch.positions());
    let targets: Tensor<3, Int> = batch.targets().unsqueeze_dim(2);
    let logp: Tensor<2> = log_softmax(model.logits(hidden), 2).gather(2, targets).squeeze_dim(2);
    let mask = batch.mask();
    (logp * mask.clone()).sum().neg() / mask.sum()
}
