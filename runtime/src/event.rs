//! Events of a running plan; the progress bar, the run directory and the report listen.

use std::collections::BTreeMap;

use pbpo_hub::records::{Text, write_row};
use pbpo_plan::Op;

use crate::error::Fault;
use crate::player::Player;

/// Named figures; names follow the conventions of the field (`objective/kl`, `rm/accuracy`).
pub type Metrics = BTreeMap<String, f64>;

/// One completion shown to a person.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Completion {
    pub prompt: String,
    pub completion: String,
    /// The score of the task's verifier, in 0..=1, if scores were requested.
    pub score: Option<f64>,
}

/// One evaluation of a policy.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// The report's name in the pipeline.
    pub label: String,
    /// The policy's block and the data's, as `pi on held`: only evaluations of one subject are compared.
    pub subject: String,
    /// True if the evaluation belongs to a loop: it is made in an iteration, or before the first one.
    pub looped: bool,
    /// True if it was made before the first iteration of its loop.
    pub before: bool,
    /// The number of finished iterations of outermost loops, including earlier loops.
    pub step: usize,
    pub metrics: Metrics,
    pub completions: Vec<Completion>,
}

/// An event in a run.
#[derive(Clone, Debug)]
pub enum Event {
    /// A stage outside any loop begins; `reused`: another point of the sweep has run it.
    Stage { name: String, op: Op, reused: bool },
    /// A checkpoint was read: by which name, at which commit of the cache, and the blake3 of its weights.
    Loaded { stage: String, name: String, revision: Option<String>, digest: String },
    /// A notice for the user: rows that were left out, prompts that were cut.
    Notice { stage: String, text: String },
    /// A long stage advanced (imitation): the steps done and in all, and its latest figures.
    Progress { stage: String, done: usize, total: usize, metrics: Metrics },
    /// An iteration of an outermost `repeat` ended: the iterations done and in all, and its figures. `step` counts the
    /// iterations of all outermost loops so far.
    Episode { done: usize, total: usize, step: usize, metrics: Metrics },
    /// A stage outside of any loop ended and recorded figures; `step` as above.
    Figures { stage: String, step: usize, metrics: Metrics },
    /// A policy was measured on held-out prompts.
    Evaluation(Evaluation),
    /// Figures of the run as a whole.
    Summary { metrics: Metrics },
    /// The run ended well; the number of response tokens sampled in it.
    Usage { generated: u64 },
    /// New labelled pairs, to be stored before they are used.
    Preferences { records: Vec<PreferenceRecord> },
}

impl Event {
    /// Returns the figures of the event.
    pub fn metrics(&self) -> Option<&Metrics> {
        match self {
            Event::Progress { metrics, .. }
            | Event::Episode { metrics, .. }
            | Event::Figures { metrics, .. }
            | Event::Evaluation(Evaluation { metrics, .. })
            | Event::Summary { metrics } => Some(metrics),
            Event::Stage { .. } | Event::Loaded { .. } | Event::Notice { .. } | Event::Usage { .. } => None,
            Event::Preferences { .. } => None,
        }
    }
}

/// One labelled pair, as stored (field names of the TRL preference format).
#[derive(Clone, Debug)]
pub struct PreferenceRecord {
    /// The number of iterations of outermost loops, including the current one.
    pub episode: usize,
    pub prompt: Text,
    pub chosen: Text,
    pub rejected: Text,
    /// The probability that `chosen` is preferred; 1, a hard label, is not written.
    pub probability: f32,
}

impl serde::Serialize for PreferenceRecord {
    /// Writes the record. `said` holds, for each response of a policy, the details that its text lacks.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("episode", &self.episode)?;
        let texts = [("prompt", &self.prompt), ("chosen", &self.chosen), ("rejected", &self.rejected)];
        write_row(&mut map, &texts, |map| match self.probability {
            1.0 => Ok(()),
            probability => map.serialize_entry("probability", &probability),
        })?;
        map.end()
    }
}

/// A player to be written in its current state.
pub struct Checkpoint<'a> {
    /// The stage that saves it.
    pub stage: &'a str,
    /// The player's block.
    pub name: &'a str,
    /// The number of finished iterations of outermost loops.
    pub step: usize,
    /// The number of this stage's newest checkpoints to keep; all if absent.
    pub keep: Option<usize>,
    pub player: &'a Player,
}

/// A listener of a run. An error stops the run (a full disk, for example).
pub trait Observer {
    fn event(&mut self, event: &Event) -> std::io::Result<()>;

    /// Writes a checkpoint, if the run writes to disk.
    fn save(&mut self, _: &Checkpoint<'_>) -> Result<(), Fault> {
        Ok(())
    }
}
