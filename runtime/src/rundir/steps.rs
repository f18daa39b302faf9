//! Intermediate checkpoints: `checkpoints/<player>/step-000050/`, each written atomically.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::checkpoint;
use crate::error::Fault;
use crate::event::Checkpoint;

/// The checkpoints of a run, in the order in which they were written.
#[derive(Default)]
pub struct Steps {
    saved: Vec<Saved>,
}

#[derive(PartialEq)]
struct Saved {
    /// The stage that wrote it; a stage removes only its own checkpoints.
    stage: String,
    player: String,
    step: usize,
}

impl Saved {
    /// Returns the path inside the run directory.
    fn path(&self) -> String {
        format!("checkpoints/{}/step-{:06}", self.player, self.step)
    }
}

impl Steps {
    /// Writes a checkpoint into the run directory `root` and replaces one of the same step. Returns the directories
    /// that are no longer kept.
    pub fn add(&mut self, root: &Path, checkpoint: &Checkpoint<'_>) -> Result<Vec<PathBuf>, Fault> {
        let Checkpoint { stage, name, step, keep, player } = *checkpoint;
        let new = Saved { stage: stage.to_owned(), player: name.to_owned(), step };
        write_whole(&root.join(new.path()), |dir| checkpoint::save_player(dir, player))?;
        self.saved.retain(|saved| *saved != new);
        self.saved.push(new);
        let own = self.saved.iter().filter(|saved| saved.stage == stage).count();
        let mut surplus = own.saturating_sub(keep.unwrap_or(own));
        let (old, kept) = std::mem::take(&mut self.saved).into_iter().partition::<Vec<Saved>, _>(|saved| {
            let old = saved.stage == stage && surplus > 0;
            surplus -= usize::from(old);
            old
        });
        self.saved = kept;
        let paths = old.iter().map(Saved::path);
        Ok(paths
            .filter(|path| !self.saved.iter().any(|kept| kept.path() == *path))
            .map(|path| root.join(path))
            .collect())
    }

    /// Returns the list for the manifest.
    pub fn list(&self) -> Json {
        let mut list: Vec<Json> = Vec::new();
        for saved in &self.saved {
            let entry = json!({ "player": saved.player, "step": saved.step, "path": saved.path() });
            if !list.contains(&entry) {
                list.push(entry);
            }
        }
        Json::Array(list)
    }
}

/// Removes a checkpoint; a kill meanwhile leaves no incomplete one.
pub fn remove(dir: &Path) -> io::Result<()> {
    let old = hidden(dir, "old");
    fs::rename(dir, &old)?;
    fs::remove_dir_all(old)
}

/// Fills a temporary directory, which takes the final name once all of it is on the disk.
fn write_whole(dir: &Path, fill: impl FnOnce(&Path) -> Result<(), Fault>) -> Result<(), Fault> {
    let part = hidden(dir, "part");
    let made = fs::create_dir_all(&part).map_err(Fault::from);
    let written = made.and_then(|()| fill(&part)).and_then(|()| Ok(take_place(&part, dir)?));
    written.map_err(|fault| {
        let _ = fs::remove_dir_all(&part);
        let reason = fault.message.replace(&format!("{}/", part.display()), "");
        let fault_of_disk = "free some space or choose another --out; `keep` limits how many checkpoints stay";
        Fault::new(format!("the checkpoint `{}` can't be written: {reason}", dir.display()))
            .help(fault.help.unwrap_or_else(|| fault_of_disk.into()))
    })
}

fn take_place(part: &Path, dir: &Path) -> io::Result<()> {
    sync(part)?;
    let replaced = dir.exists();
    let old = hidden(dir, "old");
    if replaced {
        fs::rename(dir, &old)?;
    }
    fs::rename(part, dir)?;
    dir.parent().map_or(Ok(()), sync)?;
    if replaced { fs::remove_dir_all(old) } else { Ok(()) }
}

/// Writes the names in a directory to the disk; its files are written already.
fn sync(dir: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}

/// Returns `.step-000050.part` beside `step-000050`.
fn hidden(dir: &Path, what: &str) -> PathBuf {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    dir.with_file_name(format!(".{name}.{what}"))
}
