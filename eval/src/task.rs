//! What a task and a group of tasks are. A task's functions make text of a row; how it is scored is data.

use serde::Serialize;

use crate::data::{Dataset, Doc};
use crate::error::Error;
use crate::filter::Chain;
use crate::metric::ExactMatch;

/// A task of lm-eval: rows, a prompt, and a way to score answers.
#[derive(Debug)]
pub struct Task {
    /// As lm-eval names it; its key in the results.
    pub name: String,
    /// The short name in tables.
    pub alias: String,
    /// The version of lm-eval's task file.
    pub version: f64,
    pub dataset: Dataset,
    /// Stands before everything else.
    pub description: String,
    pub prompt: fn(&Doc) -> Result<String, Error>,
    pub shots: Shots,
    pub kind: Kind,
}

/// Solved examples before the question.
#[derive(Clone, Copy, Debug)]
pub enum Shots {
    /// None are to be had.
    Never,
    /// `default` examples of a split: its first ones, or a sample drawn anew for each document.
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
    /// Whether there is `acc_norm`, by log-likelihood per character, beside `acc`.
    pub norm: bool,
}

/// Which choices are right, counted from 0.
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
    /// The answer of each chain is scored by itself.
    pub filters: Vec<Chain>,
    pub compare: Compare,
}

/// New tokens where a task sets no limit: the default of lm-eval's models.
pub const MAX_TOKENS: usize = 256;

#[derive(Debug)]
pub enum Compare {
    /// `exact_match`
    Exact(ExactMatch),
    /// `acc`: the same mathematical answer.
    Math,
}

impl Task {
    /// The metrics of each document.
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
    /// As lm-eval writes it: text, or `N/A`.
    pub version: &'static str,
    /// Names of tasks, or of groups.
    pub members: Vec<String>,
    /// The metric and the filter of the mean, as `acc,none`.
    pub metric: (&'static str, &'static str),
}
