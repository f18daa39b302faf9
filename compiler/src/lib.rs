//! Compiles `.pbpo` files to plans. The crate is pure: no clock, no environment, no disk, no network.
//!
//! text -> `pbpo_grammar::ast` -> [`hir`] (checked, with overrides applied) -> [`pbpo_plan`].
//!
//! - `schema/`: the syntax of blocks and operations, as tables. `code.rs`: every diagnostic code.
//! - `modules.rs`, `stdlib.rs`: files and imports. `syntax.rs`, `check/`: finds errors in a file.
//! - `points/`: variants, sweeps, `--set`. `functions.rs`, `expand.rs`: definitions with parameters.
//! - `work.rs`: the order of all this for one file. `lower/`: pipelines to stages, objectives to expressions.
//! - `doc/`: the reference of the language, from the tables.
//! - `render/`: diagnostics as text, lines, JSON.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

mod check;
pub mod code;
pub mod diagnostic;
pub mod doc;
mod expand;
pub mod fixes;
mod functions;
pub mod hir;
pub mod ide;
mod layered;
pub mod lints;
mod lower;
pub mod modules;
pub mod pages;
pub mod params;
mod points;
pub mod render;
pub mod schema;
mod scope;
pub mod source;
pub mod stdlib;
pub mod suggest;
mod syntax;
pub mod units;
mod work;

use std::collections::BTreeMap;

pub use pbpo_grammar::Span;
use pbpo_grammar::ast::{Item, Level};
use pbpo_plan::Plan;

use code::Code;
use diagnostic::{Diagnostic, any_error};
use modules::Loader;
use source::SourceMap;
use work::{Work, unused};

/// The result of a compilation.
#[derive(Clone, Debug, Default)]
pub struct Compiled {
    /// The plan of each point, in order; empty if there is an error.
    pub points: Vec<Planned>,
    /// Every finding, in file order.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts that spans point into.
    pub sources: SourceMap,
}

/// A point with its plan.
#[derive(Clone, Debug)]
pub struct Planned {
    pub plan: Plan,
    /// The point's name without the seed: points that differ only in the seed share it.
    pub group: String,
    /// The place where each stage of the plan was written.
    pub spans: BTreeMap<String, Span>,
}

impl Compiled {
    /// Tells whether there is an error.
    pub fn failed(&self) -> bool {
        any_error(&self.diagnostics)
    }

    /// Returns the plan, if there is exactly one point.
    pub fn plan(&self) -> Option<&Plan> {
        match self.points.as_slice() {
            [only] => Some(&only.plan),
            _ => None,
        }
    }
}

/// A file to compile: its name (a path, for imports beside it), its text, and the loader of other files.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    pub name: &'a str,
    pub text: &'a str,
    pub loader: &'a dyn Loader,
    /// The levels of lints, which override the file's own.
    pub lints: &'a [(Level, String)],
}

impl<'a> Input<'a> {
    /// Makes an input from a text that imports only the standard library.
    pub fn text(name: &'a str, text: &'a str) -> Self {
        Self { name, text, loader: &modules::NoFiles, lints: &[] }
    }
}

/// Compiles a pipeline, a variant, a sweep or one point of it: the one with this name, or the only pipeline.
/// `overrides` are `path=value`, in order; they are applied after every point's own.
pub fn compile(input: Input<'_>, target: Option<&str>, overrides: &[String]) -> Compiled {
    let mut work = Work::new(input, overrides);
    let base = work.program();
    let points = work.choose(target, &base);
    points::pinned::pinned(&work.project, &work.overrides, &points, &mut work.out);
    let planned = work.plans(&points, &base);
    let (overridden, _, wrong) = work.overridden(&base);
    // Points report these errors themselves.
    work.out.extend(wrong.into_iter().filter(|_| points.is_empty()));
    if !any_error(&work.out) {
        work.out.extend(work.lints(&points, &planned, &overridden));
        if work.overrides.is_empty() && points.len() == 1 && base.pipelines.len() == 1 {
            unused(&base, &work.project, &mut work.out);
        }
    }
    work.tidy();
    let failed = any_error(&work.out);
    Compiled { points: if failed { Vec::new() } else { planned }, diagnostics: work.out, sources: work.sources }
}

/// Checks everything in a file: every definition, pipeline, variant, and each value of each sweep once.
pub fn check(input: Input<'_>, overrides: &[String]) -> Compiled {
    let mut work = Work::new(input, overrides);
    let base = work.program();
    let library = work.project.entries.iter().any(|entry| entry.file == work.project.main && is_library(&entry.item));
    if base.pipelines.is_empty() && !library {
        work.no_pipeline();
    }
    let points = work.everything();
    let (overridden, _, wrong) = work.overridden(&base);
    work.out.extend(wrong.into_iter().filter(|_| points.is_empty()));
    let (found, planned) = work.look(&points, &base, &overridden);
    if !any_error(&work.out) {
        work.out.extend(found);
        lints::file::check(&work.project, &mut work.out);
        lints::variables::check(&work.project, &mut work.out);
        if work.overrides.is_empty() {
            unused(&base, &work.project, &mut work.out);
            work.idle(&points, planned, &base);
        }
    }
    work.tidy();
    Compiled { points: Vec::new(), diagnostics: work.out, sources: work.sources }
}

/// Returns the parameters of a file, in its order.
pub fn params(input: Input<'_>, overrides: &[String]) -> (Vec<params::Row>, Compiled) {
    let mut work = Work::new(input, overrides);
    let base = work.program();
    let (_, entries, wrong) = work.overridden(&base);
    let rows = params::rows(&entries);
    work.out.extend(wrong);
    work.tidy();
    (rows, Compiled { points: Vec::new(), diagnostics: work.out, sources: work.sources })
}

/// Returns the origin of a path's value at a point: the chain of assignments, of which the last counts.
pub fn why(input: Input<'_>, target: Option<&str>, overrides: &[String], path: &str) -> (Vec<params::Step>, Compiled) {
    let mut work = Work::new(input, overrides);
    let base = work.program();
    work.every_step = true;
    let points = work.choose(target, &base);
    let file = work.sources.add("--why", path);
    let mut steps = Vec::new();
    if let [point, rest @ ..] = points.as_slice() {
        let path = params::path(path, file);
        match params::why(&work.project, point, &work.overrides, &path, &mut work.out) {
            Ok(found) if !any_error(&work.out) => steps = found,
            Ok(_) => {}
            Err(error) => work.out.push(error),
        }
        if !rest.is_empty() && !any_error(&work.out) {
            let message = format!("a sweep has {} points; this is the first", points.len());
            let at = Span::new(file, 0, path.len());
            work.out.push(
                Diagnostic::warning(Code::ChoosePipeline, at, message).help(format!("name one: `{}`", point.name)),
            );
        }
    }
    work.tidy();
    (steps, Compiled { points: Vec::new(), diagnostics: work.out, sources: work.sources })
}

/// Tells whether an item makes a file useful without a pipeline to run.
fn is_library(item: &Item) -> bool {
    match item {
        Item::Objective(_) | Item::Extern(_) | Item::Variant(_) | Item::Sweep(_) => true,
        Item::Pipeline(pipeline) => pipeline.formals.is_some(),
        _ => false,
    }
}

/// Makes a finding about a file that can't be read as text; `reason` is a few words.
pub fn unreadable(file_name: &str, reason: &str) -> Compiled {
    let mut sources = SourceMap::default();
    let id = sources.add(file_name, "");
    let message = format!("can't read this file: {reason}");
    let error = Diagnostic::error(Code::UnreadableFile, Span::new(id, 0, 0), message);
    Compiled { diagnostics: vec![error.help("give the path of a `.pbpo` text file")], sources, ..Compiled::default() }
}
