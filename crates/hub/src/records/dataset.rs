//! Finds the files of a split in a dataset's directory, by the names that `datasets` of Hugging Face knows.

use std::path::{Path, PathBuf};

use pbpo_outside::shards;

use crate::Error;

const DATA: [&str; 4] = ["parquet", "jsonl", "json", "ndjson"];

/// The deepest level that is searched, below the dataset's own directory.
const DEPTH: usize = 3;

/// Returns the files of a split, sorted: `train.jsonl`, `train-00000-of-00002.parquet`, `data/train-*.parquet`,
/// `train/part.jsonl`. If a dataset has a single data file that is named after no split, that file is its `train`
/// split. `config` is a subdirectory, for datasets with several configurations. Missing shards of a split are an error,
/// and so are shards beside a file that is not a shard.
pub fn split_files(dir: &Path, config: Option<&str>, split: &str) -> Result<Vec<PathBuf>, Error> {
    let dir = match config {
        Some(config) if !crate::cache::is_file_name(config) => {
            return Err(Error::new(format!("`{config}` is no name of a configuration")));
        }
        Some(config) => dir.join(config),
        None => dir.to_owned(),
    };
    let mut all = Vec::new();
    collect(&dir, 0, &mut all)?;
    all.sort();
    let is_data = |file: &&PathBuf| extension(file).is_some_and(|end| DATA.contains(&end));
    let data: Vec<&PathBuf> = all.iter().filter(is_data).filter(|file| !is_metadata(file)).collect();
    let files: Vec<PathBuf> = data.iter().filter(|file| is_of(&dir, file, split)).map(|file| (*file).clone()).collect();
    match (files.as_slice(), data.as_slice()) {
        ([], [only]) if split == "train" && !is_of_other(&dir, only) => {
            return whole(&dir, split, vec![(*only).clone()]);
        }
        ([], _) => return Err(no_split(&dir, split, &all)),
        _ => {}
    }
    let folder = files[0].parent();
    if files.iter().any(|file| file.parent() != folder) {
        let mut folders: Vec<String> = files.iter().filter_map(|file| Some(shown(&dir, file.parent()?))).collect();
        folders.dedup();
        return Err(Error::new(format!(
            "{}: split `{split}` is in several directories: {}",
            dir.display(),
            folders.join(", ")
        ))
        .help("the dataset has several configurations: name one of these"));
    }
    if files.iter().any(|file| extension(file) != extension(&files[0])) {
        return Err(Error::new(format!("{}: split `{split}` is there in several formats", dir.display()))
            .help("name the files instead of the dataset"));
    }
    whole(&dir, split, files)
}

/// Returns the files if they are complete and no row is in them twice.
fn whole(dir: &Path, split: &str, files: Vec<PathBuf>) -> Result<Vec<PathBuf>, Error> {
    let names: Vec<&str> = files.iter().map(|file| name(file)).collect();
    shards::check(&names).map_err(|why| {
        Error::new(format!("{}: split `{split}`: {why}", dir.display()))
            .help("fetch the whole dataset again; or name the one file that is meant: `file(\"...\")`")
    })?;
    let is_empty = |file: &&PathBuf| shards::shard(name(file)).is_some() && is_empty(file);
    match files.iter().find(is_empty) {
        Some(file) => Err(Error::at(file, "the shard is empty: 0 bytes").help("fetch the whole dataset again")),
        None => Ok(files),
    }
}

fn is_empty(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|metadata| metadata.len() == 0)
}

/// Returns a note if files that a user named are an incomplete set of shards.
pub(super) fn parts(files: &[PathBuf]) -> Option<String> {
    let [file] = files else { return None };
    let shard = shards::shard(name(file)).filter(|shard| shard.total > 1)?;
    Some(format!("{} is one of {} shards: the others are not read", file.display(), shard.total))
}

fn name(file: &Path) -> &str {
    file.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

fn collect(dir: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let entries = std::fs::read_dir(dir).map_err(|error| Error::io(dir, "read", &error))?;
    for entry in entries {
        let path = entry.map_err(|error| Error::io(dir, "read", &error))?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        // Files of a snapshot are links into the cache, so links are followed.
        match (hidden, path.is_dir()) {
            (true, _) => {}
            (false, true) if depth < DEPTH => collect(&path, depth + 1, files)?,
            (false, true) => {}
            (false, false) => files.push(path),
        }
    }
    Ok(())
}

fn extension(file: &Path) -> Option<&str> {
    file.extension()?.to_str()
}

/// Tells whether a file is metadata: JSON that holds no rows.
fn is_metadata(file: &Path) -> bool {
    ["dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"].contains(&name(file))
}

/// Tells whether a file, or its directory, is named after a split.
fn is_of(dir: &Path, file: &Path, split: &str) -> bool {
    let named = name(file).strip_prefix(split).is_some_and(|rest| rest.starts_with(['.', '-', '_']));
    let within = file.strip_prefix(dir).ok().and_then(Path::parent);
    named || within.is_some_and(|folder| folder.iter().any(|part| part == split))
}

/// Tells whether a file, or its directory, is named after a split that is not the training split.
fn is_of_other(dir: &Path, file: &Path) -> bool {
    const OTHERS: [&str; 8] = ["test", "testing", "validation", "valid", "val", "dev", "eval", "evaluation"];
    let within = file.strip_prefix(dir).unwrap_or(file);
    let words = within.iter().filter_map(|part| part.to_str()).flat_map(|part| part.split(['.', '-', '_', ' ']));
    words.into_iter().any(|word| OTHERS.contains(&word.to_lowercase().as_str()))
}

fn shown(dir: &Path, file: &Path) -> String {
    file.strip_prefix(dir).unwrap_or(file).display().to_string()
}

fn no_split(dir: &Path, split: &str, all: &[PathBuf]) -> Error {
    let mut names: Vec<String> = all.iter().map(|file| shown(dir, file)).collect();
    let count = names.len();
    names.truncate(10);
    let more = if count > 10 { format!(" and {} more", count - 10) } else { String::new() };
    let message = format!("{}: no .parquet, .jsonl or .json file of split `{split}`", dir.display());
    match count {
        0 => Error::new(message).help("the directory is empty: fetch the dataset again"),
        _ => Error::new(message).help(format!("there are {}{more}", names.join(", "))),
    }
}
