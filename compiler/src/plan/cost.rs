//! What a plan will take, before it is run: tokens, steps, labels, parameters, memory; and time, given how
//! fast a machine is. Loops multiply.
//!
//! Responses of `digits` end by themselves behind `length` digits, so that is what is expected of them; what
//! `max_new` allows is the upper bound. Batches drawn from few preferences are smaller than they say.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::Serialize;
use serde_json::Value as Json;

use super::forward::forwards;
use super::identity::{Identity, identities};
use super::{Body, Plan, Stage};

/// Estimates. Tokens are those of prompts and responses where a model reads, of responses where it writes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Cost {
    /// Parameters of a model of the plan; all are of one shape as a rule: the largest.
    pub parameters: u64,
    pub generated_tokens: u64,
    /// What `max_new` allows.
    pub generated_tokens_most: u64,
    /// Forward and backward.
    pub trained_tokens: u64,
    /// Forward alone.
    pub scored_tokens: u64,
    pub optimizer_steps: u64,
    pub labelled_pairs: u64,
    /// Weights, gradients, optimizer states, the activations of the largest step, and 64 MiB for the rest.
    pub memory_bytes: u64,
    /// The parts by stage, most trained and generated tokens first.
    #[serde(skip)]
    pub stages: Vec<(String, u64)>,
}

/// Tokens a second of a machine at a shape.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Rates {
    pub trained: f64,
    pub generated: f64,
}

impl Cost {
    /// Of a plan; `vocabulary` gives the number of tokens of a task.
    pub fn of(plan: &Plan, vocabulary: impl Fn(&str) -> u64) -> Cost {
        Self::of_all(&[plan], vocabulary)
    }

    /// Of the points of a sweep, one after the other: what several have in common is done once.
    pub fn of_all(plans: &[&Plan], vocabulary: impl Fn(&str) -> u64) -> Cost {
        let mut total = Cost::default();
        let (mut stages, mut seen) = (BTreeMap::<String, u64>::new(), HashSet::<Identity>::new());
        for plan in plans {
            let names = identities(plan);
            let mut known = |stage: &Stage| names.get(&stage.name).is_some_and(|identity| !seen.insert(*identity));
            let done = |stage: &&Stage| !stage.saves() && known(stage);
            let done: HashSet<&str> = plan.body.stages().filter(done).map(|stage| stage.name.as_str()).collect();
            let (cost, vocabulary) = (Cost::default(), &vocabulary);
            let mut work = Work { cost, stages: BTreeMap::new(), done, vocabulary, activations: 0 };
            work.body(&plan.body, 1);
            work.memory(plan);
            total.add(&work.cost);
            work.cost.stages.into_iter().for_each(|(stage, tokens)| *stages.entry(stage).or_insert(0) += tokens);
        }
        total.stages = stages.into_iter().collect();
        total.stages.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        total
    }

    /// Another point behind this one: work adds up, room does not.
    fn add(&mut self, other: &Cost) {
        self.parameters = self.parameters.max(other.parameters);
        self.memory_bytes = self.memory_bytes.max(other.memory_bytes);
        self.generated_tokens += other.generated_tokens;
        self.generated_tokens_most += other.generated_tokens_most;
        self.trained_tokens += other.trained_tokens;
        self.scored_tokens += other.scored_tokens;
        self.optimizer_steps += other.optimizer_steps;
        self.labelled_pairs += other.labelled_pairs;
    }

    /// Seconds on a machine. A forward alone is a third of a training step.
    pub fn seconds(&self, rates: Rates) -> f64 {
        let trained = self.trained_tokens as f64 + self.scored_tokens as f64 / 3.0;
        trained / rates.trained + self.generated_tokens as f64 / rates.generated
    }
}

struct Work<'a> {
    cost: Cost,
    /// The stage of each value.
    stages: BTreeMap<&'a str, &'a Stage>,
    /// Stages outside of loops that a point before this one has had.
    done: HashSet<&'a str>,
    vocabulary: &'a dyn Fn(&str) -> u64,
    /// Floats that the largest step keeps for its backward pass.
    activations: u64,
}

fn int(stage: &Stage, key: &str) -> u64 {
    stage.config.get(key).and_then(Json::as_u64).unwrap_or(0)
}

impl<'a> Work<'a> {
    fn body(&mut self, body: &'a Body, times: u64) {
        for stage in body.stages() {
            self.stages.extend(stage.outputs.iter().map(|output| (output.as_str(), stage)));
            let times = if self.done.contains(stage.name.as_str()) { 0 } else { times };
            self.stage(stage, times);
            if let Some(inner) = &stage.body {
                self.body(inner, times.saturating_mul(int(stage, "count")));
                // Behind the loop a value is what comes out of it.
                for carry in &inner.carries {
                    if let Some(stage) = self.stages.get(carry.back.as_str()).copied() {
                        self.stages.insert(&carry.out, stage);
                    }
                }
            }
        }
    }

    fn stage(&mut self, stage: &'a Stage, times: u64) {
        if times == 0 {
            return;
        }
        let before = self.cost.generated_tokens + self.cost.trained_tokens + self.cost.scored_tokens;
        match stage.op.as_str() {
            "imitate" => {
                let (steps, batch) = (int(stage, "steps"), int(stage, "batch"));
                let row = self.prompt(stage, "data") + self.response(stage, "data");
                self.cost.optimizer_steps += steps * times;
                self.trains(stage, batch, row, steps * times);
                self.cost.parameters = self.cost.parameters.max(self.parameters(stage));
            }
            "sample" => self.generates(stage, "prompts", int(stage, "count"), int(stage, "max_new"), times),
            "explore" => {
                let against = stage.input("against").and_then(|value| self.stages.get(value).copied());
                let rows = against.map_or(0, |against| int(against, "count"));
                let candidates = int(stage, "candidates").max(1);
                let (prompt, new) = against.map_or((0, 0), |against| {
                    (self.prompt(against, "prompts"), self.response(against, "prompts").min(int(stage, "max_new")))
                });
                self.cost.generated_tokens += rows * candidates * new * times;
                self.cost.generated_tokens_most += rows * candidates * int(stage, "max_new") * times;
                // Features of every candidate, and of what they are compared with.
                self.cost.scored_tokens += rows * (candidates + 1) * (prompt + new) * times;
            }
            "evaluate" => {
                let data = stage.input("data").and_then(|value| self.stages.get(value).copied());
                let all = data.map_or(0, |data| int(data, "count"));
                let count = stage.config.get("count").and_then(Json::as_u64).unwrap_or(all).min(all);
                // Every so many iterations, and in the last one.
                let due = times.div_ceil(int(stage, "every").max(1)).max(1);
                let most = self.policy_setting(stage, "max_new");
                self.generates(stage, "data", count, most, due);
            }
            "label" => {
                let first = stage.input("first").and_then(|value| self.stages.get(value).copied());
                self.cost.labelled_pairs += first.map_or(0, |first| self.rows(first)) * times;
            }
            "ascend" | "descend" => {
                self.cost.optimizer_steps += times;
                let player = stage.input("player").unwrap_or_default();
                let needed = stage.objective.as_ref().map(forwards).unwrap_or_default();
                let mut floats = 0;
                for forward in needed {
                    let Some(batch) = self.stages.get(forward.batch.value.as_str()).copied() else { continue };
                    let (rows, row) = (self.rows(batch), self.row(batch));
                    if forward.player == player {
                        self.cost.trained_tokens += rows * row * times;
                        floats += rows * row * self.floats_a_token(row);
                    } else {
                        self.cost.scored_tokens += rows * row * times;
                    }
                }
                self.activations = self.activations.max(floats);
            }
            _ => {}
        }
        let after = self.cost.generated_tokens + self.cost.trained_tokens + self.cost.scored_tokens;
        if after > before {
            self.cost.stages.push((format!("{} = {}", stage.name, stage.op), after - before));
        }
    }

    fn generates(&mut self, stage: &'a Stage, port: &str, rows: u64, most: u64, times: u64) {
        self.cost.generated_tokens += rows * self.response(stage, port).min(most) * times;
        self.cost.generated_tokens_most += rows * most * times;
    }

    fn trains(&mut self, stage: &Stage, rows: u64, row: u64, times: u64) {
        self.cost.trained_tokens += rows * row * times;
        let floats = rows * row * model_floats(stage.config.get("model"), row, self.vocabulary_of(stage));
        self.activations = self.activations.max(floats);
    }

    /// Rows of rollouts or preferences.
    fn rows(&self, stage: &Stage) -> u64 {
        let from = |port: &str| stage.input(port).and_then(|value| self.stages.get(value).copied());
        match stage.op.as_str() {
            "sample" | "draw" => int(stage, "count"),
            "explore" => from("against").map_or(0, |against| self.rows(against)),
            "label" => from("first").map_or(0, |first| self.rows(first)),
            "append" => from("batch").map_or(0, |batch| self.rows(batch)),
            _ => 0,
        }
    }

    /// Tokens of a row, prompt and response.
    fn row(&self, stage: &'a Stage) -> u64 {
        let source = self.source(stage, &mut BTreeSet::new());
        source.map_or(0, |data| 2 * int(data, "length") + 3)
    }

    /// The data that rows come from, by way of whatever made them.
    fn source(&self, stage: &'a Stage, seen: &mut BTreeSet<&'a str>) -> Option<&'a Stage> {
        if stage.op == "data" {
            return Some(stage);
        }
        if !seen.insert(&stage.name) {
            return None;
        }
        let ports = ["prompts", "against", "first", "batch", "preferences", "data"];
        let makers: Vec<&'a Stage> = ports
            .iter()
            .filter_map(|port| stage.input(port))
            .filter_map(|value| self.stages.get(value).copied())
            .collect();
        makers.into_iter().find_map(|maker| self.source(maker, seen)).or_else(|| {
            // A set that a loop carries has its pairs from the data that anything is sampled on.
            self.stages.values().copied().find(|other| other.op == "data")
        })
    }

    /// Tokens of a prompt: one for the start, the digits, one for `=`.
    fn prompt(&self, stage: &Stage, port: &str) -> u64 {
        self.length(stage, port) + 2
    }

    /// Tokens of an answer: the digits and the end.
    fn response(&self, stage: &Stage, port: &str) -> u64 {
        self.length(stage, port) + 1
    }

    fn length(&self, stage: &Stage, port: &str) -> u64 {
        stage.input(port).and_then(|value| self.stages.get(value)).map_or(0, |data| int(data, "length"))
    }

    fn policy_setting(&self, stage: &Stage, key: &str) -> u64 {
        let name = stage.input("policy").and_then(|value| value.split('@').next()).unwrap_or_default();
        let first = format!("{name}@0");
        let policy = self.stages.get(first.as_str());
        policy.and_then(|policy| policy.config.get("sampling")?.get(key)?.as_u64()).unwrap_or(16)
    }

    fn vocabulary_of(&self, imitate: &Stage) -> u64 {
        let data = imitate.input("data").and_then(|value| self.stages.get(value));
        data.and_then(|data| data.config.get("task")?.as_str()).map_or(0, |task| (self.vocabulary)(task))
    }

    /// Weights of the model that an `imitate` stage trains.
    fn parameters(&self, imitate: &Stage) -> u64 {
        let Some(model) = imitate.config.get("model") else { return 0 };
        let of = |key: &str| model.get(key).and_then(Json::as_u64).unwrap_or(0);
        let (width, heads) = (of("width"), of("heads").max(1));
        let attention = 2 * width * width + 2 * width * (width / heads * of("kv_heads"));
        let block = attention + 3 * width * of("ff") + 2 * width;
        2 * self.vocabulary_of(imitate) * width + of("layers") * block + width
    }

    fn floats_a_token(&self, row: u64) -> u64 {
        let imitate = self.stages.values().find(|stage| stage.op == "imitate");
        imitate.map_or(0, |imitate| model_floats(imitate.config.get("model"), row, self.vocabulary_of(imitate)))
    }

    /// Weights of every model, with gradients and two moments for those that move.
    fn memory(&mut self, plan: &Plan) {
        let weights = self.cost.parameters * 4;
        let copies: u64 = plan
            .body
            .stages()
            .map(|stage| match stage.op.as_str() {
                // Weights, those of the step under way, gradients, two moments.
                "policy" | "reward_model" => 5,
                "imitate" | "follow" | "features" => 1,
                _ => 0,
            })
            .sum();
        self.cost.memory_bytes = weights * copies + self.activations * 4 + (64 << 20);
    }
}

/// Floats that a token of a training row keeps for the backward pass: about twice what the forward makes.
fn model_floats(model: Option<&Json>, row: u64, vocabulary: u64) -> u64 {
    let of = |key: &str| model.and_then(|model| model.get(key)).and_then(Json::as_u64).unwrap_or(0);
    let block = 9 * of("width") + 2 * of("heads") * row + 4 * of("ff");
    2 * (of("layers") * block + 3 * vocabulary)
}
