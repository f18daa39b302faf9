//! `pbpoc bench compile`: milliseconds of `check` and `plan`, each in a cold process of this executable, and of a warm
//! language server after a keystroke.

use std::fmt::Write;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde::Serialize;

use crate::cli::{OK, RUN_FAILED, eprint, print, print_exact};

/// The number of cold runs of each command.
const RUNS: usize = 21;

const QUICKSTART: &str = include_str!("../pipelines/quickstart.pbpo");

/// The times of one command on one file.
#[derive(Serialize)]
struct Row {
    file: &'static str,
    lines: usize,
    command: &'static str,
    median_ms: f64,
    max_ms: f64,
    budget_ms: f64,
}

/// Measures and prints. Returns the exit code.
pub fn run(json: bool) -> u8 {
    match measure() {
        Ok(rows) if json => print_exact(&format!("{}\n", serde_json::json!({ "compile": rows }))),
        Ok(rows) => {
            let mut text = format!(
                "{:<12} {:>6} {:<8} {:>9} {:>9} {:>9}\n",
                "file", "lines", "command", "median", "max", "budget"
            );
            for r in rows {
                let (file, lines, command) = (r.file, r.lines, r.command);
                let _ = write!(text, "{file:<12} {lines:>6} {command:<8} ");
                let _ = writeln!(text, "{:>6.1} ms {:>6.1} ms {:>6.0} ms", r.median_ms, r.max_ms, r.budget_ms);
            }
            print(&text);
        }
        Err(error) => {
            eprint(&format!("error: the bench can't run: {error}\n"));
            return RUN_FAILED;
        }
    }
    OK
}

fn measure() -> std::io::Result<Vec<Row>> {
    let dir = tempfile::tempdir()?;
    let executable = std::env::current_exe()?;
    let mut rows = Vec::new();
    let files = [
        ("quickstart", padded(), None, 10.0),
        ("many-blocks", many_blocks(), Some("main"), 50.0),
        ("one-body", one_body(), None, 50.0),
        ("sweep", sweep(), Some("wide"), 150.0),
    ];
    for (file, text, target, budget_ms) in files {
        let path = dir.path().join(format!("{file}.pbpo"));
        std::fs::write(&path, &text)?;
        for command in ["check", "plan"] {
            let mut times = Vec::with_capacity(RUNS);
            for _ in 0..RUNS {
                let started = Instant::now();
                let status = Command::new(&executable)
                    .arg(command)
                    .arg(&path)
                    .args(target.filter(|_| command == "plan"))
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .status()?;
                times.push(started.elapsed().as_secs_f64() * 1e3);
                if !status.success() {
                    return Err(std::io::Error::other(format!("`{command}` found errors in the file `{file}`")));
                }
            }
            rows.push(row(file, &text, command, times, budget_ms));
        }
        if budget_ms <= 50.0 {
            let times = crate::bench_lsp::keystrokes(&executable, &text, RUNS)?;
            rows.push(row(file, &text, "lsp", times, 50.0));
        }
    }
    Ok(rows)
}

/// Returns the figures of the times.
fn row(file: &'static str, text: &str, command: &'static str, mut times: Vec<f64>, budget_ms: f64) -> Row {
    times.sort_by(f64::total_cmp);
    let (median_ms, max_ms) = (times[RUNS / 2], times[RUNS - 1]);
    Row { file, lines: text.lines().count(), command, median_ms, max_ms, budget_ms }
}

/// Returns the quickstart, extended by comments to 100 lines.
fn padded() -> String {
    let missing = 100_usize.saturating_sub(QUICKSTART.lines().count());
    format!("{QUICKSTART}{}", "// one more line\n".repeat(missing))
}

/// Returns 2,000 lines: the quickstart and hundreds of unused policies.
fn many_blocks() -> String {
    let policy = "policy extra_N {\n  model     = llama { layers = 2, width = 64, heads = 4, context = 64 tokens }\n  \
                  init      = imitate(demos, steps = 400, batch = 64, lr = 2e-3)\n  \
                  optimizer = adamw { lr = 2e-4, clip = 1.0 }\n  estimator = rloo { group = 4 }\n}\n\n";
    let count = (2000 - QUICKSTART.lines().count()) / policy.lines().count();
    let extra: String = (0..count).map(|n| policy.replace('N', &n.to_string())).collect();
    format!("{QUICKSTART}\n{extra}")
}

/// Returns 2,000 lines: one very long body instead of the quickstart's call.
fn one_body() -> String {
    let step =
        "      y  = sample(pi,  prompts, count = 64)\n      ascend pi on gap(r, y, y0) - 0.02 * kl(pi, ref, y)\n";
    let head = QUICKSTART.split("/// The leader").next().unwrap_or_default();
    let count = (2000 - head.lines().count()) / 2;
    format!(
        "{head}pipeline main {{\n  repeat 2 {{\n    repeat 2 {{\n      y0 = sample(ref, prompts, count = 64)\n{}    }}\n  }}\n}}\n",
        step.repeat(count)
    )
}

/// Returns a sweep of 1,000 points of 14 stages, four of them in a loop.
fn sweep() -> String {
    let head = QUICKSTART.split("reward_model r").next().unwrap_or_default().replace("{ pbpo }", "{ online_dpo }");
    format!(
        "{head}features phi {{ of = pi.init }}\nexploration plain {{ features = phi, against = ref, search = none }}\n\
         oracle judge {{ by = btl {{ score = digits.score }} }}\n\
         pipeline main = online_dpo(pi, ref, plain, judge, prompts, held, beta = beta)\n\
         sweep wide over main {{\n  seed in 0..9\n  beta in linear(0.01, 1.0, count = 10)\n  \
         pi.optimizer.lr in log(1e-6, 1e-3, count = 10)\n}}\n"
    )
}
