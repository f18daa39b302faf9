//! Reads fixtures.
#![allow(dead_code, reason = "each test uses its own part")]

use std::path::PathBuf;

use pbpo_compiler::{Compiled, compile};

/// A file of `tests/fixtures`.
pub struct Fixture {
    pub name: String,
    pub text: String,
    /// Codes that are expected, in order.
    pub errors: String,
    pub overrides: Vec<String>,
    pub pipeline: Option<String>,
}

impl Fixture {
    pub fn compile(&self) -> Compiled {
        self.compile_text(&self.text)
    }

    /// Another text in its place.
    pub fn compile_text(&self, text: &str) -> Compiled {
        compile(&format!("{}.pbpo", self.name), text, self.pipeline.as_deref(), &self.overrides)
    }
}

/// The fixtures of a folder, by name.
pub fn fixtures(folder: &str) -> impl Iterator<Item = Fixture> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures").join(folder);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "pbpo"));
    paths.sort();
    paths.into_iter().map(|path| {
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
            pipeline: all("pipeline:").pop(),
            text,
        }
    })
}
