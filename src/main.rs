//! `pbpoc`: compiles and runs `.pbpo` files. One file per subcommand; this one only dispatches.

mod bench;
mod bench_compile;
mod bench_lsp;
mod bug;
mod check;
mod checkpoint;
mod cli;
mod doc;
mod doctor;
mod explain;
mod explain_passes;
mod fmt;
mod library;
mod lsp;
mod params;
mod plan;
mod plan_cost;
mod plan_diff;
mod read;
mod run;
mod shell;
mod sizes;
mod ui;

use std::process::ExitCode;

use cli::{Cli, Command, Failure};

/// The allocator. A run allocates and frees many tensors: this one reduces its CPU time to about 0.7.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    bug::keep_panics();
    ExitCode::from(bug::guarded(|| cli::parsed().map_or_else(|code| code, |cli| command(&cli))))
}

/// Runs the command. Returns its exit code.
fn command(cli: &Cli) -> u8 {
    cli::choose_color(cli.color);
    let done = match &cli.command {
        Command::Check(args) => Ok(check::run(args)),
        Command::Plan(args) => plan::run(args),
        Command::Run(args) => run::run(args),
        Command::Params(args) => params::run(args),
        Command::Fmt(args) => Ok(fmt::run(args)),
        Command::Explain(args) => Ok(explain::run(args)),
        Command::Doc => Ok(doc::run()),
        Command::Std(args) => Ok(library::run(args)),
        Command::Doctor => Ok(doctor::run()),
        Command::Score(args) => Ok(checkpoint::score::run(args)),
        Command::Generate(args) => Ok(checkpoint::generate::run(args)),
        Command::Export(args) => Ok(checkpoint::export::run(args)),
        Command::Eval(args) => Ok(checkpoint::eval::run(args)),
        Command::Bench(args) => Ok(bench::run(args)),
        Command::Lsp => Ok(lsp::run()),
        Command::Completions(args) => Ok(shell::completions(args)),
        Command::Man(args) => Ok(shell::man(args)),
    };
    let (Ok(code) | Err(Failure(code))) = done;
    code
}
