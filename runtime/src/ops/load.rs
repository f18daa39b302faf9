//! `load`: a model from a Hugging Face directory or cache, with its tokenizer, and adapters if requested.

use std::sync::Arc;

use pbpo_plan::Stage;
use pbpo_plan::ops::load::Settings;

use super::{Op, config};
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::event::Event;
use crate::model::lora::Lora;
use crate::model::{Compute, disk};
use crate::value::{Init, Value};

pub struct Load;

impl Op for Load {
    fn run(&self, stage: &Stage, _: &mut Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let Settings { model: name, lora, compute } = config(stage)?;
        let (lora, compute) = (lora.map(Lora::from), Compute::from(compute.unwrap_or_default()));
        let loaded = disk::load_as(&name, context.host, compute, lora.is_some())?;
        context.emit(Event::Loaded {
            stage: stage.name.clone(),
            name: name.clone(),
            revision: loaded.revision,
            digest: loaded.digest,
        })?;
        let mut rng = context.rng(&stage.name);
        if lora.is_some() && loaded.model.has_adapters() {
            return Err(Fault::new(format!("`{name}` has adapters already"))
                .help("leave out `lora` to train them on, or merge them first: `pbpoc export --model ... --out ...`"));
        }
        let model = match lora {
            Some(lora) => lora.attach(loaded.model, &mut rng)?,
            None => loaded.model,
        };
        Ok(vec![Value::Init(Box::new(Init {
            model,
            score: loaded.score,
            tokenizer: Arc::new(loaded.tokenizer),
            base: Some(loaded.base),
        }))])
    }
}
