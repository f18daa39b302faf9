//! `data`: the examples of a task, or the rows of files.

use serde::{Deserialize, Serialize};

use crate::Stage;

use super::{Info, flattened, free, no_rows, nothing};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    #[serde(flatten)]
    pub task: Task,
    /// Longer prompts are left out, in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest: Option<u64>,
    /// How a response to a row of a file is scored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
}

/// Where the examples come from: one variant for each task of `stdlib/tasks.pbpo`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub enum Task {
    Digits(Digits),
    File(File),
    Hub(Hub),
}

/// The part of a task that a data block takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    Train,
    Prompts,
    Test,
}

impl Split {
    /// Returns the split's name in a file.
    pub fn word(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Prompts => "prompts",
            Split::Test => "test",
        }
    }
}

/// The settings of `digits(...)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Digits {
    pub split: Split,
    /// The number of examples.
    pub count: u64,
    /// The number of digits in a prompt.
    pub length: u64,
    /// The share of demonstrations written by a careless writer.
    pub careless: f64,
    /// The seed of the data set; it does not depend on the run's seed.
    pub seed: u64,
}

/// The settings of `file(...)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct File {
    /// A path relative to the directory of the .pbpo file.
    pub path: String,
    #[serde(flatten)]
    pub rows: Rows,
}

/// The settings of `hub(...)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hub {
    /// `ORG/NAME`, `ORG/NAME@REVISION`, or a directory.
    pub name: String,
    pub split: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subset: Option<String>,
    #[serde(flatten)]
    pub rows: Rows,
}

/// How the rows of files are read: the names of columns, if they are not the usual ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rows {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_template_kwargs: Option<String>,
    pub bad_rows: BadRows,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefill: Option<Prefill>,
    /// The number of examples, the first ones; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

/// What becomes of a row that can't be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BadRows {
    /// The run stops.
    #[default]
    Fail,
    /// The row is left out and counted.
    Skip,
}

/// What becomes of a chat that ends with the assistant's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prefill {
    /// Its row can't be read.
    Refuse,
    /// The response continues the turn.
    Continue,
}

/// How a response is compared with the right answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum Check {
    Exact { ignore: Vec<Ignored> },
    Numeric { tolerance: f64 },
    Regex { pattern: String, group: u64 },
}

/// What does not count in an exact comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ignored {
    Case,
    Space,
    Punctuation,
}

/// Returns the settings of a stage that makes data.
pub fn settings(stage: &Stage) -> Option<Settings> {
    stage.settings().ok()
}

impl Settings {
    /// Returns the number of examples; `None` if the file decides.
    pub fn count(&self) -> Option<u64> {
        match &self.task {
            Task::Digits(digits) => Some(digits.count),
            Task::File(File { rows, .. }) | Task::Hub(Hub { rows, .. }) => rows.count,
        }
    }
}

impl Task {
    /// Returns the task's name in a file.
    pub fn word(&self) -> &'static str {
        match self {
            Task::Digits(_) => "digits",
            Task::File(_) => "file",
            Task::Hub(_) => "hub",
        }
    }
}

pub(super) const INFO: Info = Info {
    version: 1,
    random: false,
    source: true,
    leaves: false,
    player: false,
    reads_responses: false,
    objective: false,
    batch: None,
    settings: flattened::<Settings>,
    rows: no_rows,
    cost: free,
    room: nothing,
};
