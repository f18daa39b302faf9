//! Every plan that the fixtures and the pipelines compile to; of large sweeps the points at both ends.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pbpo_compiler::{Compiled, Input, Planned, compile};
use pbpo_grammar::FileId;
use pbpo_grammar::ast::Item;
use pbpo_plan::Plan;

use super::{Folder, fixtures, root};

/// A plan, and where it comes from.
pub struct Made {
    /// The file, as `plans/exact` or `pipelines/quickstart.pbpo`.
    pub file: String,
    /// What was compiled, as the user names it.
    pub target: String,
    /// The folder of the file.
    pub folder: PathBuf,
    pub plan: Plan,
}

/// Points of a sweep that count, at its start and at its end.
const ENDS: usize = 3;

/// The names of what can be compiled in a text.
fn targets(text: &str) -> BTreeSet<String> {
    let file = pbpo_grammar::parse(FileId(0), text);
    let runs = |item: &&Item| match item {
        Item::Pipeline(pipeline) => pipeline.formals.is_none(),
        Item::Variant(_) | Item::Sweep(_) => true,
        _ => false,
    };
    file.items.iter().filter(runs).filter_map(|item| Some(item.name()?.text.clone())).collect()
}

/// The first and the last points of a compilation.
fn ends(points: Vec<Planned>) -> impl Iterator<Item = Plan> {
    let last = points.len().saturating_sub(ENDS).max(ENDS);
    points
        .into_iter()
        .enumerate()
        .filter(move |(index, _)| *index < ENDS || *index >= last)
        .map(|(_, point)| point.plan)
}

/// Returns the plans, file by file.
pub fn all() -> Vec<Made> {
    let mut all = Vec::new();
    let mut add = |file: &str, folder: &Path, target: &str, compiled: Compiled| {
        let made = |plan| Made { file: file.to_owned(), target: target.to_owned(), folder: folder.to_owned(), plan };
        all.extend(ends(compiled.points).map(made));
    };
    for fixture in ["good", "plans", "sweeps"].into_iter().flat_map(fixtures) {
        let (file, folder) = (format!("{}/{}", fixture.folder, fixture.name), root().join(&fixture.folder));
        add(&file, &folder, "(first line)", fixture.compile());
        for target in targets(&fixture.text) {
            add(&file, &folder, &target, fixture.of_target(&target));
        }
    }
    for folder in ["pipelines", "pipelines/llm", "pipelines/theory"] {
        let at = root().join("../..").join(folder);
        let entries = std::fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().path());
        let files: BTreeSet<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "pbpo")).collect();
        for path in files {
            let (text, name) = (std::fs::read_to_string(&path).unwrap(), path.file_name().unwrap().to_string_lossy());
            let file = format!("{folder}/{name}");
            for target in targets(&text) {
                let input = Input { name: &name, text: &text, loader: &Folder(at.clone()), lints: &[] };
                let compiled = compile(input, Some(&target), &[]);
                assert!(!compiled.failed(), "{file}: {target}");
                add(&file, &at, &target, compiled);
            }
        }
    }
    all
}
