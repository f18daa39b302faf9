//! The lines of a run's logs.
//!
//! `events.jsonl` has one JSON object a line, whose `kind` says what happened: its form is [`Line`]. The first line
//! names the version. Another version, an unknown kind and an unknown field are refused, so that no reader misses
//! something that a later version says. `metrics.jsonl` holds the figures of episodes and stages; nothing is in both
//! but evaluations, whose figures `metrics.jsonl` has for its readers.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use pbpo_plan::Op;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::error::Fault;
use crate::event::{Evaluation, Event, Metrics};

/// The version of the form of `events.jsonl`.
pub const VERSION: u32 = 1;

/// The names of an imitation's figures begin with this in `metrics.jsonl`.
pub const IMITATE: &str = "imitate/";

/// A line of `events.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Line {
    /// The first line.
    Log {
        version: u32,
    },
    /// A stage outside any loop begins; `reused`: another point of the sweep has run it.
    Stage {
        name: String,
        op: Op,
        reused: bool,
    },
    /// A stage read a checkpoint.
    Model {
        stage: String,
        name: String,
        revision: Option<String>,
        digest: String,
    },
    Notice {
        stage: String,
        text: String,
    },
    Evaluation(Evaluation),
    /// Figures of the run as a whole.
    Summary {
        metrics: Metrics,
    },
    /// The number of response tokens sampled in a run that ended well.
    Usage {
        generated: u64,
    },
    /// A stage has written a checkpoint of a player and keeps its newest `keep` ones, or all.
    Checkpoint {
        stage: String,
        player: String,
        step: usize,
        keep: Option<usize>,
    },
}

impl Line {
    /// Returns the line of an event, or `None` if `metrics.jsonl` or `preferences.jsonl` holds the event.
    pub fn of(event: &Event) -> Option<Self> {
        let line = match event {
            Event::Stage { name, op, reused } => Line::Stage { name: name.clone(), op: *op, reused: *reused },
            Event::Loaded { stage, name, revision, digest } => {
                let (stage, name, revision, digest) = (stage.clone(), name.clone(), revision.clone(), digest.clone());
                Line::Model { stage, name, revision, digest }
            }
            Event::Notice { stage, text } => Line::Notice { stage: stage.clone(), text: text.clone() },
            Event::Evaluation(evaluation) => Line::Evaluation(evaluation.clone()),
            Event::Summary { metrics } => Line::Summary { metrics: metrics.clone() },
            Event::Usage { generated } => Line::Usage { generated: *generated },
            Event::Progress { .. } | Event::Episode { .. } | Event::Figures { .. } | Event::Preferences { .. } => {
                return None;
            }
        };
        Some(line)
    }

    pub fn read(text: &[u8]) -> Result<Self, String> {
        match serde_json::from_slice(text).map_err(|error| error.to_string())? {
            Line::Log { version } if version != VERSION => {
                Err(format!("the log has version {version}, and this pbpoc reads version {VERSION}"))
            }
            line => Ok(line),
        }
    }
}

/// The figures of a line of `metrics.jsonl`.
pub enum Figures {
    Episode(Metrics),
    /// Figures of a stage outside of loops.
    Stage(Metrics),
    /// Figures on the way of an imitation, or of an evaluation, which `events.jsonl` has too.
    Other,
}

impl Figures {
    pub fn read(text: &[u8]) -> Result<Self, String> {
        let mut map: Map<String, Json> = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let step = map.remove("step").is_some_and(|step| step.is_u64());
        let kinds = ["split", "stage", "evaluation"].map(|kind| map.remove(kind));
        let figure = |(name, value): (String, Json)| match value.as_f64() {
            Some(value) => Ok((name, value)),
            None => Err(format!("`{name}` is {value} and should be a number")),
        };
        let metrics = map.into_iter().map(figure).collect::<Result<Metrics, String>>()?;
        match kinds {
            [Some(Json::String(split)), None, None] if step && split == "train" => Ok(Figures::Episode(metrics)),
            [None, Some(Json::String(_)), None] if step => {
                let imitates = metrics.keys().all(|name| name.starts_with(IMITATE));
                Ok(if imitates { Figures::Other } else { Figures::Stage(metrics) })
            }
            [None, None, Some(Json::String(_))] if step => Ok(Figures::Other),
            _ => Err("a line needs a `step` and one of `split`, `stage` and `evaluation`".into()),
        }
    }
}

/// Calls `each` with every line of a log. An incomplete last line, which a killed run leaves, is left out; any other
/// line that can't be read is an error with the file and the line's number.
pub fn read(path: &Path, mut each: impl FnMut(&[u8]) -> Result<(), String>) -> Result<(), Fault> {
    let failed = |what: String| Fault::new(format!("`{}`{what}", path.display()));
    let mut file = BufReader::new(File::open(path).map_err(|error| failed(format!(" can't be read: {error}")))?);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        file.read_until(b'\n', &mut line).map_err(|error| failed(format!(" can't be read: {error}")))?;
        let Some(text) = line.strip_suffix(b"\n") else { break };
        each(text).map_err(|error| failed(format!(", line {number}, is damaged: {error}")))?;
    }
    Ok(())
}
