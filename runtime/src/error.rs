//! Errors of a run: one message, the stage it happened in, and advice.

use std::fmt;

/// A failed run. The command line adds the source line of the stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub message: String,
    /// The stage that failed; filled in by the executor.
    pub stage: Option<String>,
    pub help: Option<String>,
    /// The row of a batch that failed, until [`Self::name_row`] puts its name into the message.
    pub row: Option<usize>,
}

impl Fault {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), stage: None, help: None, row: None }
    }

    /// Makes the fault of a figure that is not finite: `what` names it.
    pub fn not_finite(what: &str, number: f64) -> Self {
        Self::new(format!("{what} is {number}, not a finite number"))
            .help("training that diverges ends so: lower the learning rate; or a setting is too large or too small")
    }

    /// The same of what a model computes from its weights.
    pub fn model_not_finite(what: &str, number: f64) -> Self {
        Self::not_finite(what, number).help(
            "either the weights are too large or broken (training that diverged, a damaged file), or a number of \
             `config.json` is wrong for them, such as a factor of `rope_scaling`; compare with the checkpoint's source",
        )
    }

    /// Sets the row of the batch that failed.
    pub fn at_row(mut self, row: usize) -> Self {
        self.row = Some(row);
        self
    }

    /// Puts the name of the failed row before the message, if the row is known.
    pub fn name_row(mut self, name: impl FnOnce(usize) -> String) -> Self {
        if let Some(row) = self.row.take() {
            self.message = format!("{}: {}", name(row), self.message);
        }
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Sets the stage, unless a nested one is set already.
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

/// Hub and judge have this error too.
impl From<pbpo_outside::Error> for Fault {
    fn from(error: pbpo_outside::Error) -> Self {
        Fault { help: error.help, ..Fault::new(error.message) }
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Fault::new(error.to_string())
    }
}
