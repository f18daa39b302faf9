//! Reads fixtures.
#![allow(dead_code, reason = "each test uses its own part")]

pub mod graft;
pub mod mutate;
pub mod plans;

use std::path::{Path, PathBuf};

use pbpo_compiler::modules::Loader;
use pbpo_compiler::params::Step;
use pbpo_compiler::{Compiled, Input, check, compile};
use pbpo_grammar::FileId;
use pbpo_grammar::ast::{Fault, FaultKind};

/// A file of `tests/fixtures`.
pub struct Fixture {
    pub name: String,
    pub text: String,
    /// The expected codes, in order.
    pub errors: String,
    pub overrides: Vec<String>,
    pub target: Option<String>,
    /// True if everything in the file is checked, without compiling a point.
    pub check: bool,
    /// Its folder, below `tests/fixtures`.
    pub folder: String,
}

impl Fixture {
    pub fn compile(&self) -> Compiled {
        self.compile_text(&self.text)
    }

    /// Compiles something else in the file than the first line says.
    pub fn of_target(&self, target: &str) -> Compiled {
        let (name, loader) = (format!("{}.pbpo", self.name), Folder(root().join(&self.folder)));
        let input = Input { name: &name, text: &self.text, loader: &loader, lints: &[] };
        compile(input, Some(target), &self.overrides)
    }

    /// How a value comes about at a point.
    pub fn why(&self, point: &str, path: &str) -> (Vec<Step>, Compiled) {
        let (name, loader) = (format!("{}.pbpo", self.name), Folder(root().join(&self.folder)));
        let input = Input { name: &name, text: &self.text, loader: &loader, lints: &[] };
        pbpo_compiler::why(input, Some(point), &[], path)
    }

    /// Compiles another text in its place.
    pub fn compile_text(&self, text: &str) -> Compiled {
        let (name, loader) = (format!("{}.pbpo", self.name), Folder(root().join(&self.folder)));
        let input = Input { name: &name, text, loader: &loader, lints: &[] };
        if self.check { check(input, &self.overrides) } else { compile(input, self.target.as_deref(), &self.overrides) }
    }
}

/// The folder of the fixtures; tests of another crate include this file.
fn root() -> PathBuf {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("tests/fixtures"));
    folders.into_iter().find(|folder| folder.is_dir()).expect("the fixtures are below a folder above")
}

/// Returns the number of places of a text that cannot be parsed.
pub fn unread(text: &str) -> usize {
    let foreign = |fault: &&Fault| matches!(fault.kind, FaultKind::Foreign { .. });
    pbpo_grammar::parse(FileId(0), text).faults.iter().filter(|fault| !foreign(fault)).count()
}

/// A loader of the fixtures' imports.
struct Folder(PathBuf);

impl Loader for Folder {
    fn load(&self, path: &str) -> Result<String, String> {
        std::fs::read_to_string(self.0.join(path)).map_err(|_| "there is no such file".into())
    }
}

/// Returns the fixtures of a folder, by name.
pub fn fixtures(folder: &str) -> impl Iterator<Item = Fixture> {
    let at = root().join(folder);
    let entries = std::fs::read_dir(&at).unwrap_or_else(|error| panic!("{}: {error}", at.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "pbpo"));
    paths.sort();
    let folder = folder.to_owned();
    paths.into_iter().map(move |path| {
        let text = std::fs::read_to_string(&path).unwrap();
        let first = text.trim_start_matches('\u{FEFF}').lines().next().unwrap_or_default();
        let head: Vec<&str> = first.trim_start_matches('/').split('|').map(str::trim).collect();
        let all = |key: &str| -> Vec<String> {
            head.iter().filter_map(|part| part.strip_prefix(key)).map(|part| part.trim().to_owned()).collect()
        };
        Fixture {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            errors: all("errors:").join(" "),
            overrides: all("set:"),
            target: all("target:").pop(),
            check: head.contains(&"check"),
            folder: folder.clone(),
            text,
        }
    })
}
