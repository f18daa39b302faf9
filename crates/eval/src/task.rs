//! Types of tasks and groups of tasks. A task's functions make text from a row; its scoring is data.

use serde::Serialize;

use crate::Error;
use crate::data::{Dataset, Doc};
use crate::filter::Chain;
use crate::metric::ExactMatch;

/// A task of lm-eval: rows, a prompt, and a way to score answers.
#[derive(Debug)]
pub struct Task {
    /// The name in lm-eval, which is the key in the results.
    pub name: String,
    /// The short name in tables.
    pub alias: String,
    /// The version of lm-eval's task file.
    pub version: f64,
    pub dataset: Dataset,
    /// The text before everything else.
    pub description: String,
    pub prompt: fn(&Doc) -> Result<String, Error>,
    pub shots: Shots,
    pub kind: Kind,
}

/// Solved examples before the question.
#[derive(Clone, Copy, Debug)]
pub enum Shots {
    /// No examples are available.
    Never,
    /// `default` examples of a split: its first ones, or a new sample for each document.
    From { split: &'static str, default: usize, sampled: bool },
}

#[derive(Debug)]
pub enum Kind {
    Choice(Choice),
    Generate(Generate),
}

/// The choice with the largest log-likelihood is the answer.
#[derive(Debug)]
pub struct Choice {
    pub choices: fn(&Doc) -> Result<Vec<String>, Error>,
    pub gold: fn(&Doc) -> Result<Gold, Error>,
    /// True if there is `acc_norm`, by log-likelihood per character, beside `acc`.
    pub norm: bool,
}

/// The right choices, counted from 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Gold {
    One(usize),
    Any(Vec<i64>),
}

impl Gold {
    pub fn holds(&self, choice: usize) -> bool {
        match self {
            Gold::One(gold) => *gold == choice,
            Gold::Any(golds) => golds.iter().any(|gold| usize::try_from(*gold) == Ok(choice)),
        }
    }
}

/// The answer is taken from generated text.
#[derive(Debug)]
pub struct Generate {
    pub target: fn(&Doc) -> Result<String, Error>,
    pub stop: &'static [&'static str],
    pub max_tokens: usize,
    /// The chains of filters; the answer of each is scored separately.
    pub filters: Vec<Chain>,
    pub compare: Compare,
}

/// The number of new tokens if a task sets no limit: the default of lm-eval's models.
pub const MAX_TOKENS: usize = 256;

#[derive(Debug)]
pub enum Compare {
    /// The metric `exact_match`.
    Exact(ExactMatch),
    /// The metric `acc`: the same mathematical answer.
    Math,
}

impl Task {
    /// Returns the metrics of each document.
    pub fn metrics(&self) -> &'static [&'static str] {
        match &self.kind {
            Kind::Choice(Choice { norm: true, .. }) => &["acc", "acc_norm"],
            Kind::Choice(_) | Kind::Generate(Generate { compare: Compare::Math, .. }) => &["acc"],
            Kind::Generate(_) => &["exact_match"],
        }
    }
}

/// Tasks with a mean over all their documents.
#[derive(Clone, Debug)]
pub struct Group {
    pub name: String,
    pub alias: String,
    /// The version as lm-eval writes it: text, or `N/A`.
    pub version: &'static str,
    /// Names of tasks, or of groups.
    pub members: Vec<String>,
    /// The metric and the filter of the mean, as `acc,none`.
    pub metric: (&'static str, &'static str),
}
