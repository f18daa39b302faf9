//! Runs the points of a sweep one after the other. What several have in common is done once.

use std::path::{Path, PathBuf};

use pbpo_compiler::Planned;
use pbpo_runtime::rundir::write_atomic;
use pbpo_runtime::shared::Shared;
use serde_json::{Value as Json, json};

use super::table::{Row, table};
use super::{Setting, point, report_fault};
use crate::cli::{OK, RUN_FAILED, eprint, print};

/// Runs all points; the exit code.
pub fn run(setting: &Setting<'_>, points: &[Planned], stem: &str) -> u8 {
    let args = setting.args;
    let sweep = args.source.target.clone().unwrap_or_default();
    let root = match point::directory(&args.out, &format!("{stem}-{}", file_name(&sweep))) {
        Ok(root) => root,
        Err(fault) => return report_fault(&fault),
    };
    let mut shared = Shared::new(points.iter().map(|point| &point.plan));
    let (mut rows, mut records, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for (index, planned) in points.iter().enumerate() {
        let name = &planned.plan.point;
        let title = format!("[{}/{}] {name}", index + 1, points.len());
        if !args.quiet {
            eprint(&format!("{title}\n"));
        }
        let ended = directory(&root, name, index).and_then(|path| {
            point::run(setting, planned, path, &mut shared, &format!("[{}/{}] ", index + 1, points.len()))
        });
        records.push(match &ended {
            Ok(ended) => json!({
                "point": name, "status": "done", "seed": planned.plan.seed, "params": planned.plan.params,
                "seconds": ended.seconds, "run_dir": relative(ended.dir.path()), "metrics": ended.dir.results(),
            }),
            Err(_) => json!({ "point": name, "status": "failed" }),
        });
        // Written again after each point: a sweep that is killed keeps what it had.
        if let Err(error) = record(&root, &sweep, points.len(), &records) {
            eprint(&format!("error: `{}` can't be written: {error}\n", root.join("sweep.json").display()));
            return RUN_FAILED;
        }
        match ended {
            Ok(ended) => {
                if args.format == "json" {
                    print(&point::json_line(planned, &ended));
                }
                rows.push(Row { point: name.clone(), metrics: ended.dir.results() });
            }
            Err(_) => failed.push(name.clone()),
        }
    }
    if args.format != "json" {
        print(&format!(
            "{}\n{} of {} points done; everything is in {}\n",
            table(&rows),
            rows.len(),
            points.len(),
            root.display()
        ));
    }
    if failed.is_empty() {
        return OK;
    }
    eprint(&format!("error: {} of {} points failed: {}\n", failed.len(), points.len(), failed.join(" ")));
    RUN_FAILED
}

fn record(root: &Path, sweep: &str, points: usize, records: &[Json]) -> std::io::Result<()> {
    let whole = json!({ "sweep": sweep, "points": points, "done": records });
    let text = serde_json::to_string_pretty(&whole).unwrap_or_default() + "\n";
    write_atomic(&root.join("sweep.json"), text.as_bytes())
}

/// The directory of a point: what its name has in brackets.
fn directory(root: &Path, point: &str, index: usize) -> Result<PathBuf, u8> {
    let inner = point.split_once('[').and_then(|(_, rest)| rest.strip_suffix(']')).unwrap_or(point);
    let path = root.join(format!("{:03}-{}", index + 1, file_name(inner)));
    match std::fs::create_dir(&path) {
        Ok(()) => Ok(path),
        Err(error) => {
            eprint(&format!("error: `{}` can't be made: {error}\n", path.display()));
            Err(RUN_FAILED)
        }
    }
}

fn relative(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A name that every file system takes.
fn file_name(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._=,-".contains(c) { c } else { '_' };
    text.chars().map(plain).take(100).collect()
}
