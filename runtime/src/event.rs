//! What a running plan tells the outside: the progress bar, the run directory and the report listen.

use std::collections::BTreeMap;

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
pub enum Event<'a> {
    /// A stage outside any loop begins.
    Stage { name: &'a str, op: &'a str },
    /// A long stage went on (imitation): steps done, of how many, and its latest figures.
    Progress { stage: &'a str, done: usize, total: usize, metrics: &'a Metrics },
    /// An iteration of an outermost `repeat` ended: iterations done, of how many, its figures.
    Episode { done: usize, total: usize, metrics: &'a Metrics },
    /// A policy was measured on held-out prompts. `label` is the report's name in the pipeline; `before`:
    /// it was measured in front of the loop that measures it; `step`: episodes done.
    Evaluation { label: &'a str, before: bool, step: usize, metrics: &'a Metrics, completions: &'a [Completion] },
    /// New labelled pairs, to be stored before they are used.
    Preferences { records: &'a [PreferenceRecord] },
}

/// One labelled pair, as stored (field names of the TRL preference format).
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct PreferenceRecord {
    pub episode: usize,
    pub prompt: String,
    pub chosen: String,
    pub rejected: String,
}

/// Listens to a run. An error stops the run (a full disk, say).
pub trait Observer {
    fn event(&mut self, event: Event<'_>) -> std::io::Result<()>;
}
