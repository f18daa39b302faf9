//! What goes wrong in a run: one clear message, the stage it happened in, and what to do.

use std::fmt;

/// A failed run. The command line adds the source line of the stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub message: String,
    /// The stage that failed; filled in by the executor.
    pub stage: Option<String>,
    pub help: Option<String>,
}

impl Fault {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), stage: None, help: None }
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Names the stage, unless a deeper one is named already.
    pub fn in_stage(mut self, stage: &str) -> Self {
        self.stage.get_or_insert_with(|| stage.to_owned());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.stage {
            Some(stage) => write!(f, "stage `{stage}`: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Fault {}

impl From<pbpo_hub::Error> for Fault {
    fn from(error: pbpo_hub::Error) -> Self {
        Fault { message: error.message, stage: None, help: error.help }
    }
}

impl From<pbpo_judge::Error> for Fault {
    fn from(error: pbpo_judge::Error) -> Self {
        Fault { message: error.message, stage: None, help: error.help }
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Fault::new(error.to_string())
    }
}
