//! Local copies of datasets, in the layout of their repositories on the Hugging Face hub: finds and reads them, with
//! errors that name fields.

use std::fs;
use std::path::{Path, PathBuf};

use pbpo_outside::file::{self, Lines, Refused, limit};
use pbpo_outside::shards;
use serde_json::{Map, Value};

use crate::Error;

/// The fields of a row by name.
pub type Row = Map<String, Value>;

/// One row of a dataset.
#[derive(Clone, Debug)]
pub struct Doc {
    pub fields: Row,
    /// The file, and the line or row in it, from 1.
    pub place: String,
}

impl Doc {
    pub fn error(&self, message: &str) -> Error {
        Error::new(format!("{}: {message}", self.place))
    }

    fn field(&self, name: &str) -> Result<&Value, Error> {
        let found = name.split('.').try_fold(None, |at: Option<&Value>, key| {
            let next = at.map_or(self.fields.get(key), |value| value.get(key));
            next.map(Some)
        });
        found.flatten().ok_or_else(|| self.error(&format!("the field `{name}` is missing")))
    }

    fn mismatch(&self, name: &str, wanted: &str) -> Error {
        self.error(&format!("the field `{name}` must be {wanted}"))
    }

    /// Returns the text of a field; `a.b` is the field `b` of the field `a`.
    pub fn text(&self, name: &str) -> Result<&str, Error> {
        self.field(name)?.as_str().ok_or_else(|| self.mismatch(name, "a string"))
    }

    pub fn texts(&self, name: &str) -> Result<Vec<String>, Error> {
        let texts = self
            .field(name)?
            .as_array()
            .and_then(|list| list.iter().map(|text| text.as_str().map(str::to_owned)).collect());
        texts
            .filter(|list: &Vec<String>| !list.is_empty())
            .ok_or_else(|| self.mismatch(name, "a list of strings, one or more"))
    }

    pub fn integer(&self, name: &str) -> Result<i64, Error> {
        self.field(name)?.as_i64().ok_or_else(|| self.mismatch(name, "an integer"))
    }

    pub fn integers(&self, name: &str) -> Result<Vec<i64>, Error> {
        let numbers = self.field(name)?.as_array().and_then(|list| list.iter().map(Value::as_i64).collect());
        numbers.ok_or_else(|| self.mismatch(name, "a list of integers"))
    }
}

/// A dataset on the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// `ORG/NAME`
    pub repo: String,
    /// The configuration: a directory of the repository.
    pub config: Option<String>,
}

/// A reader of all rows of a Parquet file; its error gives the reason.
pub type ReadParquet = dyn Fn(&Path) -> Result<Vec<Row>, String>;

/// A directory with a directory for each dataset.
pub struct Data {
    root: PathBuf,
    parquet: Option<Box<ReadParquet>>,
}

impl Data {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), parquet: None }
    }

    /// Adds a reader of Parquet files; without one they are an error that says so.
    pub fn with_parquet(mut self, read: impl Fn(&Path) -> Result<Vec<Row>, String> + 'static) -> Self {
        self.parquet = Some(Box::new(read));
        self
    }

    /// Returns the rows of a split, from all its files in the order of their names. The first existing format of
    /// `.parquet`, `.jsonl` and `.json` is used. Missing shards of a split are an error, and so are shards beside a
    /// file that is not a shard. Fields that no task asks for are not read.
    pub fn rows(&self, dataset: &Dataset, split: &str) -> Result<Vec<Doc>, Error> {
        self.check(&[dataset], split)?;
        let mut docs = Vec::new();
        let files = self.files(dataset, split);
        self.whole(dataset, split, &files)?;
        for path in files {
            let shown = path.strip_prefix(&self.root).unwrap_or(&path).display().to_string();
            let unit = if is(&path, "jsonl") { "line" } else { "row" };
            let doc = |(at, fields)| Doc { fields, place: format!("{shown}, {unit} {at}") };
            docs.extend(self.read(&path)?.into_iter().map(doc));
        }
        if docs.is_empty() {
            return Err(Error::new(format!("{}: the split `{split}` has no rows", dataset.repo)));
        }
        Ok(docs)
    }

    /// Returns an error unless the files are complete and no row is in them twice.
    fn whole(&self, dataset: &Dataset, split: &str, files: &[PathBuf]) -> Result<(), Error> {
        let names: Vec<&str> = files.iter().filter_map(|file| file.file_name()?.to_str()).collect();
        shards::check(&names).map_err(|why| {
            let dir = files.first().and_then(|file| file.parent()).unwrap_or(&self.root);
            Error::new(format!("{}: `{split}` in {}: {why}", dataset.repo, dir.display()))
                .help("fetch the whole dataset again, or remove the files that are not of it")
        })
    }

    /// Returns an error that names all datasets without files for a split, with a command that downloads them.
    pub fn check(&self, datasets: &[&Dataset], split: &str) -> Result<(), Error> {
        let missing: Vec<&&Dataset> = datasets.iter().filter(|dataset| self.files(dataset, split).is_empty()).collect();
        let Some(first) = missing.first() else { return Ok(()) };
        let root = self.root.display();
        let mut commands: Vec<String> = missing
            .iter()
            .map(|Dataset { repo, .. }| {
                format!("hf download --repo-type dataset {repo} --local-dir {root}/{}", short(repo))
            })
            .collect();
        commands.dedup();
        let inside = first.config.as_deref().unwrap_or("data");
        let wanted = format!("{root}/{}/{inside}/{split}*.parquet, .jsonl or .json", short(&first.repo));
        let others = match missing.len() {
            1 => String::new(),
            count => format!("; {} more datasets are missing", count - 1),
        };
        let message = format!("no rows of `{split}` for {}: there is no {wanted}{others}", first.repo);
        Err(Error::new(message).help(commands.join("\n")))
    }

    /// Returns the files of a split, from the directory `NAME` or `ORG/NAME`: in its directory of the configuration, in
    /// `data`, or at the top. The test split of a configuration may be one file with its name. Empty if there are none.
    fn files(&self, dataset: &Dataset, split: &str) -> Vec<PathBuf> {
        for base in [self.root.join(short(&dataset.repo)), self.root.join(&dataset.repo)] {
            for extension in ["parquet", "jsonl", "json"] {
                let found = match &dataset.config {
                    Some(config) => vec![shards(&base.join(config), split, extension)],
                    None => vec![shards(&base.join("data"), split, extension), shards(&base, split, extension)],
                };
                if let Some(files) = found.into_iter().find(|files| !files.is_empty()) {
                    return files;
                }
                let single = dataset.config.as_ref().map(|config| base.join(format!("{config}.{extension}")));
                if let Some(file) = single.filter(|file| split == "test" && file.is_file()) {
                    return vec![file];
                }
            }
        }
        vec![]
    }

    /// Returns the rows with their numbers.
    fn read(&self, path: &Path) -> Result<Vec<(usize, Row)>, Error> {
        let error = |error: &str| Error::new(format!("{}: {error}", path.display()));
        if is(path, "parquet") {
            let read = self.parquet.as_ref().ok_or_else(|| {
                error("this build reads no Parquet")
                    .help("build with the feature `parquet`, or convert the file to JSONL")
            })?;
            return read(path).map(number).map_err(|why| error(&why));
        }
        let rows = if is(path, "jsonl") { lines(path) } else { document(path).map(number) };
        rows.map_err(|why| error(&why))
    }
}

fn is(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

fn number(rows: Vec<Row>) -> Vec<(usize, Row)> {
    rows.into_iter().enumerate().map(|(at, row)| (at + 1, row)).collect()
}

/// Returns `NAME` of `ORG/NAME`.
fn short(repo: &str) -> &str {
    repo.rsplit('/').next().unwrap_or(repo)
}

/// Returns the files `SPLIT.EXTENSION` and `SPLIT-*.EXTENSION`, sorted.
fn shards(directory: &Path, split: &str, extension: &str) -> Vec<PathBuf> {
    let shard = |path: &PathBuf| {
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let ours = name.strip_prefix(split).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
        ours && is(path, extension) && path.is_file()
    };
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(shard).collect();
    files.sort();
    files
}

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Reads one row for each line; skips empty lines, and a byte order mark at the beginning.
fn lines(path: &Path) -> Result<Vec<(usize, Row)>, String> {
    let refused = |refused: Refused| refused.to_string();
    let (mut lines, mut bytes, mut rows) = (Lines::open(path, limit::LINES).map_err(refused)?, Vec::new(), Vec::new());
    while let Some(at) = lines.next_into(&mut bytes).map_err(refused)? {
        let line = if at == 1 { bytes.strip_prefix(BOM).unwrap_or(&bytes) } else { &bytes };
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let wrong =
            |error: serde_json::Error| format!("line {at}, column {}: not a JSON object: {error}", error.column());
        let row = pbpo_outside::json::value(line).and_then(serde_json::from_value).map_err(wrong)?;
        rows.push((at, row));
    }
    Ok(rows)
}

/// A list of rows, or an object that holds it under `examples` (BIG-Bench Hard's own files) or `data`. Other fields of that
/// object are not read; both lists at once are an error.
fn document(path: &Path) -> Result<Vec<Row>, String> {
    let bytes = file::bytes(path, limit::ARRAY).map_err(|refused| refused.to_string())?;
    let text = bytes.strip_prefix(BOM).unwrap_or(&bytes);
    let mut value: Value = pbpo_outside::json::value(text).map_err(|error| format!("not JSON: {error}"))?;
    if value.get("examples").and(value.get("data")).is_some() {
        return Err("it has rows under both `examples` and `data`".to_owned());
    }
    for key in ["examples", "data"] {
        if let Some(rows) = value.get_mut(key) {
            value = rows.take();
            break;
        }
    }
    serde_json::from_value(value).map_err(|_| "must be a list of JSON objects, or an object with `examples`".to_owned())
}
