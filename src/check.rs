//! `pbpoc check`: reports every error of files.

use std::path::{Path, PathBuf};

use clap::Args;
use pbpo_compiler::{Compiled, Input, fixes};
use pbpo_outside::shown;

use crate::cli::{Format, Overrides, eprint, report};
use crate::read;

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// .pbpo files
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub overrides: Overrides,
    /// Mend what can be mended without a thought, and report the rest
    #[arg(long)]
    pub fix: bool,
    /// Form of the report
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Checks files. Returns the exit code.
pub fn run(args: &CheckArgs) -> u8 {
    let lints = args.overrides.lints();
    let check = |name: &str, text: &str| {
        pbpo_compiler::check(Input { name, text, loader: &read::Disk, lints: &lints }, &args.overrides.set)
    };
    let compiled: Vec<Compiled> = args
        .files
        .iter()
        .map(|path| match read::text(path) {
            Ok(text) => {
                let name = path.display().to_string();
                let text = if args.fix { fix(path, &text, |text| check(&name, text)) } else { text };
                check(&name, &text)
            }
            Err(unreadable) => *unreadable,
        })
        .collect();
    let code = report(&compiled, args.format);
    if compiled.iter().all(|compiled| compiled.diagnostics.is_empty()) {
        let names: Vec<String> = args.files.iter().map(|path| path.display().to_string()).collect();
        eprint(&format!("ok: {}\n", shown::line(&names.join(", "))));
    }
    code
}

/// Applies fixes to a file. Returns its new text.
fn fix(path: &Path, text: &str, check: impl Fn(&str) -> Compiled) -> String {
    let (mended, count) = fixes::apply(text, check);
    if count == 0 {
        return mended;
    }
    match read::replace(path, &mended) {
        Ok(()) => {
            eprint(&format!("fixed {count} in {}\n", shown::line(&path.display().to_string())));
            mended
        }
        Err(error) => {
            eprint(&format!("error: `{}` can't be written: {error}\n", shown::line(&path.display().to_string())));
            text.to_owned()
        }
    }
}
