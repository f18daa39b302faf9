//! `pbpoc check`: every error of files.

use std::path::PathBuf;

use clap::Args;
use pbpo_compiler::{Compiled, Input};

use crate::cli::{Format, Overrides, eprint, report};
use crate::read;

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// .pbpo files
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub overrides: Overrides,
    /// Form of the report
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Checks; the exit code.
pub fn run(args: &CheckArgs) -> u8 {
    let lints = args.overrides.lints();
    let compiled: Vec<Compiled> = args
        .files
        .iter()
        .map(|path| match read::text(path) {
            Ok(text) => {
                let name = path.display().to_string();
                let input = Input { name: &name, text: &text, loader: &read::Disk, lints: &lints };
                pbpo_compiler::check(input, &args.overrides.set)
            }
            Err(unreadable) => *unreadable,
        })
        .collect();
    let code = report(&compiled, args.format);
    if compiled.iter().all(|compiled| compiled.diagnostics.is_empty()) {
        let names: Vec<String> = args.files.iter().map(|path| path.display().to_string()).collect();
        eprint(&format!("ok: {}\n", names.join(", ")));
    }
    code
}
