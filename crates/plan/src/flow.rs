//! The flow of values: the stage that makes each value, and its numbers of rows and of tokens.

use std::collections::{BTreeMap, BTreeSet};

use super::cost::Spent;
use super::ops::data::{self, Task};
use super::ops::{evaluate, policy};
use super::{Body, Op, Stage, ValueName};

/// The number of tokens of a prompt or a response of a file, if its length is unknown (our choice).
const TEXT: u64 = 512;

/// The stages by the values that they make.
#[derive(Clone, Debug, Default)]
pub struct Flow<'a> {
    stages: BTreeMap<&'a ValueName, &'a Stage>,
}

impl<'a> Flow<'a> {
    /// Adds a stage when it is reached.
    pub fn reach(&mut self, stage: &'a Stage) {
        self.stages.extend(stage.outputs.iter().map(|output| (output, stage)));
    }

    /// Leaves a loop: after it, its outputs stand for the values of its body.
    pub fn leave(&mut self, body: &'a Body) {
        for carry in &body.carries {
            if let Some(stage) = self.stages.get(&carry.back).copied() {
                self.stages.insert(&carry.out, stage);
            }
        }
    }

    /// Returns the stage of a value.
    pub fn stage(&self, value: &ValueName) -> Option<&'a Stage> {
        self.stages.get(value).copied()
    }

    /// Returns the stage whose value comes in at a port.
    pub fn from(&self, stage: &Stage, port: &str) -> Option<&'a Stage> {
        self.stage(stage.input(port)?)
    }

    /// Some stage of an op.
    pub fn any(&self, op: Op) -> Option<&'a Stage> {
        self.stages.values().copied().find(|stage| stage.op == op)
    }

    /// Returns the number of rows of rollouts or preferences.
    pub fn rows(&self, stage: &Stage) -> u64 {
        (stage.op.info().rows)(stage, self)
    }

    /// What so many responses to the prompts at a port take, in each of so many runs.
    pub fn generates(&self, stage: &Stage, port: &str, rows: u64, most: u64, times: u64) -> Spent {
        let new = self.from(stage, port).map_or(0, |data| self.response(data)).min(most);
        Spent { generated: rows * new * times, generated_most: rows * most * times, ..Spent::default() }
    }

    /// Returns the number of prompts of an `evaluate`.
    pub fn evaluated(&self, stage: &Stage) -> u64 {
        let all = self.from(stage, "data").and_then(data::settings).and_then(|data| data.count()).unwrap_or(0);
        let asked = stage.settings::<evaluate::Settings>().ok().and_then(|settings| settings.count).unwrap_or(0);
        if all == 0 || asked == 0 { all.max(asked) } else { all.min(asked) }
    }

    /// Returns the numbers of tokens of the prompt and of the response in a row of rollouts or preferences.
    pub fn row(&self, stage: &'a Stage) -> (u64, u64) {
        let source = self.source(stage, &mut BTreeSet::new());
        source.map_or((0, 0), |data| (self.prompt(data), self.response(data).max(self.written(stage, data))))
    }

    /// Returns the number of tokens of a file's response if a stage reads it; else 0.
    pub fn written(&self, stage: &'a Stage, data: &Stage) -> u64 {
        let reads = stage.op.info().reads_responses;
        let from = ["batch", "preferences"].into_iter().filter_map(|port| self.from(stage, port));
        if is_file(data) && reads { TEXT } else { from.map(|from| self.written(from, data)).max().unwrap_or(0) }
    }

    /// Returns the data that rows come from, through the stages that made them.
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

    /// Returns the number of tokens of a prompt. For `digits`: one for the start, the digits, one for `=`.
    pub fn prompt(&self, data: &Stage) -> u64 {
        match data::settings(data).map(|data| (data.task, data.longest)) {
            Some((Task::Digits(digits), _)) => digits.length + 2,
            Some((Task::File(_) | Task::Hub(_), longest)) => longest.unwrap_or(TEXT),
            None => 0,
        }
    }

    /// Returns the number of tokens of a response that ends by itself. For `digits`: the digits and the end; for files
    /// the longest that may be sampled.
    pub fn response(&self, data: &Stage) -> u64 {
        match data::settings(data).map(|data| data.task) {
            Some(Task::Digits(digits)) => digits.length + 1,
            Some(Task::File(_) | Task::Hub(_)) => self.longest_response(),
            None => 0,
        }
    }

    /// Returns the longest sampling of any policy; 16 if none is known yet.
    fn longest_response(&self) -> u64 {
        self.stages.values().filter_map(|stage| policy::most_new(stage)).max().unwrap_or(16)
    }

    /// Returns the longest response of a stage's policy; 16 if none is known.
    pub fn longest_of(&self, stage: &Stage) -> u64 {
        let first = stage.input("policy").map(|policy| ValueName::numbered(policy.block(), 0));
        let policy = first.and_then(|first| self.stage(&first));
        policy.and_then(policy::most_new).unwrap_or(16)
    }
}

/// Tells whether data are rows of files, whose length the plan does not know.
fn is_file(data: &Stage) -> bool {
    matches!(data::settings(data).map(|data| data.task), Some(Task::File(_) | Task::Hub(_)))
}
