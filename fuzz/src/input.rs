//! The settings of a text's compilation: its first line may set them, as in the fixtures.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use pbpo_compiler::modules::Loader;
use pbpo_compiler::{Compiled, Input};

/// The files that texts can import, by path: those imported by the fixtures.
static LIBRARY: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let mut files = BTreeMap::new();
    for folder in ["errors", "plans"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures").join(folder).join("lib");
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            let name = format!("lib/{}", entry.file_name().to_string_lossy());
            files.extend(std::fs::read_to_string(entry.path()).map(|text| (name, text)));
        }
    }
    files
});

struct Library;

impl Loader for Library {
    fn load(&self, path: &str) -> Result<String, String> {
        LIBRARY.get(path).cloned().ok_or_else(|| "there is no such file".into())
    }
}

/// The settings in a first line, `// set: beta=1 | target: main`.
pub struct Head {
    pub sets: Vec<String>,
    pub target: Option<String>,
}

pub fn head(text: &str) -> Head {
    let first = text.trim_start_matches('\u{FEFF}').lines().next().unwrap_or_default();
    let parts: Vec<&str> = first.trim_start_matches('/').split('|').map(str::trim).collect();
    let all = |key: &str| -> Vec<String> {
        parts.iter().filter_map(|part| part.strip_prefix(key)).map(|part| part.trim().to_owned()).collect()
    };
    Head { sets: all("set:"), target: all("target:").pop() }
}

pub fn input(text: &str) -> Input<'_> {
    Input { name: "main.pbpo", text, loader: &Library, lints: &[] }
}

/// Checks that every place of every finding is part of its text.
pub fn places(compiled: &Compiled) {
    for finding in &compiled.diagnostics {
        let labels = std::iter::once(&finding.primary).chain(&finding.others).map(|label| label.span);
        let edits = finding.fix.iter().flat_map(|fix| &fix.edits).map(|(span, _)| *span);
        for span in labels.chain(edits) {
            let file = compiled.sources.get(span.file).expect("a file that is there");
            assert!(file.text.get(span.start as usize..span.end as usize).is_some(), "{finding:?}");
        }
    }
}
