//! The things that can be compiled: pipelines, their variants, and the points of sweeps.
//!
//! A point is a pipeline with an ordered list of overrides. `overrides.rs`: applies one; `target.rs`: its target;
//! `sweep.rs`: the points of a sweep; `axis.rs`: the values of an axis; `ablate.rs`: switched-off blocks; `clash.rs`:
//! values set twice by a sweep; `pinned.rs`: overrides that make points equal; `condition.rs`: its `where`; `names.rs`:
//! points by name; `plain.rs`: seeds of which one value is enough to check.

mod ablate;
mod axis;
mod clash;
mod condition;
mod fields;
mod names;
pub mod overrides;
pub mod pinned;
mod plain;
mod sweep;
pub mod target;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pbpo_grammar::ast::{Ident, Item, Variant};
use pbpo_grammar::{FileId, Span};

pub use overrides::Override;
pub use target::Target;

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::modules::Project;
use crate::source::{SourceMap, TARGET};
use crate::suggest;

/// A pipeline with overrides.
#[derive(Clone, Debug)]
pub struct Point {
    /// The name: `main`, `no_enhancer`, `beta_grid[beta=0.04,seed=2]`.
    pub name: String,
    /// The name without the seed: points that differ only in the seed share it.
    pub group: String,
    /// The parts of the name in brackets.
    pub parts: Vec<String>,
    /// Global name of the pipeline.
    pub pipeline: String,
    /// The overrides in order, with their origin: a variant or a sweep.
    pub overrides: Vec<(Origin, Arc<Override>)>,
}

impl Point {
    /// Tells whether it is a point of a sweep.
    pub fn swept(&self) -> bool {
        self.overrides.iter().any(|(origin, _)| matches!(origin, Origin::Sweep(_)))
    }
}

/// The origin of an override.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Variant(Arc<str>),
    Sweep(Arc<str>),
}

/// A search for the requested points.
pub struct Finder<'a> {
    pub project: &'a Project,
    /// The overrides of the command line, which are applied last.
    pub sets: &'a [Override],
    pub out: &'a mut Vec<Diagnostic>,
    /// Makes only as many points of a sweep as are needed for every value to occur once; for `check`.
    pub each_value: bool,
    /// True to keep an override in a point even if a later one hides it.
    pub keep_hidden: bool,
    /// The variants and sweeps that are being resolved, outermost first.
    stack: Vec<String>,
    /// The index of each name in `stack`.
    depths: BTreeMap<String, usize>,
    /// The points of the variants that were resolved.
    known: BTreeMap<String, Vec<Point>>,
    /// The seed's global name if one value of it is enough to check a sweep; computed once.
    seed: OnceCell<Option<&'a str>>,
}

/// The deepest nesting of variants and sweeps that is resolved.
const LONGEST: usize = 1000;
/// A circle of more than this many variants is reported once, a shorter one at each of them.
const SHORT: usize = 8;

impl<'a> Finder<'a> {
    pub fn new(project: &'a Project, sets: &'a [Override], out: &'a mut Vec<Diagnostic>) -> Self {
        let (stack, depths, known) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        Self { project, sets, out, each_value: false, keep_hidden: false, stack, depths, known, seed: OnceCell::new() }
    }

    /// Returns the declaration of a global name.
    fn item(&self, global: &str) -> Option<&'a Item> {
        self.project.item(global)
    }

    /// Returns the points of a name of the main file, `grid[seed=0]` all with that seed; none if there was an error.
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

    /// Returns the points of the declaration that a word means.
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
                self.resolve_bases(variant);
                if let Some(known) = self.known.get(&global) {
                    return known.clone();
                }
                let Some(points) = self.nested(&global, word, |finder| finder.variant(&global, variant)) else {
                    return Vec::new();
                };
                if !points.is_empty() {
                    self.known.insert(global, points.clone());
                }
                points
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

    /// Resolves the bases of a variant, from the far end of the chain, so that a long chain needs no stack. Errors of a
    /// long chain are reported once; short ones are left to `nested`.
    fn resolve_bases(&mut self, variant: &'a Variant) {
        let (mut chain, mut places, mut word) = (Vec::new(), BTreeMap::new(), &variant.of);
        let mut first = None;
        while let Some(global) = self.project.views.global(word).filter(|global| !self.known.contains_key(*global))
            && let Some(Item::Variant(next)) = self.item(global)
        {
            first = places.insert(global.to_owned(), chain.len());
            if first.is_some() {
                break;
            }
            chain.push((word, global.to_owned()));
            word = &next.of;
        }
        let is_long = chain.len() > SHORT;
        if let Some(first) = first {
            if is_long {
                let outer = self.stack.len();
                self.stack.extend(chain.iter().map(|(_, global)| global.clone()));
                let global = self.stack.get(outer + first).cloned().unwrap_or_default();
                self.circle(&global, word, outer + first);
                self.stack.truncate(outer);
                self.known.extend(chain.into_iter().map(|(_, global)| (global, Vec::new())));
            }
            return;
        }
        while let Some((word, _)) = chain.pop() {
            if self.points(word).is_empty() {
                if is_long {
                    self.known.extend(chain.into_iter().map(|(_, global)| (global, Vec::new())));
                }
                return;
            }
        }
    }

    /// Resolves a declaration that must not contain itself.
    fn nested<T>(&mut self, global: &str, word: &Ident, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if let Some(first) = self.depths.get(global).copied() {
            self.circle(global, word, first);
            return None;
        }
        if self.stack.len() >= LONGEST {
            let error = Diagnostic::error(
                Code::TooDeep,
                word.span,
                format!("a chain of more than {LONGEST} variants and sweeps"),
            );
            self.out.push(error.label("too deep from here on").help("name a pipeline here"));
            return None;
        }
        self.depths.insert(global.to_owned(), self.stack.len());
        self.stack.push(global.to_owned());
        let made = work(self);
        self.stack.pop();
        self.depths.remove(global);
        Some(made)
    }

    /// Reports that a declaration contains itself, with the cycle if it is short.
    fn circle(&mut self, global: &str, word: &Ident, first: usize) {
        let way = self.stack.get(first..).unwrap_or_default();
        let long = way.len() > SHORT;
        let shown = way.iter().take(SHORT).map(String::as_str).chain(long.then_some("...")).chain([global]);
        let shown: Vec<&str> = shown.collect();
        self.out.push(
            Diagnostic::error(Code::VariantCycle, word.span, format!("`{global}` is a variant of itself"))
                .label(shown.join(" of "))
                .help("name a pipeline here"),
        );
        if long {
            self.known.extend(way.iter().map(|name| (name.clone(), Vec::new())));
        }
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
            let origin = Origin::Variant(global.into());
            let sets = variant.settings.iter().map(|setting| Arc::new(Override::new(&setting.path, &setting.value)));
            let sets: Vec<(Origin, Arc<Override>)> = sets.map(|set| (origin.clone(), set)).collect();
            if !self.keep_hidden {
                self.hide(&mut point.overrides, &sets);
            }
            point.overrides.extend(sets);
        }
        points
    }

    /// Removes overrides that later ones hide: those of the same parameter.
    fn hide(&self, sets: &mut Vec<(Origin, Arc<Override>)>, later: &[(Origin, Arc<Override>)]) {
        let param = |set: &Override| match set.path.as_slice() {
            [name] => match self.project.place(self.project.views.global(name)?) {
                Some(place) if matches!(self.project.entries.get(place)?.item.as_ref(), Item::Param(_)) => Some(place),
                _ => None,
            },
            _ => None,
        };
        let hidden: BTreeSet<usize> = later.iter().filter_map(|(_, set)| param(set)).collect();
        if !hidden.is_empty() {
            sets.retain(|(_, set)| param(set).is_none_or(|place| !hidden.contains(&place)));
        }
    }

    fn unknown(&mut self, word: &Ident) {
        if self.project.doubtful.contains(&word.text) {
            return;
        }
        let error =
            Diagnostic::error(Code::UnknownPipeline, word.span, format!("no pipeline is called `{}`", word.text))
                .label("unknown pipeline")
                .suggest(self.out.len(), &word.text, || self.runnable(word.span.file));
        self.out.push(error);
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

    /// Returns the names of everything in a file that can be run.
    fn runnable(&self, file: FileId) -> Vec<&'a str> {
        let view: &'a BTreeMap<String, String> = self.project.views.in_file(file);
        let runs = |global: &String| match self.item(global) {
            Some(Item::Pipeline(pipeline)) => pipeline.formals.is_none(),
            Some(Item::Variant(_) | Item::Sweep(_)) => true,
            _ => false,
        };
        view.iter().filter(|(_, global)| runs(global)).map(|(name, _)| name.as_str()).collect()
    }
}
