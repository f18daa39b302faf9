//! `pbpoc fmt`: lays out files in the standard format of the language.

use std::path::{Path, PathBuf};

use clap::Args;
use pbpo_compiler::{Compiled, Input};
use pbpo_grammar::fmt::format;
use pbpo_outside::shown;

use crate::cli::{DIAGNOSTICS, Format, OK, RUN_FAILED, eprint, print_exact, report};
use crate::read;

#[derive(Debug, Args)]
pub struct FmtArgs {
    /// .pbpo files; `-` formats what comes on stdin
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Change nothing; name the files that would be changed, and exit with 1 if there are any
    #[arg(long)]
    pub check: bool,
}

/// Formats files. Returns the exit code.
pub fn run(args: &FmtArgs) -> u8 {
    args.files.iter().map(|path| one(path, args.check)).max().unwrap_or(OK)
}

fn one(path: &Path, check: bool) -> u8 {
    let stdin = path.as_os_str() == "-";
    let text = if stdin {
        match read::all_of(std::io::stdin()) {
            Ok(text) => text,
            Err(reason) => {
                eprint(&format!("error: stdin can't be read: {reason}\n"));
                return DIAGNOSTICS;
            }
        }
    } else {
        match read::text(path) {
            Ok(text) => text,
            Err(unreadable) => return report(&[*unreadable], Format::Full),
        }
    };
    let name = path.display().to_string();
    let shown = shown::line(&name);
    let Ok(formatted) = format(&text) else {
        // The file is left unchanged, because text that can't be parsed can't be laid out.
        let mut compiled: Compiled =
            pbpo_compiler::check(Input { name: &name, text: &text, loader: &read::Disk, lints: &[] }, &[]);
        compiled.diagnostics.retain(|found| found.code.text().starts_with("PB01"));
        report(&[compiled], Format::Full);
        return DIAGNOSTICS;
    };
    if stdin && !check {
        print_exact(&formatted);
        return OK;
    }
    if formatted == text {
        return OK;
    }
    if check {
        eprint(&format!("not formatted: {shown}\n"));
        return DIAGNOSTICS;
    }
    match read::replace(path, &formatted) {
        Ok(()) => {
            eprint(&format!("formatted {shown}\n"));
            OK
        }
        Err(error) => {
            eprint(&format!("error: `{shown}` can't be written: {error}\n"));
            RUN_FAILED
        }
    }
}
