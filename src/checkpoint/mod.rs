//! Commands that work on a checkpoint, without a .pbpo file: `score`, `generate`, `export`, `eval`.

pub mod eval;
pub mod export;
pub mod generate;
pub mod score;

use std::path::{Path, PathBuf};

use clap::Args;
use pbpo_hub::records::{self, Columns, OnBad, Reading, Record, Settings};
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
    /// Returns the place that it runs at; paths are relative to the working directory.
    pub fn host(&self) -> Result<Host, Fault> {
        device::use_threads(self.threads);
        Ok(Host::from(&device::open(self.device)?.0))
    }

    pub fn load(&self) -> Result<LanguageModel, Fault> {
        LanguageModel::load(&self.model, &self.host()?, self.compute)
    }
}

/// A data file and its columns.
#[derive(Args, Debug)]
pub struct RecordArgs {
    /// JSON lines, a JSON list, or Parquet (a build with that feature).
    #[arg(long, value_name = "FILE")]
    pub data: PathBuf,
    #[command(flatten)]
    pub rows: RowArgs,
    /// Column of the completion; else `completion`.
    #[arg(long, value_name = "COLUMN")]
    completion: Option<String>,
}

/// How rows are read: as the data blocks of a .pbpo file read them.
#[derive(Args, Debug)]
pub struct RowArgs {
    /// Column of the prompt; else `prompt`, or what `chosen` and `rejected` begin with.
    #[arg(long, value_name = "COLUMN", requires = "data")]
    prompt: Option<String>,
    /// Column of the preferred response of a pair; else `chosen`.
    #[arg(long, value_name = "COLUMN", requires = "data")]
    chosen: Option<String>,
    /// Column of the other response of a pair; else `rejected`.
    #[arg(long, value_name = "COLUMN", requires = "data")]
    rejected: Option<String>,
    /// Column of the tools that a chat template lists; else `tools`.
    #[arg(long, value_name = "COLUMN", requires = "data")]
    tools: Option<String>,
    /// Column of further variables of the chat template; else `chat_template_kwargs`.
    #[arg(long, value_name = "COLUMN", requires = "data")]
    chat_template_kwargs: Option<String>,
    /// What becomes of a row that can't be read: an error, as without this, or it is left out and counted.
    #[arg(long, value_parser = ["fail", "skip"], hide_possible_values = true, value_name = "fail|skip", requires = "data")]
    bad_rows: Option<String>,
    /// What becomes of a chat that ends with the assistant's turn: its row can't be read, as without this, or that turn
    /// is continued.
    #[arg(long, value_parser = ["refuse", "continue"], hide_possible_values = true, value_name = "refuse|continue", requires = "data")]
    prefill: Option<String>,
    /// The first rows only.
    #[arg(long, value_name = "N", requires = "data")]
    limit: Option<usize>,
}

impl RecordArgs {
    pub fn read(&self) -> Result<Vec<Record>, Fault> {
        self.rows.read(&self.data, self.completion.clone(), false)
    }
}

impl RowArgs {
    /// Tells whether rows that can't be read are left out.
    pub fn skips(&self) -> bool {
        self.bad_rows.as_deref() == Some("skip")
    }

    /// The first option that was given, if any.
    fn given(&self) -> Option<&'static str> {
        [
            ("--prompt", self.prompt.is_some()),
            ("--chosen", self.chosen.is_some()),
            ("--rejected", self.rejected.is_some()),
            ("--tools", self.tools.is_some()),
            ("--chat-template-kwargs", self.chat_template_kwargs.is_some()),
            ("--bad-rows", self.bad_rows.is_some()),
            ("--prefill", self.prefill.is_some()),
            ("--limit", self.limit.is_some()),
        ]
        .into_iter()
        .find_map(|(option, is_given)| is_given.then_some(option))
    }

    /// Reads a file, and says what was left out of it and how else it was read. `asks`: prompts that are texts are what a
    /// user says.
    fn read(&self, data: &Path, completion: Option<String>, asks: bool) -> Result<Vec<Record>, Fault> {
        let columns = Columns {
            prompt: self.prompt.clone(),
            completion,
            chosen: self.chosen.clone(),
            rejected: self.rejected.clone(),
            tools: self.tools.clone(),
            chat_template_kwargs: self.chat_template_kwargs.clone(),
            ..Columns::default()
        }
        .texts_only();
        let reading = Reading {
            columns,
            on_bad: if self.skips() { OnBad::Skip } else { OnBad::Fatal },
            limit: self.limit,
            continues: self.prefill.as_deref() == Some("continue"),
            asks,
            pairs: false,
            settings: Settings::Options,
        };
        let read = records::read(&[data.to_owned()], &reading)?;
        let left = read.left_out();
        if read.records.is_empty() {
            let none = format!("there are no rows in {}", data.display());
            return Err(Fault::new(left.unwrap_or(none)));
        }
        left.into_iter().chain(read.notes).for_each(|note| eprint(&format!("note: {note}\n")));
        Ok(read.records)
    }
}

/// Says which date the chat template has written into prompts.
fn tell_date(model: &LanguageModel) {
    if let Some(notice) = model.tokenizer.date_notice() {
        eprint(&format!("note: {notice}\n"));
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

/// Reports how many texts did not fit.
fn tell_cut(cut: usize, all: usize, context: usize) {
    if cut > 0 {
        eprint(&format!(
            "note: {cut} of {all} texts do not fit into the model's context of {context} tokens: their beginning was cut off\n"
        ));
    }
}

/// Returns the exit code of a command's result; prints a fault.
pub fn ended(outcome: Result<(), Fault>) -> u8 {
    match outcome {
        Ok(()) => OK,
        Err(fault) => report_fault(&fault),
    }
}
