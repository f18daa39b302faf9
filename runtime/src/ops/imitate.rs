//! `imitate`: supervised training on demonstrations (SFT); makes the model from which players start.

use std::sync::Arc;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Int, Tensor};
use pbpo_plan::Stage;
use pbpo_plan::ops::imitate::Settings;
use pbpo_plan::ops::policy::AdamW;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Op, Progress, Work, config};
use crate::batch::{Batch, Row};
use crate::context::Context;
use crate::data::Source;
use crate::env::Env;
use crate::error::Fault;
use crate::event::Event;
use crate::model::{Decoder, Llama};
use crate::objective::pieces::{LIMITS, Pieces, Size, What};
use crate::optimizer::{self, Optimizer};
use crate::player::Model;
use crate::state::{Digest, Parts, Reader, Stored};
use crate::tokenizer::Tokenizer;
use crate::value::{Init, Value};

pub struct Imitate;

/// Imitation between two of its steps.
pub struct Imitation {
    /// The model on the plain device, without autodiff.
    model: Decoder,
    optimizer: Optimizer,
    tokenizer: Arc<Tokenizer>,
    base: Option<String>,
    source: Source,
    /// The demonstrations, which follow from the source.
    rows: Vec<Row>,
    rng: ChaCha8Rng,
    /// The steps made.
    done: usize,
}

impl Op for Imitate {
    fn run(&self, stage: &Stage, env: &mut Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        loop {
            match self.advance(stage, env, context)? {
                Progress::Done(values) => return Ok(values),
                Progress::Underway(work) => env.set_underway(&stage.name, work),
            }
        }
    }

    fn advance(&self, stage: &Stage, env: &mut Env, context: &mut Context<'_>) -> Result<Progress, Fault> {
        let settings: Settings = config(stage)?;
        let mut work = match env.take_underway(&stage.name) {
            Some(Work::Imitation(work)) => work,
            None => Box::new(Imitation::begin(&settings, stage, env, context)?),
        };
        let total = settings.steps as usize;
        if work.done < total {
            *work = work.step(&settings, stage, context)?;
        }
        if work.done < total {
            return Ok(Progress::Underway(Work::Imitation(work)));
        }
        let Imitation { model, tokenizer, base, .. } = *work;
        Ok(Progress::Done(vec![Value::Init(Box::new(Init { model, score: None, tokenizer, base }))]))
    }
}

impl Imitation {
    fn begin(settings: &Settings, stage: &Stage, env: &mut Env, context: &mut Context<'_>) -> Result<Self, Fault> {
        let model: Option<Llama> = settings.model.as_ref().map(super::settings).transpose()?;
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
        let optimizer = Optimizer::new(AdamW {
            lr: settings.lr,
            backbone_lr: None,
            clip: 1.0,
            beta1: 0.9,
            beta2: 0.95,
            weight_decay: 0.0,
            warmup: 20,
        });
        Ok(Self { model, optimizer, tokenizer, base, source, rows, rng, done: 0 })
    }

    /// Makes one step on a random batch.
    fn step(mut self, settings: &Settings, stage: &Stage, context: &mut Context<'_>) -> Result<Self, Fault> {
        let (total, device) = (settings.steps as usize, context.device.clone().autodiff());
        // The rate decays linearly to a tenth.
        self.optimizer.scale = 1.0 - 0.9 * self.done as f64 / total as f64;
        let (rows, rng) = (&self.rows, &mut self.rng);
        let picks: Vec<&Row> = (0..settings.batch).map(|_| &rows[rng.random_range(0..rows.len())]).collect();
        // No other copy of the weights is left, so that the step changes them in place.
        let model = self.model.train();
        let (loss, gradients) = loss(&model, picks, &device);
        let norm = optimizer::norm(&model, &gradients)?;
        self.model = self.optimizer.step(model, gradients, norm, None).valid();
        self.done += 1;
        if self.done.is_multiple_of(10) || self.done == total {
            let metrics = [("loss".to_owned(), loss), ("grad_norm".to_owned(), f64::from(norm))].into();
            context.emit(Event::Progress { stage: stage.name.clone(), done: self.done, total, metrics })?;
        }
        Ok(self)
    }
}

/// The saved form of an imitation.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImitationRecord {
    model: <Decoder as Stored>::Record,
    optimizer: <Optimizer as Stored>::Record,
    tokenizer: Digest,
    base: Option<String>,
    source: <Source as Stored>::Record,
    rng: ChaCha8Rng,
    done: usize,
}

impl Stored for Imitation {
    type Record = ImitationRecord;

    fn save(&self, parts: &mut Parts<'_>) -> Result<ImitationRecord, Fault> {
        let Self { model, optimizer, tokenizer, base, source, rows: _, rng, done } = self;
        Ok(ImitationRecord {
            model: model.save(parts)?,
            optimizer: optimizer.save(parts)?,
            tokenizer: tokenizer.save(parts)?,
            base: base.clone(),
            source: source.save(parts)?,
            rng: rng.clone(),
            done: *done,
        })
    }

    fn load(record: ImitationRecord, from: &Reader<'_>) -> Result<Self, Fault> {
        let ImitationRecord { model, optimizer, tokenizer, base, source, rng, done } = record;
        let source = Source::load(source, from)?;
        let (rows, _) = source.demonstrations()?;
        Ok(Self {
            model: Decoder::load(model, from)?,
            optimizer: Optimizer::load(optimizer, from)?,
            tokenizer: Arc::load(tokenizer, from)?,
            base,
            source,
            rows,
            rng,
            done,
        })
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
    let logp: Tensor<2> = model.log_probs(hidden).gather(2, targets).squeeze_dim(2);
    let mask = batch.mask();
    (logp * mask.clone()).sum().neg() / mask.sum()
}
