//! Intermediate checkpoints: `checkpoints/<player>/step-000050/`, each written atomically.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::checkpoint;
use super::story::Saved;
use crate::error::Fault;
use crate::event::Checkpoint;

/// Writes a checkpoint into the run directory `root` and replaces one of the same step.
pub fn write(root: &Path, checkpoint: &Checkpoint<'_>) -> Result<(), Fault> {
    let Checkpoint { stage, name, step, player, .. } = *checkpoint;
    let path = Saved { stage: stage.to_owned(), player: name.to_owned(), step }.path();
    write_whole(&root.join(path), |dir| checkpoint::save_player(dir, player))
}

/// Returns the directories that hold a checkpoint of `before` and none of `after`.
pub fn gone(before: &[Saved], after: &[Saved]) -> Vec<String> {
    let kept: Vec<String> = after.iter().map(Saved::path).collect();
    before.iter().map(Saved::path).filter(|path| !kept.contains(path)).collect()
}

/// Returns the list for the manifest.
pub fn list(saved: &[Saved]) -> Json {
    let mut list: Vec<Json> = Vec::new();
    for saved in saved {
        let entry = json!({ "player": saved.player, "step": saved.step, "path": saved.path() });
        if !list.contains(&entry) {
            list.push(entry);
        }
    }
    Json::Array(list)
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
