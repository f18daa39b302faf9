//! Every whole file in the documentation compiles: the fenced `pbpo` blocks that start with `pbpo 1`.

use std::path::{Path, PathBuf};

use pbpo_compiler::Input;
use pbpo_compiler::compile;
use pbpo_compiler::render::short;

#[test]
fn every_file_in_the_documentation_compiles() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages: Vec<PathBuf> =
        std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    pages.push(root.join("README.md"));
    for page in pages.iter().filter(|page| page.exists()) {
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(page).unwrap();
        let files = files(&text);
        for (line, file) in &files {
            let compiled = compile(Input::text(&name, file), None, &[]);
            assert!(compiled.diagnostics.is_empty(), "{name}, the block at line {line}:\n{}", short::render(&compiled));
        }
        assert!(name != "language.md" || !files.is_empty(), "the language reference shows no whole file");
    }
}

/// The whole files of a page, with the lines of their fences.
fn files(page: &str) -> Vec<(usize, String)> {
    let mut files = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        if line.trim() == "```pbpo" {
            let body: Vec<&str> =
                lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```").collect();
            if body.first().is_some_and(|line| *line == "pbpo 1") {
                files.push((at + 1, body.join("\n")));
            }
        }
    }
    files
}
