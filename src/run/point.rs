//! Runs one point.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use pbpo_compiler::code::Code;
use pbpo_compiler::diagnostic::Diagnostic;
use pbpo_compiler::{Compiled, Planned};
use pbpo_outside::shown::{line, lines};
use pbpo_plan::identity::identities_of_made;
use pbpo_plan::passes;
use pbpo_runtime::event::Metrics;
use pbpo_runtime::rundir::{RunDir, next_free};
use pbpo_runtime::shared::Shared;
use pbpo_runtime::state::RunState;
use pbpo_runtime::{Fault, execute_as};
use serde::Serialize;

use super::outcome::summary;
use super::{RunArgs, Setting, report_fault};
use crate::bug::{self, BUG, Panic};
use crate::cli::{RUN_FAILED, columns, eprint, print, print_exact};
use crate::plan_cost::cost;
use crate::ui::{Both, Progress};

/// A completed point.
pub struct Ended {
    pub dir: RunDir,
    pub seconds: f64,
}

/// The JSON line of a point.
#[derive(Serialize)]
struct Outcome<'a> {
    point: &'a str,
    seed: u64,
    seconds: f64,
    run_dir: String,
    metrics: Metrics,
}

/// Returns the next free directory of a name.
pub fn directory(out: &Path, name: &str) -> Result<PathBuf, Fault> {
    next_free(out, name).map_err(|error| unwritable(out, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Fault {
    let message = format!("no run directory can be made in `{}`: {error}", path.display());
    Fault::new(message).help("choose another place with --out DIR")
}

/// Runs a point in an existing directory. `title` precedes its progress; without one no progress is shown. Reports a
/// failure and returns its exit code.
pub fn run(
    setting: &Setting<'_>,
    point: &Planned,
    path: PathBuf,
    shared: &mut Shared,
    title: Option<&str>,
) -> Result<Ended, u8> {
    let plan = &point.plan;
    let parent = path.clone();
    let mut dir =
        RunDir::create(path, plan, &setting.device_name).map_err(|error| report_fault(&unwritable(&parent, &error)))?;
    dir.expect(&cost(&[plan], &setting.args.source.base()));
    let mut progress = Progress::new(setting.args.quiet || title.is_none());
    progress.title(title.unwrap_or_default());
    let mut state = RunState::default();
    let mut both = Both(&mut dir, &mut progress);
    let (ran, bug) = guarded(|| {
        let made = if setting.args.no_passes { plan.clone() } else { passes::run(plan.clone()).0 };
        execute_as(&made, identities_of_made(&made, plan), setting.host.clone(), &mut both, &mut state, shared)
    });
    shared.over(plan);
    progress.finish();
    let ended = ran.and_then(|()| dir.finish(plan, &state.env).map_err(Fault::from));
    match ended {
        Ok(()) => Ok(Ended { seconds: dir.seconds(), dir }),
        Err(fault) => {
            // The user must see the failure itself, even if the manifest cannot be written.
            let _ = dir.fail(&fault.to_string(), &state.env);
            let code = match bug {
                Some(panic) => {
                    panic.tell();
                    BUG
                }
                None => report_stage_fault(&fault, setting, point),
            };
            let path = dir.path().display().to_string();
            if !dir.discard() {
                eprint(&format!("what the run had until then is in {}\n", line(&path)));
            }
            Err(code)
        }
    }
}

/// Turns a panic into a fault, so that the run directory records the reason. Returns the panic too if it is a bug.
fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> (Result<T, Fault>, Option<Panic>) {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(ended) => (ended, None),
        Err(_) => {
            let panic = bug::taken();
            let text = panic.as_ref().map_or_else(|| "no message".to_owned(), Panic::text);
            let fault = Fault::new(format!("the run stopped: {text}"));
            match panic {
                Some(panic) if panic.is_out_of_memory() => {
                    (Err(fault.help("make batches or models smaller, or use a device with more memory")), None)
                }
                other => (Err(fault), other),
            }
        }
    }
}

/// Returns one JSON line.
pub fn json_line(point: &Planned, ended: &Ended) -> String {
    let outcome = Outcome {
        point: &point.plan.point,
        seed: point.plan.seed,
        seconds: ended.seconds,
        run_dir: ended.dir.path().display().to_string(),
        metrics: ended.dir.story().results(),
    };
    format!("{}\n", serde_json::to_string(&outcome).unwrap_or_default())
}

pub fn print_outcome(args: &RunArgs, point: &Planned, ended: &Ended) {
    if args.format == "json" {
        print_exact(&json_line(point, ended));
    } else {
        let (table, seconds) = (summary(ended.dir.story(), columns()), ended.seconds);
        let (name, path) = (line(&point.plan.point), ended.dir.path().display().to_string());
        print(&format!("{table}\n{name} in {seconds:.1} s; everything is in {}\n", line(&path)));
    }
}

/// Prints a fault at the source line of its stage. Returns the exit code.
fn report_stage_fault(fault: &Fault, setting: &Setting<'_>, point: &Planned) -> u8 {
    let Some((stage, span)) = fault.stage.as_ref().and_then(|s| point.spans.get(s).map(|span| (s, *span))) else {
        return report_fault(fault);
    };
    let diagnostic = Diagnostic::error(Code::StageFailed, span, lines(&fault.message).into_owned())
        .label(format!("stage `{stage}`"))
        .maybe_help(fault.help.as_ref().map(|help| lines(help).into_owned()));
    let sources = setting.compiled.sources.clone();
    setting.args.source.print(&Compiled { diagnostics: vec![diagnostic], sources, ..Compiled::default() });
    RUN_FAILED
}
