//! The command line: arguments, exit codes, and the display of findings.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::{Args, Parser, Subcommand, ValueEnum};
use pbpo_compiler::render::{full, json, narrated, short, summary};
use pbpo_compiler::{Compiled, Input};
use pbpo_grammar::ast::Level;
use pbpo_outside::shown::{is_control, lines};

/// The exit code without errors.
pub const OK: u8 = 0;
/// The exit code for errors in a file.
pub const DIAGNOSTICS: u8 = 1;
/// The exit code of a wrong command line; clap uses it too.
pub const USAGE: u8 = 2;
/// The exit code of a failed run. (70 is a bug: `bug.rs`.)
pub const RUN_FAILED: u8 = 3;

/// A compiler and runtime for preference-based policy optimization
#[derive(Debug, Parser)]
#[command(name = "pbpoc", version, propagate_version = true)]
#[command(after_help = "Exit codes: 0 done, 1 errors in the file, 2 usage, 3 the run failed, 70 a bug in pbpoc.")]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,

    /// Color of messages
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
}

/// Returns the command line, or the exit code of a wrong one. Its message repeats the typed text, which may come from
/// elsewhere, so it is escaped.
pub fn parsed() -> Result<Cli, u8> {
    let typed = || std::env::args_os().any(|arg| arg.to_string_lossy().chars().any(is_control));
    Cli::try_parse().map_err(|error| {
        if !error.use_stderr() || !typed() {
            error.exit();
        }
        eprint(&error.render().to_string());
        USAGE
    })
}

/// A new subcommand: a variant here, its file, a line in `main.rs`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Report every error of files, without running anything
    Check(crate::check::CheckArgs),
    /// Show what a pipeline would do: its stages and what flows between them
    Plan(crate::plan::PlanArgs),
    /// Run a pipeline, or every point of a sweep
    Run(crate::run::RunArgs),
    /// Log-probabilities of completions under a checkpoint
    Score(crate::checkpoint::score::ScoreArgs),
    /// Complete prompts with a checkpoint
    Generate(crate::checkpoint::generate::GenerateArgs),
    /// Write a checkpoint as a Hugging Face directory: adapters merged, or in another number format
    Export(crate::checkpoint::export::ExportArgs),
    /// Score a checkpoint on benchmarks, as lm-evaluation-harness does
    Eval(crate::checkpoint::eval::EvalArgs),
    /// List the parameters of a file, or say why a value is what it is
    Params(crate::params::ParamsArgs),
    /// Lay files out in the one format of the language
    Fmt(crate::fmt::FmtArgs),
    /// Say what a diagnostic code is about
    Explain(crate::explain::ExplainArgs),
    /// Print the reference of the language in Markdown
    Doc,
    /// Show the standard library
    Std(crate::library::StdArgs),
    /// Show version, features, devices and threads
    Doctor,
    /// Measure tokens per second of training and sampling
    Bench(crate::bench::BenchArgs),
    /// Serve an editor: diagnostics, hover, completion, definition, rename, formatting, fixes
    Lsp,
    /// Print the completions of a shell
    Completions(crate::shell::CompletionsArgs),
    /// Write the manual pages
    Man(crate::shell::ManArgs),
}

/// A command that ended early and has printed its messages; holds the exit code.
#[derive(Clone, Copy, Debug)]
pub struct Failure(pub u8);

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

/// Form of findings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// With the source and labels
    #[default]
    Full,
    /// One line each
    Short,
    /// In sentences, for screen readers
    Narrated,
    /// One JSON object
    Json,
}

/// Values that override those of the file.
#[derive(Clone, Debug, Default, Args)]
pub struct Overrides {
    /// Override a value: a parameter (`beta=0.1`), a field (`pi.optimizer.lr=1e-4`), or the number of
    /// iterations of a pipeline (`main.episodes=5`)
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// Say nothing of a lint (`all`: of any)
    #[arg(long, value_name = "LINT")]
    pub allow: Vec<String>,
    /// Make a lint a warning
    #[arg(long, value_name = "LINT")]
    pub warn: Vec<String>,
    /// Make a lint an error
    #[arg(long, value_name = "LINT")]
    pub deny: Vec<String>,
}

impl Overrides {
    /// Returns the levels of lints; if several options name one, the strictest counts.
    pub fn lints(&self) -> Vec<(Level, String)> {
        let levels = [(Level::Allow, &self.allow), (Level::Warn, &self.warn), (Level::Deny, &self.deny)];
        levels.iter().flat_map(|(level, names)| names.iter().map(|name| (*level, name.clone()))).collect()
    }
}

/// What to compile: a file, what of it, and overrides.
#[derive(Clone, Debug, Args)]
pub struct Source {
    /// A .pbpo file
    pub file: PathBuf,
    /// A pipeline, variant, sweep, or one point of a sweep (`grid[beta=0.1,seed=2]`); default: the
    /// only pipeline
    pub target: Option<String>,
    #[command(flatten)]
    pub overrides: Overrides,
}

impl Source {
    /// Compiles the source, and shows the findings on stderr. Fails if there is an error.
    pub fn compile(&self) -> Result<Compiled, Failure> {
        let compiled = match crate::read::text(&self.file) {
            Ok(text) => {
                let name = self.file.display().to_string();
                let lints = self.overrides.lints();
                let input = Input { name: &name, text: &text, loader: &crate::read::Disk, lints: &lints };
                pbpo_compiler::compile(input, self.target.as_deref(), &self.overrides.set)
            }
            Err(unreadable) => *unreadable,
        };
        self.print(&compiled);
        if compiled.failed() { Err(Failure(DIAGNOSTICS)) } else { Ok(compiled) }
    }

    /// Returns the directory from which relative paths of the file start.
    pub fn base(&self) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).to_owned()
    }

    /// Shows findings on stderr, with the source.
    pub fn print(&self, compiled: &Compiled) {
        report(std::slice::from_ref(compiled), Format::Full);
    }
}

/// Reads `--threads`; 0 is refused, because no work could be done.
pub fn some_threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1; leave it out for all".into()),
        Ok(threads) if threads > pbpo_runtime::device::MOST_THREADS => {
            Err(format!("at most {}", pbpo_runtime::device::MOST_THREADS))
        }
        Ok(threads) => Ok(threads),
        Err(_) => Err("a whole number, at least 1".into()),
    }
}

/// The value of `--color`.
static COLOR: OnceLock<Color> = OnceLock::new();

/// Sets the use of color, once, for every message.
pub fn choose_color(color: Color) {
    // The first value stays.
    let _ = COLOR.set(color);
}

fn style() -> full::Style {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let color = match COLOR.get().unwrap_or(&Color::Auto) {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => !set("NO_COLOR") && (set("CLICOLOR_FORCE") || std::io::stderr().is_terminal()),
    };
    full::Style { color, width: said_columns().unwrap_or(100).clamp(40, 160) }
}

/// Returns the value of COLUMNS.
fn said_columns() -> Option<usize> {
    std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok())
}

/// Returns the width of tables on stdout: COLUMNS, or the terminal's width, or 100 without a terminal.
pub fn columns() -> usize {
    let terminal = || console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    said_columns().or_else(terminal).unwrap_or(100).max(40)
}

/// Shows the findings of files: JSON on stdout, everything else on stderr. Returns the exit code.
pub fn report(compiled: &[Compiled], format: Format) -> u8 {
    let mut text = String::new();
    match format {
        Format::Json => print_exact(&format!("{}\n", json::render(compiled))),
        Format::Short => compiled.iter().for_each(|compiled| text.push_str(&short::render(compiled))),
        Format::Narrated => compiled.iter().for_each(|compiled| text.push_str(&narrated::render(compiled))),
        Format::Full => {
            let style = style();
            compiled.iter().for_each(|compiled| text.push_str(&full::render(compiled, style)));
            if let Some(summary) = summary(compiled.iter().flat_map(|compiled| &compiled.diagnostics)) {
                text.push_str(&format!("{summary}\n"));
            }
        }
    }
    // The renderer makes its own colors, and has escaped the texts of files.
    write_stderr(&text);
    if compiled.iter().any(Compiled::failed) { DIAGNOSTICS } else { OK }
}

/// Writes text for people to stdout, with its control characters escaped except newlines and tabs.
pub fn print(text: &str) {
    print_exact(&lines(text));
}

/// Writes text for people, or exact data.
pub fn print_either(text: &str, exact: bool) {
    if exact { print_exact(text) } else { print(text) }
}

/// Writes JSON, or a file's own text, to stdout unchanged. A closed pipe is not an error; a full disk is.
pub fn print_exact(text: &str) {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            eprint(&format!("error: the output can't be written: {error}\n"));
            std::process::exit(i32::from(RUN_FAILED));
        }
        _ => {}
    }
}

/// Writes a message to stderr, with its control characters escaped except newlines and tabs.
pub fn eprint(text: &str) {
    write_stderr(&lines(text));
}

/// Writes to stderr; a closed pipe is not an error.
fn write_stderr(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
