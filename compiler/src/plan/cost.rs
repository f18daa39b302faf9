//! Estimates a plan's cost before it is run: tokens, steps, labels, parameters, memory; and time, from the speed of a
//! machine. Loops multiply.
//!
//! Responses of `digits` end after `length` digits, so that length is expected of them; `max_new` gives the upper
//! bound. Prompts of files are assumed to be as long as `longest` allows, or 512 tokens. Batches drawn from few
//! preferences are smaller than their nominal size.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::flow::{Flow, int};
use super::forward::forwards;
use super::identity::{Identity, identities};
use super::memory::{Memory, Sizes};
use super::{Body, Plan, Stage};

/// The estimates. Tokens are those of prompts and responses if a model reads, of responses if it writes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Cost {
    pub generated_tokens: u64,
    /// The upper bound by `max_new`.
    pub generated_tokens_most: u64,
    /// The tokens of forward and backward passes.
    pub trained_tokens: u64,
    /// The tokens of forward passes alone.
    pub scored_tokens: u64,
    pub optimizer_steps: u64,
    pub labelled_pairs: u64,
    /// The memory at its peak.
    pub memory: Memory,
    /// The parts by stage, those with the most trained and generated tokens first.
    #[serde(skip)]
    pub stages: Vec<(String, u64)>,
}

/// The tokens per second of a machine at a shape.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Rates {
    pub trained: f64,
    pub generated: f64,
}

impl Cost {
    /// Estimates a plan.
    pub fn of(plan: &Plan, sizes: &Sizes<'_>) -> Cost {
        Self::of_all(&[plan], sizes)
    }

    /// Estimates the points of a sweep, run one after the other: shared stages are counted once.
    pub fn of_all(plans: &[&Plan], sizes: &Sizes<'_>) -> Cost {
        let mut total = Cost::default();
        let (mut stages, mut seen) = (BTreeMap::<String, u64>::new(), HashSet::<Identity>::new());
        for plan in plans {
            let names = identities(plan);
            let mut known = |stage: &Stage| names.get(&stage.name).is_some_and(|identity| !seen.insert(*identity));
            let done = |stage: &&Stage| !stage.saves() && known(stage);
            let done: HashSet<&str> = plan.body.stages().filter(done).map(|stage| stage.name.as_str()).collect();
            let cost = Cost { memory: Memory::of(plan, sizes), ..Cost::default() };
            let mut work = Work { cost, flow: Flow::default(), done };
            work.body(&plan.body, 1);
            total.add(&work.cost);
            work.cost.stages.into_iter().for_each(|(stage, tokens)| *stages.entry(stage).or_insert(0) += tokens);
        }
        total.stages = stages.into_iter().collect();
        total.stages.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        total
    }

    /// Adds another point that runs later: work adds up, memory does not.
    fn add(&mut self, other: &Cost) {
        if other.memory.total > self.memory.total {
            self.memory = other.memory.clone();
        }
        self.generated_tokens += other.generated_tokens;
        self.generated_tokens_most += other.generated_tokens_most;
        self.trained_tokens += other.trained_tokens;
        self.scored_tokens += other.scored_tokens;
        self.optimizer_steps += other.optimizer_steps;
        self.labelled_pairs += other.labelled_pairs;
    }

    /// Returns the seconds on a machine. A forward alone takes a third of a training step.
    pub fn seconds(&self, rates: Rates) -> f64 {
        let trained = self.trained_tokens as f64 + self.scored_tokens as f64 / 3.0;
        trained / rates.trained + self.generated_tokens as f64 / rates.generated
    }
}

struct Work<'a> {
    cost: Cost,
    flow: Flow<'a>,
    /// The stages outside of loops of earlier points.
    done: HashSet<&'a str>,
}

impl<'a> Work<'a> {
    fn body(&mut self, body: &'a Body, times: u64) {
        for stage in body.stages() {
            self.flow.reach(stage);
            let times = if self.done.contains(stage.name.as_str()) { 0 } else { times };
            self.stage(stage, times);
            if let Some(inner) = &stage.body {
                self.body(inner, times.saturating_mul(int(stage, "count")));
                self.flow.leave(inner);
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
                let row = self.flow.from(stage, "data").map_or(0, |data| {
                    self.flow.prompt(data) + self.flow.response(data).max(self.flow.written(stage, data))
                });
                self.cost.optimizer_steps += steps * times;
                self.cost.trained_tokens += batch * row * steps * times;
            }
            "sample" => self.generates(stage, "prompts", int(stage, "count"), int(stage, "max_new"), times),
            "explore" => {
                let against = self.flow.from(stage, "against");
                let rows = against.map_or(0, |against| int(against, "count"));
                let candidates = int(stage, "candidates").max(1);
                let data = against.and_then(|against| self.flow.from(against, "prompts"));
                let (prompt, new) = data.map_or((0, 0), |data| {
                    (self.flow.prompt(data), self.flow.response(data).min(int(stage, "max_new")))
                });
                self.cost.generated_tokens += rows * candidates * new * times;
                self.cost.generated_tokens_most += rows * candidates * int(stage, "max_new") * times;
                // Features are computed for every candidate and for the rows they are compared with.
                self.cost.scored_tokens += rows * (candidates + 1) * (prompt + new) * times;
            }
            "evaluate" => {
                // It runs every so many iterations, and in the last one.
                let due = times.div_ceil(int(stage, "every").max(1)).max(1);
                let most = self.flow.sampling(stage, "max_new");
                self.generates(stage, "data", self.flow.evaluated(stage), most, due);
            }
            "label" => {
                let first = self.flow.from(stage, "first");
                self.cost.labelled_pairs += first.map_or(0, |first| self.flow.rows(first)) * times;
            }
            "ascend" | "descend" => {
                self.cost.optimizer_steps += times;
                let player = stage.input("player").unwrap_or_default();
                for forward in stage.objective.as_ref().map(forwards).unwrap_or_default() {
                    let Some(batch) = self.flow.stage(&forward.batch.value) else { continue };
                    let (prompt, response) = self.flow.row(batch);
                    let tokens = self.flow.rows(batch) * (prompt + response) * times;
                    if forward.player == player {
                        self.cost.trained_tokens += tokens;
                    } else {
                        self.cost.scored_tokens += tokens;
                    }
                }
            }
            _ => {}
        }
        let after = self.cost.generated_tokens + self.cost.trained_tokens + self.cost.scored_tokens;
        if after > before {
            self.cost.stages.push((format!("{} = {}", stage.name, stage.op), after - before));
        }
    }

    fn generates(&mut self, stage: &'a Stage, port: &str, rows: u64, most: u64, times: u64) {
        let new = self.flow.from(stage, port).map_or(0, |data| self.flow.response(data)).min(most);
        self.cost.generated_tokens += rows * new * times;
        self.cost.generated_tokens_most += rows * most * times;
    }
}
