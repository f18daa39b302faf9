//! What a running plan tells the outside: the progress bar, the run directory and the report listen.

use std::collections::BTreeMap;

use pbpo_hub::records::{Text, write_row};
use pbpo_plan::Op;

use crate::error::Fault;
use crate::value::Value;

/// Named figures; names follow the conventions of the field (`objective/kl`, `rm/accuracy`).
pub type Metrics = BTreeMap<String, f64>;

/// One completion shown to a person.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Completion {
    pub prompt: String,
    pub completion: String,
    /// Score of the task's verifier, in 0..=1, if scores were asked for.
    pub score: Option<f64>,
}

/// One evaluation of a policy.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The report's name in the pipeline.
    pub label: String,
    /// The policy's block and the data's, as `pi on held`: evaluations of one subject may be compared.
    pub subject: String,
    /// A loop makes it: in one of its iterations, or before the first of them.
    pub looped: bool,
    /// It was made before the first iteration of its loop.
    pub before: bool,
    /// Iterations of outermost loops that were done, those of earlier loops included.
    pub step: usize,
    pub metrics: Metrics,
    pub completions: Vec<Completion>,
}

/// Something that happened in a run.
#[derive(Clone, Debug)]
pub enum Event {
    /// A stage outside any loop begins; `reused`: another point of the sweep has run it.
    Stage { name: String, op: Op, reused: bool },
    /// A checkpoint was read: by which name, at which commit of the cache, and the blake3 of its weights.
    Loaded { stage: String, name: String, revision: Option<String>, digest: String },
    /// Something that a person should know: rows that were left out, prompts that were cut.
    Notice { stage: String, text: String },
    /// A long stage went on (imitation): steps done, of how many, and its latest figures.
    Progress { stage: String, done: usize, total: usize, metrics: Metrics },
    /// An iteration of an outermost `repeat` ended: iterations done, of how many, its figures. `step` counts the
    /// iterations of all outermost loops so far.
    Episode { done: usize, total: usize, step: usize, metrics: Metrics },
    /// A stage outside of any loop ended, which recorded figures; `step` as above.
    Figures { stage: String, step: usize, metrics: Metrics },
    /// A policy was measured on held-out prompts.
    Evaluation(Evaluation),
    /// Figures of the run as a whole.
    Summary { metrics: Metrics },
    /// The run ended well: response tokens that were sampled in it.
    Usage { generated: u64 },
    /// New labelled pairs, to be stored before they are used.
    Preferences { records: Vec<PreferenceRecord> },
}

impl Event {
    /// The figures that it tells.
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
    /// Iterations of outermost loops so far, with the one under way.
    pub episode: usize,
    pub prompt: Text,
    pub chosen: Text,
    pub rejected: Text,
    /// That `chosen` is preferred; 1, a hard label, is not written.
    pub probability: f32,
}

impl serde::Serialize for PreferenceRecord {
    /// `said` holds of each response that a policy said what its text does not tell.
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

/// A player to be written as it is.
pub struct Checkpoint<'a> {
    /// Who asks for it.
    pub stage: &'a str,
    /// The player's block.
    pub name: &'a str,
    /// Iterations of outermost loops that are done.
    pub step: usize,
    /// How many of this stage's checkpoints stay, the newest ones; all where absent.
    pub keep: Option<usize>,
    pub player: &'a Value,
}

/// Listens to a run. An error stops the run (a full disk, say).
pub trait Observer {
    fn event(&mut self, event: &Event) -> std::io::Result<()>;

    /// Writes a checkpoint, where the run leaves something on disk.
    fn save(&mut self, _: &Checkpoint<'_>) -> Result<(), Fault> {
        Ok(())
    }
}
