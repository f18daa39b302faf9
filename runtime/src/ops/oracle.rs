//! `oracle`: labels pairs. A judge on a server is asked one small question before any training.

use std::sync::Arc;

use pbpo_hub::records::{self, Columns, Reading};
use pbpo_judge::{
    ChatSettings, DecisionSettings, Judge, Labels as JudgeLabels, Limit, Missing, OrderSettings, Recorded, Remote,
    ServerSettings, Ties as JudgeTies, Wire,
};
use pbpo_plan::Stage;
use pbpo_plan::ops::oracle::{self, Settings, Ties};

use super::data::on_bad;
use super::{Op, config};
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::event::Event;
use crate::host::Host;
use crate::model::{Compute, Head, RewardModel, disk};
use crate::oracle::{Asked, Btl, Oracle, Scorer};
use crate::value::Value;

pub struct MakeOracle;

impl Op for MakeOracle {
    fn run(&self, stage: &Stage, _: &mut Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let oracle = match config(stage)? {
            Settings::Btl(oracle::Btl { score: _, scale, flip, labels }) => Oracle::Task(Btl { scale, flip, labels }),
            Settings::Verifier(oracle::Verifier { ties, flip, labels }) => {
                Oracle::Verifier { btl: Btl { scale: 0.0, flip, labels }, draws_ties: ties == Ties::Draw }
            }
            Settings::RewardModel(settings) => Oracle::Scorer(Box::new(scorer(settings, context.host)?)),
            Settings::Recorded(settings) => Oracle::Judge(recorded(stage, settings, context)?),
            Settings::Chat(settings) => Oracle::Judge(chat(settings, context)?),
            Settings::Decision(settings) => Oracle::Judge(decision(settings, context)?),
        };
        Ok(vec![Value::Oracle(Arc::new(oracle))])
    }
}

fn chat(settings: oracle::Chat, context: &mut Context<'_>) -> Result<Asked, Fault> {
    let oracle::Chat { model, prompt, system, temperature, max_new, limit, first, second, tie, .. } = settings;
    let oracle::Chat { extra, verdict, asked, server, .. } = settings;
    let extra = extra.as_deref().map_or_else(|| Ok(Default::default()), serde_json::from_str);
    let labels = JudgeLabels::default();
    let settings = ChatSettings {
        model,
        system,
        prompt,
        temperature,
        max_new,
        limit: limit.map(|limit| match limit {
            oracle::Limit::MaxTokens => Limit::MaxTokens,
            oracle::Limit::MaxCompletionTokens => Limit::MaxCompletionTokens,
        }),
        labels: JudgeLabels { first: first.unwrap_or(labels.first), second: second.unwrap_or(labels.second), tie },
        logprobs: verdict == oracle::Verdict::Logprobs,
        extra: extra.map_err(|error| Fault::new(format!("the judge's `extra` can't be read: {error}")))?,
        ..ChatSettings::default()
    };
    let (server, order) = (server_settings(server, context.host), order(asked));
    served(Remote::chat(settings, server, order, context.host.store()?)?, asked, context)
}

fn decision(settings: oracle::Decision, context: &mut Context<'_>) -> Result<Asked, Fault> {
    let oracle::Decision { model, wire, question, asked, server } = settings;
    let default = DecisionSettings::default();
    let wire = match wire {
        oracle::Wire::Systemone => Wire::Systemone,
        oracle::Wire::Openai => Wire::Openai,
    };
    let question = question.unwrap_or(default.question.clone());
    let settings = DecisionSettings { model, wire, question, ..default };
    let (server, order) = (server_settings(server, context.host), order(asked));
    served(Remote::decision(settings, server, order, context.host.store()?)?, asked, context)
}

fn server_settings(server: oracle::Server, host: &Host) -> ServerSettings {
    let oracle::Server { url, key, timeout, retries, concurrency, rate, most_calls, most_usd, usd_in, usd_out } =
        server;
    ServerSettings {
        url,
        key,
        concurrency: concurrency as usize,
        rate,
        timeout,
        retries: retries as usize,
        most_calls,
        most_usd,
        send_keys: host.send_keys.clone(),
        usd_in,
        usd_out,
        ..ServerSettings::default()
    }
}

fn order(asked: oracle::Asked) -> OrderSettings {
    let ties = match asked.ties {
        Ties::Draw => JudgeTies::Half,
        Ties::Drop => JudgeTies::Drop,
    };
    OrderSettings { swap: asked.order == oracle::Order::Both, ties, ..OrderSettings::default() }
}

fn served(judge: Remote, asked: oracle::Asked, context: &mut Context<'_>) -> Result<Asked, Fault> {
    judge.check()?;
    if let Some(note) = context.host.store()?.note() {
        context.notice_once("oracle", note.to_owned())?;
    }
    for notice in judge.notices() {
        context.notice_once("oracle", notice)?;
    }
    Ok(Asked {
        judge: Box::new(judge),
        labels: asked.labels,
        draws_ties: asked.ties == Ties::Draw,
        may_be_mute: false,
        digest: None,
    })
}

fn recorded(stage: &Stage, settings: oracle::Recorded, context: &mut Context<'_>) -> Result<Asked, Fault> {
    let oracle::Recorded { file, prompt, chosen, rejected, first, second, preferred, probability, .. } = settings;
    let oracle::Recorded { bad_rows, unknown, labels, .. } = settings;
    let columns = Columns { prompt, chosen, rejected, first, second, preferred, probability, ..Columns::default() };
    let reading = Reading { columns, on_bad: on_bad(bad_rows.unwrap_or_default()), ..Reading::default() };
    let may_be_mute = unknown == oracle::Unknown::Drop;
    let missing = if may_be_mute { Missing::Abstain } else { Missing::Error };
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
    let digest = Some(said.digest);
    let pairs = said.records.into_iter().map(|label| ([label.prompt, label.first, label.second], label.probability));
    let judge = Box::new(Recorded::new(path.display().to_string(), pairs, missing));
    Ok(Asked { judge, labels, draws_ties: false, may_be_mute, digest })
}

/// Loads a sequence classifier with one label.
fn scorer(settings: oracle::RewardModel, host: &Host) -> Result<Scorer, Fault> {
    let oracle::RewardModel { model: name, compute, scale, flip, labels } = settings;
    let btl = Btl { scale, flip, labels };
    let loaded = disk::load_as(&name, host, Compute::from(compute.unwrap_or_default()), true)?;
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
    let digest = loaded.digest;
    let mut model = RewardModel::new(loaded.model, Head::Sequence, bound, &host.device);
    model.take(&score)?;
    Ok(Scorer { model, tokenizer: Arc::new(loaded.tokenizer), btl, digest })
}
