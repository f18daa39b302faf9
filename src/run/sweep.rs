//! Runs the points of a sweep one after the other; shared stages are run once. Points of the exact track run side by
//! side. The figures do not depend on the order.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use pbpo_compiler::Planned;
use pbpo_runtime::exact::is_exact_plan;
use pbpo_runtime::rundir::write_atomic;
use pbpo_runtime::shared::Shared;
use rayon::prelude::*;
use serde_json::{Value as Json, json};

use super::table::{Row, table};
use super::{Setting, curves, point, report_fault};
use crate::cli::{OK, RUN_FAILED, eprint, print, print_exact};

/// Runs all points. Returns the exit code.
pub fn run(setting: &Setting<'_>, points: &[Planned], stem: &str) -> u8 {
    let args = setting.args;
    let sweep = args.source.target.clone().unwrap_or_default();
    let root = match point::directory(&args.out, &format!("{stem}-{}", file_name(&sweep))) {
        Ok(root) => root,
        Err(fault) => return report_fault(&fault),
    };
    let book = Book { path: root.join("sweep.json"), sweep: &sweep, points: points.len(), pages: Mutex::default() };
    if points.iter().all(|point| is_exact_plan(&point.plan)) {
        // Points of the exact track are small and share no expensive stages, so several run at once.
        let one = |(index, planned)| book.keep(index, run_point(setting, &root, index, points.len(), planned, None));
        points.par_iter().enumerate().for_each(one);
    } else {
        let mut shared = Shared::new(points.iter().map(|point| &point.plan));
        for (index, planned) in points.iter().enumerate() {
            book.keep(index, run_point(setting, &root, index, points.len(), planned, Some(&mut shared)));
        }
    }
    let ended = book.close().and_then(|(rows, failed)| curves::write(&root, &rows).map(|()| (rows, failed)));
    let (rows, failed) = match ended {
        Ok(ended) => ended,
        Err(error) => {
            eprint(&format!("error: the outcome can't be written in `{}`: {error}\n", root.display()));
            return RUN_FAILED;
        }
    };
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

/// The result of a point.
struct Done {
    record: Json,
    /// Its figures, or its name if it failed.
    row: Result<Row, String>,
    /// Its output on stdout.
    line: String,
}

/// Runs a point; without `shared` it runs beside others, and shows no progress.
fn run_point(
    setting: &Setting<'_>,
    root: &Path,
    index: usize,
    total: usize,
    planned: &Planned,
    shared: Option<&mut Shared>,
) -> Done {
    let (args, name) = (setting.args, &planned.plan.point);
    let title = format!("[{}/{total}] ", index + 1);
    let alone = shared.is_some();
    if alone && !args.quiet {
        eprint(&format!("{title}{name}\n"));
    }
    let ended = directory(root, name, index).and_then(|path| match shared {
        Some(shared) => point::run(setting, planned, path, shared, Some(&title)),
        None => point::run(setting, planned, path, &mut Shared::default(), None),
    });
    let Ok(ended) = ended else {
        return Done {
            record: json!({ "point": name, "status": "failed" }),
            row: Err(name.clone()),
            line: String::new(),
        };
    };
    let record = json!({
        "point": name, "status": "done", "seed": planned.plan.seed, "params": planned.plan.params,
        "seconds": ended.seconds, "run_dir": relative(ended.dir.path()), "metrics": ended.dir.story().results(),
    });
    let line = if args.format == "json" { point::json_line(planned, &ended) } else { String::new() };
    Done { record, row: Ok(Row::of(&planned.group, ended.dir.story())), line }
}

/// The writer of `sweep.json`, which is rewritten on the way, so that a killed sweep keeps its results. Points print in
/// their order, whichever ends first.
struct Book<'a> {
    path: PathBuf,
    sweep: &'a str,
    points: usize,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    done: BTreeMap<usize, Done>,
    printed: usize,
    written: Option<Instant>,
}

/// The shortest time between writes: the file grows with the sweep, and a fast sweep must not spend its time on
/// writing.
const OFTEN: Duration = Duration::from_millis(200);

impl Book<'_> {
    fn keep(&self, index: usize, done: Done) {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.done.insert(index, done);
        while let Some(done) = pages.done.get(&pages.printed) {
            print_exact(&done.line);
            pages.printed += 1;
        }
        if pages.written.is_none_or(|written| written.elapsed() >= OFTEN) {
            // A failure here is reported by the last write.
            let _ = self.write(&pages);
            pages.written = Some(Instant::now());
        }
    }

    fn write(&self, pages: &Pages) -> io::Result<()> {
        let records: Vec<&Json> = pages.done.values().map(|done| &done.record).collect();
        let whole = json!({ "sweep": self.sweep, "points": self.points, "done": records });
        let text = serde_json::to_string_pretty(&whole).unwrap_or_default() + "\n";
        write_atomic(&self.path, text.as_bytes())
    }

    /// Returns the figures of the completed points, and the names of the others.
    fn close(self) -> io::Result<(Vec<Row>, Vec<String>)> {
        self.write(&self.pages.lock().unwrap_or_else(PoisonError::into_inner))?;
        let pages = self.pages.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (mut rows, mut failed) = (Vec::new(), Vec::new());
        for done in pages.done.into_values() {
            match done.row {
                Ok(row) => rows.push(row),
                Err(name) => failed.push(name),
            }
        }
        Ok((rows, failed))
    }
}

/// Returns the directory of a point, which is the part of its name in brackets.
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

/// Returns a name that is valid on every file system.
fn file_name(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._=,-".contains(c) { c } else { '_' };
    text.chars().map(plain).take(100).collect()
}
