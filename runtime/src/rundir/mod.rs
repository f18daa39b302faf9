//! The run directory: the files of a run.
//!
//! `plan.txt`, `plan.json`, `run.json`, `events.jsonl`, `metrics.jsonl`, `preferences.jsonl`, `tb/` (TensorBoard),
//! `checkpoints/<player>/` (Hugging Face layout; intermediate ones are in `step-000050/` there) and `report.html`.
//! Whole files are written to a temporary file and renamed; the `.jsonl` files grow line by line, so that a killed run
//! keeps its lines. `log.rs` has the form of `events.jsonl`; everything that is shown of a run is a fold over the logs,
//! the [`Story`].

mod appender;
pub mod checkpoint;
pub mod log;
mod report;
mod steps;
pub mod story;
mod tensorboard;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use pbpo_plan::Plan;
use pbpo_plan::cost::Cost;
use serde_json::{Map, Value as Json, json};

use crate::env::Env;
use crate::error::Fault;
use crate::event::{Checkpoint, Evaluation, Event, Metrics, Observer};
use crate::player::Player;
use crate::value::Value;
use appender::Appender;
use log::Line;
use story::Story;
use tensorboard::TensorBoard;

/// An open run directory. It listens to the run and writes on the way.
pub struct RunDir {
    path: PathBuf,
    events: Appender,
    metrics: Appender,
    preferences: Appender,
    tensorboard: TensorBoard,
    manifest: Map<String, Json>,
    started: std::time::Instant,
    story: Story,
}

impl RunDir {
    /// Opens an existing empty directory, and writes the plan into it.
    pub fn create(path: PathBuf, plan: &Plan, device: &str) -> io::Result<Self> {
        write_atomic(&path.join("plan.txt"), plan.text().as_bytes())?;
        write_atomic(&path.join("plan.json"), pretty(&serde_json::to_value(plan)?).as_bytes())?;
        let manifest = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "pipeline": plan.pipeline,
            "point": plan.point,
            "seed": plan.seed,
            "params": plan.params,
            "device": device,
            "threads": rayon::current_num_threads(),
            "status": "running",
        });
        let fast = crate::exact::is_exact_plan(plan);
        let mut run = Self {
            events: Appender::create(&path.join("events.jsonl"), fast)?,
            metrics: Appender::create(&path.join("metrics.jsonl"), fast)?,
            preferences: Appender::create(&path.join("preferences.jsonl"), fast)?,
            tensorboard: TensorBoard::create(&path.join("tb"), fast)?,
            manifest: manifest.as_object().cloned().unwrap_or_default(),
            started: std::time::Instant::now(),
            story: Story::default(),
            path,
        };
        run.log(&Line::Log { version: log::VERSION })?;
        run.write_manifest()?;
        Ok(run)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the seconds since the run began.
    pub fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Returns the story of the run so far.
    pub fn story(&self) -> &Story {
        &self.story
    }

    /// Notes the estimated cost of the run.
    pub fn expect(&mut self, cost: &Cost) {
        self.manifest.insert("estimated".into(), json!(cost));
    }

    /// Writes final players, the report and the manifest of a completed run.
    pub fn finish(&mut self, plan: &Plan, env: &Env) -> io::Result<()> {
        self.save_players(env)?;
        let page = report::html(plan, &self.story, self.seconds());
        write_atomic(&self.path.join("report.html"), page.as_bytes())?;
        let digests: Map<String, Json> = env
            .values
            .iter()
            .filter_map(|(name, value)| match value {
                Value::Data(data) => Some((name.to_string(), json!(data.digest))),
                _ => None,
            })
            .collect();
        self.manifest.insert("data".into(), Json::Object(digests));
        self.manifest.insert("metrics".into(), json!(self.story.results()));
        self.close("done")
    }

    /// Saves the players in their current state, and notes in the manifest that the run failed, with the reason.
    pub fn fail(&mut self, message: &str, env: &Env) -> io::Result<()> {
        let saved = self.save_players(env);
        self.manifest.insert("error".into(), json!(message));
        self.close("failed").and(saved)
    }

    /// Removes the directory of a run that failed before it had any results: no figure, no pair, no player. Returns
    /// true if it is gone; files of other origin stay, and the directory with them.
    pub fn discard(self) -> bool {
        let empty = |file: &str| fs::metadata(self.path.join(file)).is_ok_and(|file| file.len() == 0);
        if !empty("metrics.jsonl") || !empty("preferences.jsonl") || self.path.join("checkpoints").exists() {
            return false;
        }
        let own = ["events.jsonl", "metrics.jsonl", "preferences.jsonl", "plan.txt", "plan.json", "run.json"];
        // The event file is removed too: its curves are those of metrics.jsonl, which has none.
        let removed = own.iter().try_for_each(|file| fs::remove_file(self.path.join(file)));
        removed
            .and_then(|()| fs::remove_dir_all(self.path.join("tb")))
            .and_then(|()| fs::remove_dir(&self.path))
            .is_ok()
    }

    fn save_players(&self, env: &Env) -> io::Result<()> {
        let dir = self.path.join("checkpoints");
        let save = |(name, player): (String, &Player)| checkpoint::save_player(&dir.join(name), player);
        // Each player is saved, even if another cannot be.
        let saved: Vec<Result<(), Fault>> = last_players(env).into_iter().map(save).collect();
        saved.into_iter().collect::<Result<(), Fault>>().map_err(|fault| io::Error::other(fault.to_string()))
    }

    fn close(&mut self, status: &str) -> io::Result<()> {
        self.events.close()?;
        self.metrics.close()?;
        self.preferences.close()?;
        self.tensorboard.close()?;
        self.manifest.insert("status".into(), json!(status));
        self.manifest.insert("seconds".into(), json!(self.seconds()));
        self.manifest.insert("peak_memory_bytes".into(), json!(peak_memory()));
        self.write_manifest()
    }

    fn write_manifest(&self) -> io::Result<()> {
        let Story { notices, models, generated, checkpoints, .. } = &self.story;
        let mut manifest = self.manifest.clone();
        let mut add = |name: &str, told: bool, value: Json| told.then(|| manifest.insert(name.into(), value));
        add("notices", !notices.is_empty(), json!(notices));
        add("models", !models.is_empty(), json!(models));
        add("generated_tokens", generated.is_some(), json!(generated));
        add("checkpoints", !checkpoints.is_empty(), steps::list(checkpoints));
        write_atomic(&self.path.join("run.json"), pretty(&Json::Object(manifest)).as_bytes())
    }

    fn log(&mut self, line: &Line) -> io::Result<()> {
        self.events.write((serde_json::to_string(line)? + "\n").as_bytes())?;
        self.events.settle()
    }

    /// Returns the suffix of curves: evaluations of other subjects than the first have separate curves that end in the
    /// report's name.
    fn suffix(&self, evaluation: &Evaluation) -> String {
        let first = self.story.evaluations.first().is_none_or(|first| first.subject == evaluation.subject);
        if first { String::new() } else { format!("/{}", evaluation.label) }
    }

    fn line(
        &mut self,
        step: usize,
        [kind, name]: [&str; 2],
        metrics: &Metrics,
        [prefix, suffix]: [&str; 2],
    ) -> io::Result<()> {
        let mut line = json!({ "step": step, kind: name });
        if let Json::Object(map) = &mut line {
            map.extend(metrics.iter().map(|(k, v)| (format!("{prefix}{k}"), json!(v))));
        }
        self.metrics.write(format!("{line}\n").as_bytes())?;
        for (name, value) in metrics {
            self.tensorboard.scalar(&format!("{prefix}{name}{suffix}"), step, *value)?;
        }
        self.tensorboard.settle()?;
        self.metrics.settle()
    }
}

impl Observer for RunDir {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        if let Some(line) = Line::of(event) {
            self.log(&line)?;
        }
        self.story.apply(event);
        match event {
            Event::Stage { .. } | Event::Loaded { .. } | Event::Notice { .. } => Ok(()),
            Event::Summary { .. } | Event::Usage { .. } => Ok(()),
            Event::Progress { stage, done, metrics, .. } => {
                self.line(*done, ["stage", stage], metrics, [log::IMITATE, ""])
            }
            Event::Episode { step, metrics, .. } => self.line(*step, ["split", "train"], metrics, ["", ""]),
            Event::Figures { stage, step, metrics } => self.line(*step, ["stage", stage], metrics, ["", ""]),
            Event::Evaluation(evaluation) => {
                let (Evaluation { label, step, metrics, .. }, suffix) = (evaluation, self.suffix(evaluation));
                self.line(*step, ["evaluation", label], metrics, ["eval/", &suffix])
            }
            Event::Preferences { records } => {
                let lines: Vec<String> = records.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
                self.preferences.write((lines.join("\n") + "\n").as_bytes())?;
                self.preferences.settle()
            }
        }
    }

    fn save(&mut self, checkpoint: &Checkpoint<'_>) -> Result<(), Fault> {
        steps::write(&self.path, checkpoint)?;
        let before = self.story.checkpoints.clone();
        let Checkpoint { stage, name, step, keep, .. } = *checkpoint;
        let line = Line::Checkpoint { stage: stage.to_owned(), player: name.to_owned(), step, keep };
        self.log(&line)?;
        self.story.tell(line);
        self.write_manifest()?;
        let gone = steps::gone(&before, &self.story.checkpoints);
        Ok(gone.iter().try_for_each(|dir| steps::remove(&self.path.join(dir)))?)
    }
}

/// Returns the peak memory of the process in bytes; known only on Linux.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

/// Makes the next free directory `<root>/<name>-<NNN>`.
pub fn next_free(root: &Path, name: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(root)?;
    (1..)
        .map(|n| root.join(format!("{name}-{n:03}")))
        .find_map(|path| match fs::create_dir(&path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => None,
            other => Some(other.map(|()| path)),
        })
        .unwrap_or_else(|| Err(io::Error::other("no free name for a run directory")))
}

/// Writes a file atomically.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    // The file itself is written, because its errors do not name the temporary file.
    file.as_file_mut().write_all(bytes)?;
    file.as_file().sync_all()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}

/// Returns the last version of each player that was trained, by its block's name.
fn last_players(env: &Env) -> Vec<(String, &Player)> {
    let mut last: std::collections::BTreeMap<String, (u32, &Player)> = Default::default();
    for (name, value) in &env.values {
        let Some(player) = value.player().filter(|player| player.is_moved()) else { continue };
        let (block, Some(version)) = (name.block(), name.version()) else { continue };
        if last.get(block).is_none_or(|(v, _)| *v < version) {
            last.insert(block.to_owned(), (version, player));
        }
    }
    last.into_iter().map(|(name, (_, player))| (name, player)).collect()
}

fn pretty(value: &Json) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}
