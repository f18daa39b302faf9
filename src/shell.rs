//! `pbpoc completions` and `pbpoc man`.

use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::cli::{Cli, OK, RUN_FAILED, eprint, print_exact};

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// Prints the completions of a shell. Returns the exit code.
pub fn completions(args: &CompletionsArgs) -> u8 {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "pbpoc", &mut text);
    print_exact(&String::from_utf8_lossy(&text));
    OK
}

#[derive(Debug, Args)]
pub struct ManArgs {
    /// Where to write one page for each command; default: the main page on stdout
    pub dir: Option<PathBuf>,
}

/// Writes the manual pages. Returns the exit code.
pub fn man(args: &ManArgs) -> u8 {
    let written = match &args.dir {
        Some(dir) => std::fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(Cli::command(), dir)),
        None => {
            let mut text = Vec::new();
            let made = clap_mangen::Man::new(Cli::command()).render(&mut text);
            print_exact(&String::from_utf8_lossy(&text));
            made
        }
    };
    match written {
        Ok(()) => OK,
        Err(error) => {
            eprint(&format!("error: the manual can't be written: {error}\n"));
            RUN_FAILED
        }
    }
}
