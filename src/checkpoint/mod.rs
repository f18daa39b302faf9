//! Commands that work on a checkpoint, without a .pbpo file: `score`, `generate`, `export`, `eval`.

pub mod eval;
pub mod export;
pub mod generate;
pub mod score;

use std::path::PathBuf;

use clap::Args;
use pbpo_hub::records::{self, Columns, OnBad, Record};
use pbpo_runtime::Fault;
use pbpo_runtime::device::{self, Choice};
use pbpo_runtime::host::Host;
use pbpo_runtime::language_model::LanguageModel;
use pbpo_runtime::model::Compute;

use crate::cli::{OK, eprint, some_threads};
use crate::run::report_fault;

/// Which checkpoint, and where it runs.
#[derive(Args, Debug)]
pub struct ModelArgs {
    /// A Hugging Face directory, a PEFT adapter's, or ORG/NAME[@REVISION] in the local cache.
    #[arg(long, value_name = "NAME")]
    pub model: String,
    /// auto, cpu, or cuda:N.
    #[arg(long, default_value = "auto")]
    device: Choice,
    /// Threads of the CPU backend; default: all.
    #[arg(long, value_parser = some_threads)]
    threads: Option<usize>,
    /// f32 or bf16, which halves the memory, and is quick on a GPU alone.
    #[arg(long, default_value = "f32", value_name = "NUMBERS")]
    compute: Compute,
}

impl ModelArgs {
    /// The place that it runs at; paths are relative to the working directory.
    pub fn host(&self) -> Result<Host, Fault> {
        device::use_threads(self.threads);
        Ok(Host::from(&device::open(self.device)?.0))
    }

    pub fn load(&self) -> Result<LanguageModel, Fault> {
        LanguageModel::load(&self.model, &self.host()?, self.compute)
    }
}

/// Data files and their columns.
#[derive(Args, Debug)]
pub struct RecordArgs {
    /// JSON lines, a JSON list, or Parquet (a build with that feature).
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Column of the prompt.
    #[arg(long, value_name = "COLUMN")]
    prompt: Option<String>,
    /// Column of the completion.
    #[arg(long, value_name = "COLUMN")]
    completion: Option<String>,
    /// The first rows only.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl RecordArgs {
    pub fn read(&self) -> Result<Vec<Record>, Fault> {
        let (prompt, completion) = (self.prompt.clone(), self.completion.clone());
        let columns = Columns { prompt, completion, ..Columns::default() };
        let read = records::read(std::slice::from_ref(&self.data), &columns, OnBad::Fatal, self.limit)?;
        if read.records.is_empty() {
            return Err(Fault::new(format!("there are no rows in {}", self.data.display())));
        }
        Ok(read.records)
    }
}

/// The fault of a continuation without a token of its own.
fn no_token(text: &str, model: &str) -> Fault {
    Fault::new(match text {
        "" => "the completion is empty: no token of it can be scored".to_owned(),
        text => {
            format!("by the tokenizer of `{model}`, {text:?} has no token of its own after its prompt: one spans both")
        }
    })
}

/// Says how many texts did not fit.
fn tell_cut(cut: usize, all: usize, context: usize) {
    if cut > 0 {
        eprint(&format!(
            "note: {cut} of {all} texts do not fit into the model's context of {context} tokens: their beginning was cut off\n"
        ));
    }
}

/// The exit code of a command's outcome; a fault is printed.
pub fn ended(outcome: Result<(), Fault>) -> u8 {
    match outcome {
        Ok(()) => OK,
        Err(fault) => report_fault(&fault),
    }
}
