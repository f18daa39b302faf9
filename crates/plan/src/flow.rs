//! What flows where: the stage behind each value, and how many rows of how many tokens it gives.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::cost::Spent;
use super::{Body, Op, Stage};

/// Tokens of a prompt of a file, and of a response in one, where nothing says how long they are (our choice).
const TEXT: u64 = 512;

/// The stages by the values that they make.
#[derive(Clone, Debug, Default)]
pub struct Flow<'a> {
    stages: BTreeMap<&'a str, &'a Stage>,
}

/// An integer setting of a stage; 0 where it has none.
pub fn int(stage: &Stage, key: &str) -> u64 {
    stage.config.get(key).and_then(Json::as_u64).unwrap_or(0)
}

impl<'a> Flow<'a> {
    /// A stage is reached.
    pub fn reach(&mut self, stage: &'a Stage) {
        self.stages.extend(stage.outputs.iter().map(|output| (output.as_str(), stage)));
    }

    /// A loop is left: behind it a value is what comes out of it.
    pub fn leave(&mut self, body: &'a Body) {
        for carry in &body.carries {
            if let Some(stage) = self.stages.get(carry.back.as_str()).copied() {
                self.stages.insert(&carry.out, stage);
            }
        }
    }

    /// The stage of a value.
    pub fn stage(&self, value: &str) -> Option<&'a Stage> {
        self.stages.get(value).copied()
    }

    /// The stage of what comes in at a port.
    pub fn from(&self, stage: &Stage, port: &str) -> Option<&'a Stage> {
        self.stage(stage.input(port)?)
    }

    /// Some stage of an op.
    pub fn any(&self, op: Op) -> Option<&'a Stage> {
        self.stages.values().copied().find(|stage| stage.op == op)
    }

    /// Rows of rollouts or preferences.
    pub fn rows(&self, stage: &Stage) -> u64 {
        (stage.op.info().rows)(stage, self)
    }

    /// What so many responses to the prompts at a port take, in each of so many runs.
    pub fn generates(&self, stage: &Stage, port: &str, rows: u64, most: u64, times: u64) -> Spent {
        let new = self.from(stage, port).map_or(0, |data| self.response(data)).min(most);
        Spent { generated: rows * new * times, generated_most: rows * most * times, ..Spent::default() }
    }

    /// Prompts that `evaluate` asks.
    pub fn evaluated(&self, stage: &Stage) -> u64 {
        let (all, asked) = (self.from(stage, "data").map_or(0, |data| int(data, "count")), int(stage, "count"));
        if all == 0 || asked == 0 { all.max(asked) } else { all.min(asked) }
    }

    /// Tokens of the prompt and of the response in a row of rollouts or preferences.
    pub fn row(&self, stage: &'a Stage) -> (u64, u64) {
        let source = self.source(stage, &mut BTreeSet::new());
        source.map_or((0, 0), |data| (self.prompt(data), self.response(data).max(self.written(stage, data))))
    }

    /// Tokens of a response that a file holds, where a stage reads those; else 0.
    pub fn written(&self, stage: &'a Stage, data: &Stage) -> u64 {
        let reads = stage.op.info().reads_responses;
        let from = ["batch", "preferences"].into_iter().filter_map(|port| self.from(stage, port));
        if is_file(data) && reads { TEXT } else { from.map(|from| self.written(from, data)).max().unwrap_or(0) }
    }

    /// The data that rows come from, by way of whatever made them.
    pub fn source(&self, stage: &'a Stage, seen: &mut BTreeSet<&'a str>) -> Option<&'a Stage> {
        if stage.op == Op::Data {
            return Some(stage);
        }
        if !seen.insert(&stage.name) {
            return None;
        }
        let ports = ["prompts", "against", "first", "batch", "preferences", "data"];
        let makers: Vec<&'a Stage> = ports.iter().filter_map(|port| self.from(stage, port)).collect();
        // A set that a loop carries has its pairs from the data that anything is sampled on.
        makers.into_iter().find_map(|maker| self.source(maker, seen)).or_else(|| self.any(Op::Data))
    }

    /// Tokens of a prompt. Of `digits`: one for the start, the digits, one for `=`.
    pub fn prompt(&self, data: &Stage) -> u64 {
        if is_file(data) {
            data.config.get("longest").and_then(Json::as_u64).unwrap_or(TEXT)
        } else {
            int(data, "length") + 2
        }
    }

    /// Tokens of a response that ends by itself. Of `digits`: the digits and the end; of files what may be sampled.
    pub fn response(&self, data: &Stage) -> u64 {
        if is_file(data) { self.longest_response() } else { int(data, "length") + 1 }
    }

    /// The most that any policy samples; 16 where none is known yet.
    fn longest_response(&self) -> u64 {
        let most = |stage: &&Stage| stage.config.get("sampling").and_then(|s| s.get("max_new")?.as_u64());
        self.stages.values().filter_map(most).max().unwrap_or(16)
    }

    /// A setting of the sampling of the policy that a stage asks.
    pub fn sampling(&self, stage: &Stage, key: &str) -> u64 {
        let name = stage.input("policy").and_then(|value| value.split('@').next()).unwrap_or_default();
        let policy = self.stage(&format!("{name}@0"));
        policy.and_then(|policy| policy.config.get("sampling")?.get(key)?.as_u64()).unwrap_or(16)
    }
}

/// Whether data are rows of files, of a length that the plan does not know.
fn is_file(data: &Stage) -> bool {
    matches!(data.config.get("task").and_then(Json::as_str), Some("file" | "hub"))
}
