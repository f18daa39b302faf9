//! The documentation is checked: every whole file in it compiles (fenced `pbpo` blocks that start with `pbpo 1`), and
//! so does every file of the tour at each step; the reference is that of this compiler.

#[path = "../../tests/fences/mod.rs"]
mod fences;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fences::{Step, steps};
use pbpo_compiler::modules::Loader;
use pbpo_compiler::render::short;
use pbpo_compiler::{Input, check, compile, doc};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

#[test]
fn every_file_in_the_documentation_compiles() {
    let mut pages: Vec<PathBuf> =
        std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    pages.push(root().join("README.md"));
    for page in &pages {
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

/// The files of a page so far.
#[derive(Default)]
struct Files(BTreeMap<String, String>);

impl Loader for Files {
    fn load(&self, path: &str) -> Result<String, String> {
        self.0.get(path).cloned().ok_or_else(|| "there is no such file".into())
    }
}

#[test]
fn every_step_of_the_tour_compiles() {
    let mut files = Files::default();
    let mut seen = 0;
    for step in steps(&page("docs/tour.md")) {
        let Step::File { name, text, codes, line } = step else { continue };
        files.0.insert(name.clone(), text.clone());
        let found = check(Input { name: &name, text: &text, loader: &files, lints: &[] }, &[]);
        let given: Vec<&str> = found.diagnostics.iter().map(|finding| finding.code.text()).collect();
        assert_eq!(given, codes, "docs/tour.md:{line}:\n{}", short::render(&found));
        seen += 1;
    }
    assert!(seen >= 6, "the tour shows {seen} files");
    let blocks = page("docs/tour.md").matches("\n```pbpo").count();
    assert_eq!(blocks, seen, "a block of the tour has no file name");
}

#[test]
fn the_readme_quotes_the_quickstart() {
    let (readme, quickstart) = (page("README.md"), page("pipelines/quickstart.pbpo"));
    let quoted = readme.split_once("```pbpo quickstart\n").unwrap().1.split_once("```").unwrap().0;
    for line in quoted.lines().filter(|line| !line.starts_with("// ...")) {
        assert!(quickstart.lines().any(|other| other == line), "not in the quickstart: {line}");
    }
}

#[test]
fn the_reference_is_in_step() {
    assert!(page("docs/reference.md") == doc::reference(), "run: pbpoc doc > docs/reference.md");
}
