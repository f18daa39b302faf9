//! ARC-Challenge (Clark et al., 2018): science questions of three to five choices. The texts of the choices are scored.

use super::Benchmark;
use crate::Error;
use crate::data::{Dataset, Doc};
use crate::task::{Choice, Gold, Kind, Shots, Task};

pub fn benchmark() -> Benchmark {
    let task = Task {
        name: "arc_challenge".into(),
        alias: "arc_challenge".into(),
        version: 1.0,
        dataset: Dataset { repo: "allenai/ai2_arc".into(), config: Some("ARC-Challenge".into()) },
        description: String::new(),
        prompt: |doc| Ok(format!("Question: {}\nAnswer:", doc.text("question")?)),
        shots: Shots::From { split: "train", default: 0, sampled: true },
        kind: Kind::Choice(Choice { choices: |doc| doc.texts("choices.text"), gold, norm: true }),
    };
    Benchmark { tasks: vec![task], groups: vec![] }
}

fn gold(doc: &Doc) -> Result<Gold, Error> {
    let key = doc.text("answerKey")?;
    let at = doc.texts("choices.label")?.iter().position(|label| label == key);
    at.map(Gold::One).ok_or_else(|| doc.error(&format!("`answerKey` is `{key}`, which is not in `choices.label`")))
}
