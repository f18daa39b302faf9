//! GSM8K (Cobbe et al., 2021): word problems with a number for an answer, after five examples or step by step.

use super::Benchmark;
use crate::Error;
use crate::data::{Dataset, Doc};
use crate::filter::{Chain, Filter};
use crate::metric::ExactMatch;
use crate::python::{Pattern, Select};
use crate::task::{Compare, Generate, Kind, MAX_TOKENS, Shots, Task};

pub fn benchmark() -> Benchmark {
    let plain = task(
        "gsm8k",
        5,
        |doc| Ok(format!("Question: {}\nAnswer:", doc.text("question")?)),
        &["Question:", "</s>", "<|im_end|>"],
        r"#### (\-?[0-9\.\,]+)",
    );
    let steps = task(
        "gsm8k_cot_zeroshot",
        0,
        |doc| Ok(format!("Q: {}\nA: Let's think step by step.", doc.text("question")?)),
        &["Q:", "</s>", "<|im_end|>"],
        r"The answer is (\-?[0-9\.\,]+).",
    );
    Benchmark { tasks: vec![plain, steps], groups: vec![] }
}

fn task(
    name: &str,
    shots: usize,
    prompt: fn(&Doc) -> Result<String, Error>,
    stop: &'static [&'static str],
    strict: &str,
) -> Task {
    let flexible = r"(-?[$0-9.,]{2,})|(-?[0-9]+)";
    let filters = vec![
        Chain::new("strict-match", vec![Filter::Regex(Pattern::python(strict), Select::First)]),
        Chain::new("flexible-extract", vec![Filter::Regex(Pattern::python(flexible), Select::Last)]),
    ];
    let ignore = [",", r"\$", "(?s).*#### ", r"\.$"].map(Pattern::python).into();
    let compare = Compare::Exact(ExactMatch { ignore, ignore_case: true, ignore_punctuation: false });
    let target = |doc: &Doc| doc.text("answer").map(str::to_owned);
    Task {
        name: name.into(),
        alias: name.into(),
        version: 3.0,
        dataset: Dataset { repo: "openai/gsm8k".into(), config: Some("main".into()) },
        description: String::new(),
        prompt,
        shots: Shots::From { split: "train", default: shots, sampled: true },
        kind: Kind::Generate(Generate { target, stop, max_tokens: MAX_TOKENS, filters, compare }),
    }
}
