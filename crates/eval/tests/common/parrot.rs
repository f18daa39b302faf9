//! A local copy of a fixture's rows, and a substitute for the model that lm-eval asked.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;

use pbpo_eval::{Model, Pair, Score, Until};
use serde_json::Value;

use crate::common::{list, text};

/// Writes the fixture's rows in a user's layout: `NAME/CONFIG/SPLIT.jsonl`.
pub fn write_rows(fixture: &Value, root: &Path) {
    for dataset in list(&fixture["rows"]) {
        let name = text(&dataset["dataset"]).rsplit('/').next().expect("a name");
        let directory = root.join(name).join(dataset["config"].as_str().unwrap_or("data"));
        fs::create_dir_all(&directory).expect("a directory");
        for (split, rows) in dataset["splits"].as_object().expect("splits") {
            let lines: Vec<String> = list(rows).iter().map(Value::to_string).collect();
            fs::write(directory.join(format!("{split}.jsonl")), lines.join("\n")).expect("a file");
        }
    }
}

/// The continuations of MMLU, the only ones that fixtures omit.
const LETTERS: [&str; 4] = [" A", " B", " C", " D"];

/// A model that gives the fixture's responses in turn, and checks that the requests are those of lm-eval.
pub struct Parrot {
    /// Document and settings, in the order of tasks.
    pub expected: VecDeque<(Value, Value)>,
}

impl Parrot {
    fn next(&mut self, context: &str) -> (Value, Value) {
        let (doc, settings) = self.expected.pop_front().expect("lm-eval asks no more");
        if let Some(expected) = doc["context"].as_str() {
            assert_eq!(context, expected);
        }
        (doc, settings)
    }
}

impl Model for Parrot {
    type Error = String;

    fn loglikelihood(&mut self, requests: &[Pair]) -> Result<Vec<Score>, String> {
        let (mut rest, mut out) = (requests, Vec::new());
        while let Some(first) = rest.first() {
            let (doc, _) = self.next(&first.context);
            let (ours, others) = rest.split_at(list(&doc["responses"]).len());
            let asked: Vec<&str> = ours.iter().map(|pair| pair.continuation.as_str()).collect();
            assert_eq!(&Value::from(asked), doc.get("continuations").unwrap_or(&Value::from(LETTERS)));
            assert!(ours.iter().all(|pair| pair.context == first.context));
            let score = |response: &Value| Score {
                logp: response[0].as_f64().expect("a number"),
                greedy: response[1].as_bool().expect("a truth value"),
            };
            out.extend(list(&doc["responses"]).iter().map(score));
            rest = others;
        }
        Ok(out)
    }

    fn generate_until(&mut self, requests: &[Until]) -> Result<Vec<String>, String> {
        let answer = |request: &Until| {
            let (doc, settings) = self.next(&request.context);
            assert_eq!(Value::from(request.stop.clone()), settings["until"]);
            assert_eq!(Value::from(request.max_tokens), settings["max_gen_toks"]);
            text(&doc["responses"][0]).to_owned()
        };
        Ok(requests.iter().map(answer).collect())
    }
}
