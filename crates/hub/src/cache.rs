//! Finds the directories of models and datasets by name: beside the file that names them, else in the cache of
//! `huggingface_hub`, by its rules. Downloads nothing and writes nothing into the cache.

use std::path::{Component, Path, PathBuf};

use pbpo_outside::file::{self, Refused};

use crate::Error;

/// The largest file that names a commit, in bytes.
const REFERENCE: u64 = 4096;

/// The place where a model or dataset was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    pub dir: PathBuf,
    /// The commit, 40 hex digits, if it came from the cache.
    pub revision: Option<String>,
}

/// Finds a model by name: a directory (relative to `base`, the directory of the file that names it), else
/// `ORG/NAME[@REV]` in the cache.
pub fn resolve_model(name: &str, base: &Path) -> Result<Resolved, Error> {
    Cache::from_env().model(name, base)
}

/// Finds a dataset by name, by the same rules.
pub fn resolve_dataset(name: &str, base: &Path) -> Result<Resolved, Error> {
    Cache::from_env().dataset(name, base)
}

/// The cache of `huggingface_hub`.
pub struct Cache {
    /// Its directory; `None` if not even the home directory is known.
    directory: Option<PathBuf>,
}

#[derive(Clone, Copy)]
enum Kind {
    Model,
    Dataset,
}

impl Kind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Model => "models",
            Self::Dataset => "datasets",
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Dataset => "dataset",
        }
    }

    /// Returns the command that fetches it.
    fn download(self, repository: &str, revision: Option<&str>) -> String {
        let kind = if matches!(self, Self::Dataset) { " --repo-type dataset" } else { "" };
        let revision = revision.map(|revision| format!(" --revision {revision}")).unwrap_or_default();
        format!("hf download {repository}{kind}{revision}")
    }
}

impl Cache {
    pub fn from_env() -> Self {
        Self::new(|name| std::env::var(name).ok())
    }

    /// Returns the directory that an environment names: HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME/hub,
    /// XDG_CACHE_HOME/huggingface/hub, ~/.cache/huggingface/hub; the first that is set and not empty.
    pub fn new(env: impl Fn(&str) -> Option<String>) -> Self {
        let home = env("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        let path = |name: &str| {
            let value = env(name).filter(|value| !value.is_empty())?;
            match (value.strip_prefix("~/"), &home) {
                (Some(rest), Some(home)) => Some(home.join(rest)),
                _ => Some(PathBuf::from(value)),
            }
        };
        let directory = path("HF_HUB_CACHE")
            .or_else(|| path("HUGGINGFACE_HUB_CACHE"))
            .or_else(|| path("HF_HOME").map(|dir| dir.join("hub")))
            .or_else(|| path("XDG_CACHE_HOME").map(|dir| dir.join("huggingface/hub")))
            .or_else(|| home.clone().map(|dir| dir.join(".cache/huggingface/hub")));
        Self { directory }
    }

    pub fn model(&self, name: &str, base: &Path) -> Result<Resolved, Error> {
        self.resolve(Kind::Model, name, base)
    }

    pub fn dataset(&self, name: &str, base: &Path) -> Result<Resolved, Error> {
        self.resolve(Kind::Dataset, name, base)
    }

    fn resolve(&self, kind: Kind, name: &str, base: &Path) -> Result<Resolved, Error> {
        let dir = base.join(name);
        if !name.is_empty() && dir.is_dir() {
            return Ok(Resolved { dir, revision: None });
        }
        let (repository, revision) = match name.split_once('@') {
            Some((repository, revision)) => (repository, Some(revision)),
            None => (name, None),
        };
        if !is_repository(repository) || !revision.is_none_or(is_revision) {
            return Err(Error::new(format!("no directory `{}` for the {} `{name}`", dir.display(), kind.noun()))
                .help("name a directory, or ORG/NAME or ORG/NAME@REVISION of the Hugging Face Hub"));
        }
        self.snapshot(kind, repository, revision).map_err(|error| Error {
            message: format!("there is no directory `{}`, and {}", dir.display(), error.message),
            ..error
        })
    }

    /// Returns the snapshot of a repository at a branch, tag or commit; `main` if none is named.
    fn snapshot(&self, kind: Kind, repository: &str, revision: Option<&str>) -> Result<Resolved, Error> {
        let download = kind.download(repository, revision);
        let Some(directory) = &self.directory else {
            return Err(Error::new(format!("no cache to look up {} `{repository}` in", kind.noun()))
                .help("set HF_HOME or HOME, or name a directory"));
        };
        let place = directory.join(format!("{}--{}", kind.prefix(), repository.replace('/', "--")));
        let wanted = revision.unwrap_or("main");
        let miss = |why: String| {
            let message = format!("{} `{repository}` is not in the cache: {why}", kind.noun());
            Error::new(message).help(format!("fetch it with `{download}`, set HF_HUB_CACHE, or name a directory"))
        };
        if !place.is_dir() {
            return Err(miss(format!("no directory `{}`", place.display())));
        }
        let commit = if is_commit(wanted) {
            wanted.to_owned()
        } else {
            let reference = place.join("refs").join(wanted);
            let bytes = file::bytes(&reference, REFERENCE).map_err(|refused| match refused {
                Refused::Missing => miss(format!("no file `{}` for revision `{wanted}`", reference.display())),
                refused => miss(format!("`{}`: {refused}", reference.display())),
            })?;
            String::from_utf8_lossy(&bytes).trim().to_owned()
        };
        if !is_commit(&commit) {
            return Err(miss(format!("`{}` does not hold a commit", place.join("refs").join(wanted).display())));
        }
        let dir = place.join("snapshots").join(&commit);
        if !dir.is_dir() {
            return Err(miss(format!("no directory `{}`", dir.display())));
        }
        Ok(Resolved { dir, revision: Some(commit) })
    }
}

fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Tells whether a text is `NAME` or `ORG/NAME`, so that it stays one directory of the cache.
fn is_repository(text: &str) -> bool {
    let fits = |part: &str| is_plain(part) && !part.starts_with(['.', '-']) && !part.contains("--");
    text.split('/').count() <= 2 && text.split('/').all(fits)
}

/// Tells whether a text is a branch, tag or commit; also `refs/pr/1`.
fn is_revision(text: &str) -> bool {
    text.split('/').all(is_plain)
}

fn is_plain(part: &str) -> bool {
    let known = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    !part.is_empty() && part != "." && part != ".." && part.chars().all(known)
}

/// Tells whether a name is a plain file name, so that joining it to a directory cannot lead out of it.
pub(crate) fn is_file_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    matches!((components.next(), components.next()), (Some(Component::Normal(part)), None) if part == name)
}
