//! What can be compiled of a program: pipelines, variants of them, and the points of sweeps.
//!
//! A point is a pipeline with an ordered list of overrides. `overrides.rs`: how one is applied; `target.rs`: what
//! one sets; `sweep.rs`: the points of a sweep; `axis.rs`: the values of an axis; `ablate.rs`: blocks taken out;
//! `clash.rs`: what a sweep sets twice; `pinned.rs`: what makes its points equal; `condition.rs`: its `where`;
//! `names.rs`: which points a name means.

mod ablate;
mod axis;
mod clash;
mod condition;
mod fields;
mod names;
pub mod overrides;
pub mod pinned;
mod sweep;
pub mod target;

use std::collections::BTreeMap;

use pbpo_grammar::ast::{Ident, Item, Variant};
use pbpo_grammar::{FileId, Span};

pub use overrides::Override;
pub use target::Target;

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::modules::{Entry, Project};
use crate::source::{SourceMap, TARGET};
use crate::suggest;

/// A pipeline with overrides.
#[derive(Clone, Debug)]
pub struct Point {
    /// `main`, `no_enhancer`, `beta_grid[beta=0.04,seed=2]`
    pub name: String,
    /// The name without the seed: points that differ in nothing else have it in common.
    pub group: String,
    /// What the name has in brackets, one by one.
    pub parts: Vec<String>,
    /// Global name of the pipeline.
    pub pipeline: String,
    /// The overrides in order, with what they come from: a variant or a sweep.
    pub overrides: Vec<(Origin, Override)>,
}

/// Where an override comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Variant(String),
    Sweep(String),
}

/// Finds what has been asked for, and gives its points.
pub struct Finder<'a> {
    pub project: &'a Project,
    pub entries: &'a [Entry],
    /// Those of the command line, which come on top.
    pub sets: &'a [Override],
    pub out: &'a mut Vec<Diagnostic>,
    /// The variants and sweeps that are being resolved, outermost first.
    stack: Vec<(String, Span)>,
}

impl<'a> Finder<'a> {
    pub fn new(project: &'a Project, sets: &'a [Override], out: &'a mut Vec<Diagnostic>) -> Self {
        Self { project, entries: &project.entries, sets, out, stack: Vec::new() }
    }

    /// The declaration of a global name.
    fn item(&self, global: &str) -> Option<&'a Item> {
        self.entries.iter().find(|entry| entry.global == global).map(|entry| &*entry.item)
    }

    /// The points of a name of the main file, `grid[seed=0]` all with that seed; nothing where there was an error.
    pub fn target(&mut self, name: &str, sources: &mut SourceMap) -> Vec<Point> {
        let (word, point) = match name.split_once('[') {
            Some((word, _)) => (word, Some(name)),
            None => (name, None),
        };
        let span = Span::new(sources.add(TARGET, name), 0, word.len());
        let ident = Ident { text: word.to_owned(), span };
        let points = self.points(&ident);
        let Some(wanted) = point else { return points };
        let all: Vec<String> = points.iter().map(|point| point.name.clone()).collect();
        let found = names::fitting(points, wanted);
        if all.is_empty() || !found.is_empty() {
            return found;
        }
        let names: Vec<&str> = all.iter().map(String::as_str).collect();
        let whole = Span { end: u32::try_from(name.len()).unwrap_or(u32::MAX), ..span };
        self.out.push(
            Diagnostic::error(Code::UnknownPipeline, whole, format!("`{word}` has no such point"))
                .label("unknown point")
                .maybe_help(suggest::help(wanted, &names).or(names.first().map(|name| format!("one is `{name}`")))),
        );
        Vec::new()
    }

    /// The points of what a word means.
    pub fn points(&mut self, word: &Ident) -> Vec<Point> {
        let Some(global) = self.project.views.global(word).map(str::to_owned) else {
            self.unknown(word);
            return Vec::new();
        };
        match self.item(&global) {
            Some(Item::Pipeline(pipeline)) if pipeline.formals.is_none() => {
                let (name, group) = (word.text.clone(), word.text.clone());
                vec![Point { name, group, parts: Vec::new(), pipeline: global, overrides: Vec::new() }]
            }
            Some(Item::Variant(variant)) => {
                self.nested(&global, word, |finder| finder.variant(&global, variant)).unwrap_or_default()
            }
            Some(Item::Sweep(sweep)) => {
                self.nested(&global, word, |finder| finder.sweep(&global, sweep)).unwrap_or_default()
            }
            Some(item) => {
                self.wrong(word, item);
                Vec::new()
            }
            None => {
                self.unknown(word);
                Vec::new()
            }
        }
    }

    /// Resolves something that must not contain itself.
    fn nested<T>(&mut self, global: &str, word: &Ident, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if let Some(first) = self.stack.iter().position(|(name, _)| name == global) {
            let mut way: Vec<&str> = self.stack.iter().skip(first).map(|(name, _)| name.as_str()).collect();
            way.push(global);
            self.out.push(
                Diagnostic::error(Code::VariantCycle, word.span, format!("`{global}` is a variant of itself"))
                    .label(way.join(" of "))
                    .help("name a pipeline here"),
            );
            return None;
        }
        self.stack.push((global.to_owned(), word.span));
        let made = work(self);
        self.stack.pop();
        Some(made)
    }

    fn variant(&mut self, global: &str, variant: &Variant) -> Vec<Point> {
        if let Some(Item::Sweep(sweep)) = self.project.views.global(&variant.of).and_then(|of| self.item(of)) {
            let base = sweep.over.first().map_or("main", |base| base.text.as_str());
            let name = &variant.name.text;
            self.out.push(
                Diagnostic::error(Code::WrongKind, variant.of.span, "a variant of a sweep")
                    .label("not a pipeline or a variant")
                    .help(format!("write `variant {name} of {base}`, and `sweep ... over {name}`")),
            );
            return Vec::new();
        }
        let mut points = self.points(&variant.of);
        for point in &mut points {
            global.clone_into(&mut point.name);
            global.clone_into(&mut point.group);
            let origin = Origin::Variant(global.to_owned());
            point.overrides.extend(
                variant.settings.iter().map(|setting| (origin.clone(), Override::new(&setting.path, &setting.value))),
            );
        }
        points
    }

    fn unknown(&mut self, word: &Ident) {
        if self.project.doubtful.contains(&word.text) {
            return;
        }
        let names = self.runnable(word.span.file);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.out.push(
            Diagnostic::error(Code::UnknownPipeline, word.span, format!("no pipeline is called `{}`", word.text))
                .label("unknown pipeline")
                .suggest(&word.text, &names),
        );
    }

    fn wrong(&mut self, word: &Ident, item: &Item) {
        let (found, help) = match item {
            Item::Pipeline(pipeline) => {
                let args: Vec<&str> = pipeline.formals.iter().flatten().map(|f| f.name.text.as_str()).collect();
                let call = format!("write `pipeline main = {}({})`, and name that", word.text, args.join(", "));
                ("a pipeline with parameters", Some(call))
            }
            Item::Objective(_) => ("an objective", None),
            Item::Param(_) => ("a parameter", None),
            _ => ("a block", None),
        };
        let error = Diagnostic::error(Code::WrongKind, word.span, format!("expected a pipeline, found {found}"));
        let error = error.label(format!("`{}` is {found}", word.text)).maybe_help(help);
        self.out.push(match item.name() {
            Some(name) => error.also(name.span, "declared here"),
            None => error,
        });
    }

    /// Names of everything in a file that can be run.
    fn runnable(&self, file: FileId) -> Vec<String> {
        let view: &BTreeMap<String, String> = self.project.views.in_file(file);
        let runs = |global: &String| match self.item(global) {
            Some(Item::Pipeline(pipeline)) => pipeline.formals.is_none(),
            Some(Item::Variant(_) | Item::Sweep(_)) => true,
            _ => false,
        };
        view.iter().filter(|(_, global)| runs(global)).map(|(name, _)| name.clone()).collect()
    }
}

/// Points in which each override of some points occurs at least once: enough to check every value.
pub fn each_value(points: Vec<Point>) -> Vec<Point> {
    let mut seen: std::collections::BTreeSet<(String, Span)> = std::collections::BTreeSet::new();
    points
        .into_iter()
        .filter(|point| {
            let sets = point.overrides.iter().map(|(_, set)| (set.text.clone(), set.value.span));
            let pipeline = (point.pipeline.clone(), Span::default());
            // All of them are remembered, not up to the first new one.
            sets.chain([pipeline]).filter(|set| seen.insert(set.clone())).count() > 0
        })
        .collect()
}
