//! Estimates a plan's cost before it is run: tokens, steps, labels, parameters, memory; and time, from the speed of a
//! machine. Loops multiply.
//!
//! Responses of `digits` end after `length` digits, so that length is expected of them; `max_new` gives the upper
//! bound. Prompts of files are assumed to be as long as `longest` allows, or 512 tokens. Batches drawn from few
//! preferences are smaller than their nominal size.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::flow::Flow;
use super::identity::{Identity, identities};
use super::memory::{Memory, Sizes};
use super::ops::repeat;
use super::walk::{Cursor, Kind, Walk};
use super::{Plan, Stage};

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

/// The share of one stage, in all its runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    pub generated: u64,
    /// What `max_new` allows.
    pub generated_most: u64,
    pub trained: u64,
    pub scored: u64,
    pub optimizer_steps: u64,
    pub labelled_pairs: u64,
}

/// Tokens a second of a machine at a shape.
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
            work.plan(plan);
            total.add(&work.cost);
            work.cost.stages.into_iter().for_each(|(stage, tokens)| *stages.entry(stage).or_insert(0) += tokens);
        }
        total.stages = stages.into_iter().collect();
        total.stages.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        total
    }

    fn spend(&mut self, spent: Spent) {
        self.generated_tokens += spent.generated;
        self.generated_tokens_most += spent.generated_most;
        self.trained_tokens += spent.trained;
        self.scored_tokens += spent.scored;
        self.optimizer_steps += spent.optimizer_steps;
        self.labelled_pairs += spent.labelled_pairs;
    }

    /// Another point behind this one: work adds up, room does not.
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
    /// Walks through each loop once, and counts its stages as often as they run.
    fn plan(&mut self, plan: &'a Plan) {
        let (walk, mut cursor) = (Walk::at_most(plan, 1), Cursor::default());
        let mut times = vec![1_u64];
        while let Some(step) = walk.at(&cursor) {
            let stage = step.stage;
            let around = times.last().copied().unwrap_or(0);
            let here = if self.done.contains(stage.name.as_str()) { 0 } else { around };
            match step.kind {
                Kind::Run => {
                    self.flow.reach(stage);
                    self.stage(stage, here);
                }
                Kind::Begin | Kind::Skip => {
                    self.flow.reach(stage);
                    times.push(here.saturating_mul(repeat::count(stage)));
                }
                Kind::Again { .. } | Kind::End => {}
            }
            if matches!(step.kind, Kind::End | Kind::Skip) {
                step.body().into_iter().for_each(|body| self.flow.leave(body));
                times.pop();
            }
            walk.advance(&mut cursor);
        }
    }

    fn stage(&mut self, stage: &'a Stage, times: u64) {
        if times == 0 {
            return;
        }
        let spent = (stage.op.info().cost)(stage, &self.flow, times);
        self.cost.spend(spent);
        let tokens = spent.generated + spent.trained + spent.scored;
        if tokens > 0 {
            self.cost.stages.push((format!("{} = {}", stage.name, stage.op), tokens));
        }
    }
}
