//! `pbpoc run`: compiles a file, runs its pipeline, and says what came of it.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use clap::Args;
use pbpo_compiler::code::Code;
use pbpo_compiler::diagnostic::Diagnostic;
use pbpo_compiler::plan::Plan;
use pbpo_compiler::{Compiled, Planned, Span};
use pbpo_runtime::device::{self, Choice};
use pbpo_runtime::env::Env;
use pbpo_runtime::rundir::RunDir;
use pbpo_runtime::{Fault, execute};
use serde::Serialize;

use crate::cli::{DIAGNOSTICS, Failure, OK, RUN_FAILED, Source, eprint, print};
use crate::ui::{Both, Progress, summary};

/// Options of `run`.
#[derive(Args, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    source: Source,
    /// auto, cpu, or cuda:N. `auto` takes the first GPU that this binary can use, else the CPU.
    #[arg(long, default_value = "auto")]
    device: Choice,
    /// Threads of the CPU backend; the results do not depend on it. Default: all.
    #[arg(long)]
    threads: Option<usize>,
    /// Directory that run directories are made in.
    #[arg(long, default_value = "runs", value_name = "DIR")]
    out: PathBuf,
    /// `json` prints one JSON object a point on stdout.
    #[arg(long, value_parser = ["text", "json"], default_value = "text")]
    format: String,
    /// No progress on stderr.
    #[arg(long)]
    quiet: bool,
}

/// The JSON line of a point.
#[derive(Serialize)]
struct Outcome<'a> {
    point: &'a str,
    seed: u64,
    seconds: f64,
    run_dir: String,
    metrics: pbpo_runtime::event::Metrics,
}

/// Runs; the exit code: 0 done, 1 diagnostics, 3 the run failed.
pub fn run(args: &RunArgs) -> Result<u8, Failure> {
    device::use_threads(args.threads);
    let compiled = args.source.compile()?;
    let Some(Planned { plan, spans }) = compiled.points.first() else { return Ok(DIAGNOSTICS) };
    let (device, name) = match device::open(args.device) {
        Ok(opened) => opened,
        Err(fault) => return Ok(report_fault(&fault)),
    };
    let stem = args.source.file.file_stem().map_or("run".into(), |s| s.to_string_lossy());
    let mut dir = match RunDir::create(&args.out, &format!("{stem}-{}", plan.pipeline), plan, &name) {
        Ok(dir) => dir,
        Err(error) => {
            let message = format!("no run directory can be made in `{}`: {error}", args.out.display());
            return Ok(report_fault(&Fault::new(message).help("choose another place with --out DIR")));
        }
    };
    let mut progress = Progress::new(args.quiet);
    let mut env = Env::default();
    let ran = guarded(|| execute(plan, &device, &mut Both(&mut dir, &mut progress), &mut env));
    progress.finish();
    let ended = ran.and_then(|()| dir.finish(plan, &env).map_err(Fault::from));
    match ended {
        Ok(()) => {
            print_outcome(args, plan, &dir);
            Ok(OK)
        }
        Err(fault) => {
            // The failure itself is what the user must see, whether or not the manifest takes it.
            let _ = dir.fail(&fault.to_string(), &env);
            let code = report_stage_fault(&fault, &compiled, spans, &args.source);
            eprint(&format!("what the run had until then is in {}\n", dir.path().display()));
            Ok(code)
        }
    }
}

/// Turns a panic of the backend (out of memory, a lost device) into a fault.
fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(Fault::new(format!("the backend stopped: {}", text.unwrap_or("no message"))))
    })
}

fn print_outcome(args: &RunArgs, plan: &Plan, dir: &RunDir) {
    if args.format == "json" {
        let outcome = Outcome {
            point: &plan.point,
            seed: plan.seed,
            seconds: dir.seconds(),
            run_dir: dir.path().display().to_string(),
            metrics: dir.results(),
        };
        print(&format!("{}\n", serde_json::to_string(&outcome).unwrap_or_default()));
    } else {
        let (table, seconds, path) = (summary(dir), dir.seconds(), dir.path().display());
        print(&format!("{table}\n{} in {seconds:.1} s; everything is in {path}\n", plan.point));
    }
}

/// Prints a fault that has no place in the file; the exit code.
pub fn report_fault(fault: &Fault) -> u8 {
    eprint(&format!("error: {fault}\n"));
    if let Some(help) = &fault.help {
        eprint(&format!("help: {help}\n"));
    }
    RUN_FAILED
}

/// Prints a fault at the source line of its stage.
fn report_stage_fault(fault: &Fault, compiled: &Compiled, spans: &BTreeMap<String, Span>, source: &Source) -> u8 {
    let Some((stage, span)) = fault.stage.as_ref().and_then(|s| spans.get(s).map(|span| (s, *span))) else {
        return report_fault(fault);
    };
    let diagnostic = Diagnostic::error(Code::StageFailed, span, fault.message.clone())
        .label(format!("stage `{stage}`"))
        .maybe_help(fault.help.clone());
    source.print(&Compiled { diagnostics: vec![diagnostic], sources: compiled.sources.clone(), ..Compiled::default() });
    RUN_FAILED
}
