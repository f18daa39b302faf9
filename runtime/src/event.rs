//! What a running plan tells the outside: the progress bar, the run directory and the report listen.

use std::collections::BTreeMap;

use pbpo_hub::records::{Said, Text};

use crate::error::Fault;
use crate::value::Value;

/// Named figures; names follow the conventions of the field (`objective/kl`, `rm/accuracy`).
pub type Metrics = BTreeMap<String, f64>;

/// One completion shown to a person.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Completion {
    pub prompt: String,
    pub completion: String,
    /// Score of the task's verifier, in 0..=1.
    pub score: f64,
}

/// Something that happened in a run.
#[derive(Clone, Debug)]
pub enum Event {
    /// A stage outside any loop begins; `reused`: another point of the sweep has run it.
    Stage { name: String, op: String, reused: bool },
    /// A checkpoint was read: by which name, at which commit of the cache, and the blake3 of its weights.
    Loaded { stage: String, name: String, revision: Option<String>, digest: String },
    /// Something that a person should know: rows that were left out, prompts that were cut.
    Notice { stage: String, text: String },
    /// A long stage went on (imitation): steps done, of how many, and its latest figures.
    Progress { stage: String, done: usize, total: usize, metrics: Metrics },
    /// An iteration of an outermost `repeat` ended: iterations done, of how many, its figures.
    Episode { done: usize, total: usize, metrics: Metrics },
    /// A policy was measured on held-out prompts. `label` is the report's name in the pipeline; `before`:
    /// it was measured in front of the loop that measures it; `step`: episodes done.
    Evaluation { label: String, before: bool, step: usize, metrics: Metrics, completions: Vec<Completion> },
    /// Figures of the run as a whole.
    Summary { metrics: Metrics },
    /// The run ended well: response tokens that were sampled in it.
    Usage { generated: u64 },
    /// New labelled pairs, to be stored before they are used.
    Preferences { records: Vec<PreferenceRecord> },
}

/// One labelled pair, as stored (field names of the TRL preference format).
#[derive(Clone, Debug, serde::Serialize)]
pub struct PreferenceRecord {
    pub episode: usize,
    #[serde(serialize_with = "text")]
    pub prompt: Text,
    #[serde(serialize_with = "text")]
    pub chosen: Text,
    #[serde(serialize_with = "text")]
    pub rejected: Text,
    /// That `chosen` is preferred; 1, a hard label, is not written.
    #[serde(skip_serializing_if = "is_hard")]
    pub probability: f32,
}

fn is_hard(probability: &f32) -> bool {
    *probability == 1.0
}

/// A string, or a list of messages.
fn text<S: serde::Serializer>(text: &Text, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::Serialize;
    match text {
        Text::Plain(text) | Text::Said(Said { text, .. }) => text.serialize(serializer),
        Text::Chat(chat) => chat.messages.serialize(serializer),
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
