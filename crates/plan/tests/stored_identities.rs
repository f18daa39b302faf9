//! The identities of stages, as they have been stored: a result that was kept under one must be found under it again.
//!
//! For each file, target and point there is one hash over the names and identities of all stages. A change of the
//! snapshot is a change of what every earlier run is known by: it needs a reason, and a new version of the op.

#[path = "../../../compiler/tests/common/mod.rs"]
mod common;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use pbpo_compiler::modules::Loader;
use pbpo_compiler::{Compiled, Input, Planned, compile};
use pbpo_grammar::FileId;
use pbpo_grammar::ast::Item;
use pbpo_plan::{Plan, identity::identities};

/// Points of a sweep that count, at its start and at its end.
const ENDS: usize = 3;

/// Reads what a file imports.
struct Folder<'a>(&'a Path);

impl Loader for Folder<'_> {
    fn load(&self, path: &str) -> Result<String, String> {
        std::fs::read_to_string(self.0.join(path)).map_err(|error| error.to_string())
    }
}

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
fn ends(points: &[Planned]) -> impl Iterator<Item = &Planned> {
    let last = points.len().saturating_sub(ENDS).max(ENDS);
    points.iter().enumerate().filter(move |(index, _)| *index < ENDS || *index >= last).map(|(_, point)| point)
}

fn hash(plan: &Plan) -> String {
    let mut hasher = blake3::Hasher::new();
    for (name, identity) in identities(plan) {
        hasher.update(name.as_bytes()).update(&[0]).update(&identity);
    }
    hasher.finalize().to_hex().chars().take(32).collect()
}

fn lines(out: &mut String, target: &str, compiled: &Compiled) {
    for point in ends(&compiled.points) {
        let _ = writeln!(out, "  {target} {} {}", point.plan.point, hash(&point.plan));
    }
}

#[test]
fn identities_are_those_that_were_stored() {
    let mut out = String::new();
    for fixture in ["good", "plans", "sweeps"].into_iter().flat_map(common::fixtures) {
        let _ = writeln!(out, "{}/{}", fixture.folder, fixture.name);
        lines(&mut out, "(first line)", &fixture.compile());
        for target in targets(&fixture.text) {
            lines(&mut out, &target, &fixture.of_target(&target));
        }
    }
    for folder in ["pipelines", "pipelines/llm", "pipelines/theory"] {
        let at = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
        let entries = std::fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().path());
        let files: BTreeSet<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "pbpo")).collect();
        for path in files {
            let (text, name) = (std::fs::read_to_string(&path).unwrap(), path.file_name().unwrap().to_string_lossy());
            let _ = writeln!(out, "{folder}/{name}");
            for target in targets(&text) {
                let input = Input { name: &name, text: &text, loader: &Folder(&at), lints: &[] };
                let compiled = compile(input, Some(&target), &[]);
                assert!(!compiled.failed(), "{folder}/{name}: {target}");
                lines(&mut out, &target, &compiled);
            }
        }
    }
    insta::with_settings!({ prepend_module_to_snapshot => false }, { insta::assert_snapshot!("identities", out) });
}
