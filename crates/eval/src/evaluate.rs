//! Sends a suite's requests to a model, and scores each document.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::Error;
use crate::data::Doc;
use crate::metric::argmax;
use crate::model::{Model, Pair, Score, Until};
use crate::results::{Entry, Results};
use crate::suite::{Ask, Item, Loaded, Prepared};
use crate::task::{Choice, Compare, Generate, Gold, Kind};
use crate::{filter::Chain, math};

/// The reason why an evaluation ended early.
#[derive(Debug)]
pub enum Failure<E> {
    /// An error in a row or a pattern, or from the caller's use of samples.
    Task(Error),
    /// The model's own error.
    Model(E),
}

impl<E> From<Error> for Failure<E> {
    fn from(error: Error) -> Self {
        Failure::Task(error)
    }
}

/// One document under one filter. It serialises as a line of lm-eval's `samples_TASK_*.jsonl`, in which arguments,
/// responses and target are text.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    pub doc_id: usize,
    pub doc: Map<String, Value>,
    pub target: String,
    /// The requests: for each the context, and the continuation or the generation's settings.
    pub arguments: Map<String, Value>,
    pub resps: Value,
    pub filtered_resps: Value,
    pub filter: &'static str,
    /// The names of the scores.
    pub metrics: &'static [&'static str],
    /// The scores, 0 or 1 each.
    #[serde(flatten)]
    pub scores: Map<String, Value>,
}

/// Evaluates task after task. `done` receives the samples of each task as soon as it is scored, filter by filter.
pub fn evaluate<M: Model>(
    model: &mut M,
    prepared: &Prepared,
    mut done: impl FnMut(&Loaded, &[Sample]) -> Result<(), Error>,
) -> Result<Results, Failure<M::Error>> {
    let mut entries = Vec::new();
    for loaded in &prepared.tasks {
        let samples = match &loaded.task.kind {
            Kind::Choice(choice) => choose(model, loaded, choice)?,
            Kind::Generate(generate) => write(model, loaded, generate)?,
        };
        entries.push(Entry::of_task(loaded, &samples));
        done(loaded, &samples)?;
    }
    Ok(Results::of(entries, &prepared.groups))
}

fn choose<M: Model>(model: &mut M, loaded: &Loaded, choice: &Choice) -> Result<Vec<Sample>, Failure<M::Error>> {
    let pairs = |item: &Item| match &item.ask {
        Ask::Choose { choices, .. } => choices.iter().map(|text| pair(item, text)).collect(),
        Ask::Write { .. } => vec![],
    };
    let requests: Vec<Pair> = loaded.items.iter().flat_map(pairs).collect();
    let scores = model.loglikelihood(&requests).map_err(Failure::Model)?;
    assert_eq!(scores.len(), requests.len(), "a model answers each request");
    let (mut rest, mut samples) = (scores.as_slice(), Vec::new());
    for (id, item) in loaded.items.iter().enumerate() {
        let Ask::Choose { choices, gold } = &item.ask else { continue };
        let (ours, others) = rest.split_at(choices.len());
        rest = others;
        if ours.iter().any(|score| !score.logp.is_finite()) {
            return Err(item.doc.error("the model's log-likelihood is not a finite number").into());
        }
        if choice.norm && choices.iter().any(String::is_empty) {
            return Err(item.doc.error("a choice is empty: it has no log-likelihood per character").into());
        }
        samples.push(chosen(id, item, choices, gold, ours, choice.norm));
    }
    Ok(samples)
}

/// Returns the request for a choice, which follows the context after a space.
fn pair(item: &Item, choice: &str) -> Pair {
    Pair { place: item.doc.place.clone(), context: item.context.clone(), continuation: format!(" {choice}") }
}

fn chosen(id: usize, item: &Item, choices: &[String], gold: &Gold, scores: &[Score], norm: bool) -> Sample {
    let score = |choice: usize| f64::from(u8::from(gold.holds(choice)));
    let per_char = scores.iter().zip(choices).map(|(score, choice)| score.logp / choice.chars().count() as f64);
    let mut named = Map::from_iter([("acc".to_owned(), json!(score(argmax(scores.iter().map(|score| score.logp)))))]);
    if norm {
        named.insert("acc_norm".into(), json!(score(argmax(per_char))));
    }
    let shown: Vec<[String; 2]> =
        scores.iter().map(|score| [format!("{:?}", score.logp), python(score.greedy)]).collect();
    Sample {
        doc_id: id,
        doc: item.doc.fields.clone(),
        target: json!(gold).to_string().replace(',', ", "),
        arguments: choices
            .iter()
            .enumerate()
            .map(|(at, choice)| argument(at, item, json!(format!(" {choice}"))))
            .collect(),
        resps: shown.iter().map(|score| json!([score])).collect(),
        filtered_resps: json!(shown),
        filter: "none",
        metrics: if norm { &["acc", "acc_norm"] } else { &["acc"] },
        scores: named,
    }
}

fn python(truth: bool) -> String {
    if truth { "True".into() } else { "False".into() }
}

fn argument(at: usize, item: &Item, second: Value) -> (String, Value) {
    (format!("gen_args_{at}"), json!({ "arg_0": item.context, "arg_1": second }))
}

fn write<M: Model>(model: &mut M, loaded: &Loaded, generate: &Generate) -> Result<Vec<Sample>, Failure<M::Error>> {
    let stop: Vec<String> = generate.stop.iter().map(|stop| (*stop).to_owned()).collect();
    let until = |item: &Item| Until {
        place: item.doc.place.clone(),
        context: item.context.clone(),
        stop: stop.clone(),
        max_tokens: generate.max_tokens,
    };
    let requests: Vec<Until> = loaded.items.iter().map(until).collect();
    let responses = model.generate_until(&requests).map_err(Failure::Model)?;
    assert_eq!(responses.len(), requests.len(), "a model answers each request");
    let mut samples = Vec::new();
    for chain in &generate.filters {
        for (id, (item, response)) in loaded.items.iter().zip(&responses).enumerate() {
            samples.push(written(id, item, response, generate, chain, loaded.task.metrics())?);
        }
    }
    Ok(samples)
}

fn written(
    id: usize,
    item: &Item,
    response: &str,
    generate: &Generate,
    chain: &Chain,
    metrics: &'static [&'static str],
) -> Result<Sample, Error> {
    let Item { doc, ask: Ask::Write { target }, .. } = item else {
        return Err(item.doc.error("this row is not answered in text"));
    };
    let answer = chain.apply(doc, response)?;
    let right = generate.compare.holds(&answer, target)?;
    let settings = json!({ "until": generate.stop, "max_gen_toks": generate.max_tokens, "do_sample": false });
    Ok(Sample {
        doc_id: id,
        doc: Doc::clone(doc).fields,
        target: target.clone(),
        arguments: Map::from_iter([argument(0, item, settings)]),
        resps: json!([[response]]),
        filtered_resps: json!([answer]),
        filter: chain.name,
        metrics,
        scores: metrics.iter().map(|metric| ((*metric).to_owned(), json!(f64::from(u8::from(right))))).collect(),
    })
}

impl Compare {
    fn holds(&self, answer: &str, target: &str) -> Result<bool, Error> {
        match self {
            Compare::Exact(exact) => exact.holds(answer, target),
            Compare::Math => math::equivalent(answer, target),
        }
    }
}
