//! `data`: items of a task, with their prompts as tokens.

use std::sync::Arc;

use pbpo_compiler::plan::Stage;
use serde::Deserialize;

use super::{Op, config};
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::task;
use crate::value::{Data, Value};

pub struct MakeData;

#[derive(Deserialize)]
struct Settings {
    task: String,
}

impl Op for MakeData {
    fn run(&self, stage: &Stage, _: &Env, _: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let Settings { task } = config(stage)?;
        let tokenizer = task::tokenizer(&task)?;
        let items = task::items(&task, &config(stage)?)?;
        let prompts = items
            .iter()
            .map(|item| {
                Data::prompt_tokens(&tokenizer, &item.prompt).map_err(|c| {
                    Fault::new(format!("prompt `{}` has `{c}`, which the tokenizer does not know", item.prompt))
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(vec![Value::Data(Arc::new(Data { task, tokenizer, items, prompts }))])
    }
}
