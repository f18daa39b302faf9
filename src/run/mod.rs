//! `pbpoc run`: compiles a file, runs a pipeline or every point of a sweep, and prints the results.
//!
//! `memory.rs`: the check of memory; `point.rs`: one point; `outcome.rs`: its figures and completions; `sweep.rs`:
//! several points, with shared stages run once; `table.rs`: their figures, averaged over seeds; `curves.rs`: their
//! regret, drawn with bands over seeds.

mod curves;
mod memory;
mod outcome;
mod point;
mod sweep;
mod table;

use std::path::PathBuf;

use clap::Args;
use pbpo_compiler::Compiled;
use pbpo_runtime::Fault;
use pbpo_runtime::device::{self, Choice};
use pbpo_runtime::host::{Host, SendKey};
use pbpo_runtime::shared::Shared;

use crate::cli::{Failure, OK, RUN_FAILED, Source, eprint, some_threads};

/// Options of `run`.
#[derive(Args, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    source: Source,
    /// auto, cpu, or cuda:N. `auto` takes the first GPU that this binary can use, else the CPU.
    #[arg(long, default_value = "auto")]
    device: Choice,
    /// Threads of the CPU backend; the results do not depend on it. Default: all.
    #[arg(long, value_parser = some_threads)]
    threads: Option<usize>,
    /// Directory that run directories are made in.
    #[arg(long, default_value = "runs", value_name = "DIR")]
    out: PathBuf,
    /// `json` prints one JSON object a point on stdout.
    #[arg(long, value_parser = ["text", "json"], default_value = "text")]
    format: String,
    /// Run the plan as it was written, without the passes that make it faster; the results are the same.
    #[arg(long)]
    no_passes: bool,
    /// Run also what needs more memory than is free, by the estimate of `plan --cost`.
    #[arg(long)]
    any_memory: bool,
    /// Let the key in an environment variable go to a host that a judge's `url` names: NAME@HOST[:PORT], or over plain
    /// http to another machine NAME@http://HOST[:PORT]. A file alone sends OPENAI_API_KEY to OpenAI and to the host of
    /// OPENAI_BASE_URL, and no other key anywhere. May be given several times
    #[arg(long, value_name = "NAME@HOST")]
    send_key: Vec<SendKey>,
    /// No progress on stderr.
    #[arg(long)]
    quiet: bool,
}

/// The settings that all points of a run share.
struct Setting<'a> {
    args: &'a RunArgs,
    compiled: &'a Compiled,
    host: Host,
    /// The device's name, for the manifest.
    device_name: String,
}

/// Runs a file. Returns the exit code: 0 done, 1 diagnostics, 3 the run failed.
pub fn run(args: &RunArgs) -> Result<u8, Failure> {
    device::use_threads(args.threads);
    let compiled = args.source.compile()?;
    let (device, device_name) = match device::open(args.device) {
        Ok(opened) => opened,
        Err(fault) => return Ok(report_fault(&fault)),
    };
    let base = args.source.base();
    if let Some(refused) = (!args.any_memory).then(|| memory::refusal(&compiled.points, &base, &device_name)).flatten()
    {
        let sources = compiled.sources.clone();
        args.source.print(&Compiled { diagnostics: vec![refused], sources, ..Compiled::default() });
        return Ok(RUN_FAILED);
    }
    let mut host = Host::new(device, base, Some(args.out.join("answers.jsonl")));
    host.send_keys.clone_from(&args.send_key);
    let setting = Setting { args, compiled: &compiled, host, device_name };
    let stem = args.source.file.file_stem().map_or("run".into(), |s| s.to_string_lossy().into_owned());
    match compiled.points.as_slice() {
        [only] => {
            let name = format!("{stem}-{}", only.plan.pipeline);
            let path = match point::directory(&args.out, &name) {
                Ok(path) => path,
                Err(fault) => return Ok(report_fault(&fault)),
            };
            match point::run(&setting, only, path, &mut Shared::default(), Some("")) {
                Ok(ended) => {
                    point::print_outcome(args, only, &ended);
                    Ok(OK)
                }
                Err(code) => Ok(code),
            }
        }
        points => Ok(sweep::run(&setting, points, &stem)),
    }
}

/// Prints a fault that has no place in the file. Returns the exit code.
pub fn report_fault(fault: &Fault) -> u8 {
    eprint(&format!("error: {fault}\n"));
    if let Some(help) = &fault.help {
        eprint(&format!("help: {help}\n"));
    }
    RUN_FAILED
}
