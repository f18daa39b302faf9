//! `oracle`: labels pairs. A judge on a server is asked one small question before any training.

use std::sync::Arc;

use pbpo_hub::records::{self, Columns, OnBad, Reading};
use pbpo_judge::{
    ChatSettings, DecisionSettings, Judge, Labels as JudgeLabels, Limit, Missing, OrderSettings, Recorded, Remote,
    ServerSettings, Ties, Wire,
};
use pbpo_plan::Stage;
use serde::Deserialize;

use super::{Op, config};
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::event::Event;
use crate::host::Host;
use crate::model::{Compute, Head, RewardModel, disk};
use crate::oracle::{Asked, Btl, Labels, Oracle, Scorer};
use crate::value::Value;

pub struct MakeOracle;

/// The settings that tell the kinds apart.
#[derive(Deserialize)]
struct Kind {
    by: String,
}

/// The settings of `chat` and `decision`.
#[derive(Deserialize)]
struct Served {
    model: String,
    url: Option<String>,
    key: Option<String>,
    order: String,
    labels: Labels,
    ties: String,
    timeout: f64,
    retries: usize,
    concurrency: usize,
    rate: Option<f64>,
    most_calls: Option<u64>,
    most_usd: Option<f64>,
    usd_in: f64,
    usd_out: f64,
}

#[derive(Deserialize)]
struct Chat {
    prompt: Option<String>,
    system: Option<String>,
    temperature: Option<f64>,
    max_new: Option<u32>,
    limit: Option<Limit>,
    first: Option<String>,
    second: Option<String>,
    tie: Option<String>,
    /// The further fields, as the text of a JSON object.
    extra: Option<String>,
    verdict: String,
}

#[derive(Deserialize)]
struct Decision {
    wire: Wire,
    question: Option<String>,
}

#[derive(Deserialize)]
struct FromFile {
    file: String,
    prompt: Option<String>,
    chosen: Option<String>,
    rejected: Option<String>,
    first: Option<String>,
    second: Option<String>,
    preferred: Option<String>,
    probability: Option<String>,
    bad_rows: Option<OnBad>,
    unknown: String,
    labels: Labels,
}

#[derive(Deserialize)]
struct TieSettings {
    ties: String,
}

#[derive(Deserialize)]
struct FromModel {
    model: String,
    #[serde(default)]
    compute: Compute,
}

impl Op for MakeOracle {
    fn run(&self, stage: &Stage, _: &mut Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let Kind { by } = config(stage)?;
        let oracle = match by.as_str() {
            "verifier" => {
                let TieSettings { ties } = config(stage)?;
                Oracle::Verifier { btl: config(stage)?, draws_ties: ties == "draw" }
            }
            "reward_model" => Oracle::Scorer(Box::new(scorer(stage, &context.host)?)),
            "recorded" => Oracle::Judge(recorded(stage, context)?),
            "chat" | "decision" => Oracle::Judge(served(stage, &by, context)?),
            _ => Oracle::Task(config(stage)?),
        };
        Ok(vec![Value::Oracle(Arc::new(oracle))])
    }
}

fn served(stage: &Stage, by: &str, context: &mut Context<'_>) -> Result<Asked, Fault> {
    let served: Served = config(stage)?;
    let host = &context.host;
    let server = ServerSettings {
        url: served.url,
        key: served.key,
        concurrency: served.concurrency,
        rate: served.rate,
        timeout: served.timeout,
        retries: served.retries,
        most_calls: served.most_calls,
        most_usd: served.most_usd,
        send_keys: host.send_keys.clone(),
        usd_in: served.usd_in,
        usd_out: served.usd_out,
        ..ServerSettings::default()
    };
    let ties = if served.ties == "draw" { Ties::Half } else { Ties::Drop };
    let order = OrderSettings { swap: served.order == "both", ties, ..OrderSettings::default() };
    let store = host.store()?;
    let judge = if by == "chat" {
        let chat: Chat = config(stage)?;
        let labels = JudgeLabels::default();
        let extra = chat.extra.as_deref().map_or_else(|| Ok(Default::default()), serde_json::from_str);
        let settings = ChatSettings {
            model: served.model,
            system: chat.system,
            prompt: chat.prompt,
            temperature: chat.temperature,
            max_new: chat.max_new,
            limit: chat.limit,
            labels: JudgeLabels {
                first: chat.first.unwrap_or(labels.first),
                second: chat.second.unwrap_or(labels.second),
                tie: chat.tie,
            },
            logprobs: chat.verdict == "logprobs",
            extra: extra.map_err(|error| Fault::new(format!("the judge's `extra` can't be read: {error}")))?,
            ..ChatSettings::default()
        };
        Remote::chat(settings, server, order, store.clone())?
    } else {
        let Decision { wire, question } = config(stage)?;
        let default = DecisionSettings::default();
        let question = question.unwrap_or(default.question.clone());
        let settings = DecisionSettings { model: served.model, wire, question, ..default };
        Remote::decision(settings, server, order, store.clone())?
    };
    judge.check()?;
    if let Some(note) = store.note() {
        context.notice_once("oracle", note.to_owned())?;
    }
    for notice in judge.notices() {
        context.notice_once("oracle", notice)?;
    }
    Ok(asked(Box::new(judge), served.labels, &served.ties))
}

fn recorded(stage: &Stage, context: &mut Context<'_>) -> Result<Asked, Fault> {
    let FromFile { file, prompt, chosen, rejected, first, second, preferred, probability, bad_rows, unknown, labels } =
        config(stage)?;
    let columns = Columns { prompt, chosen, rejected, first, second, preferred, probability, ..Columns::default() };
    let reading = Reading { columns, on_bad: bad_rows.unwrap_or_default(), ..Reading::default() };
    let missing = if unknown == "drop" { Missing::Abstain } else { Missing::Error };
    let path = context.host.path(&file);
    let said = records::labels(&path, &reading).map_err(|error| {
        let fault = Fault::from(error);
        if fault.help.is_none() { fault.help("the path is relative to the file that names it") } else { fault }
    })?;
    if said.rows == 0 {
        return Err(Fault::new(format!("there are no rows in {}", path.display()))
            .help("a .jsonl file has one JSON object a line"));
    }
    for text in said.left_out().into_iter().chain(said.notes) {
        context.emit(Event::Notice { stage: stage.name.clone(), text })?;
    }
    let pairs = said.records.into_iter().map(|label| ([label.prompt, label.first, label.second], label.probability));
    let recorded = asked(Box::new(Recorded::new(path.display().to_string(), pairs, missing)), labels, "drop");
    Ok(Asked { may_be_mute: unknown == "drop", ..recorded })
}

fn asked(judge: Box<dyn Judge>, labels: Labels, ties: &str) -> Asked {
    Asked { judge, labels, draws_ties: ties == "draw", may_be_mute: false }
}

/// Loads a sequence classifier with one label.
fn scorer(stage: &Stage, host: &Host) -> Result<Scorer, Fault> {
    let FromModel { model: name, compute } = config(stage)?;
    let btl: Btl = config(stage)?;
    let loaded = disk::load_as(&name, host, compute, true)?;
    let Some(score) = loaded.score else {
        return Err(Fault::new(format!("`{name}` has no `score.weight`: it is no reward model"))
            .help("name a checkpoint of a ...ForSequenceClassification with one label"));
    };
    if score.len() != loaded.model.config.width {
        return Err(Fault::new(format!("`{name}` gives several scores, where one is wanted"))
            .help("name a sequence classifier of one label"));
    }
    // A score model from elsewhere has no bound, because it is not an adversary's.
    let bound = loaded.model.config.reward_bound.unwrap_or(f64::INFINITY);
    let mut model = RewardModel::new(loaded.model, Head::Sequence, bound, &host.device);
    model.take(&score)?;
    Ok(Scorer { model, tokenizer: Arc::new(loaded.tokenizer), btl })
}
