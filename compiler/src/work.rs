//! The stages of a compilation: linking, checking, choosing and planning points, linting.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pbpo_grammar::ast::{FaultKind, Ident, Item};
use pbpo_grammar::{FileId, Span};
use pbpo_plan::{Plan, parallel};

use crate::check::{self, Program};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Label, any_error, tidy};
use crate::modules::{self, Entries, Project};
use crate::points::{self, Finder, Override, Point, Target, overrides};
use crate::source::SourceMap;
use crate::{Input, Planned, functions, lints, lower, suggest};

/// A linked program, and the findings so far.
pub(crate) struct Work {
    pub project: Project,
    pub sources: SourceMap,
    /// The overrides of the command line.
    pub overrides: Vec<Override>,
    pub out: Vec<Diagnostic>,
    /// True to keep the overrides in a point that later ones hide.
    pub every_step: bool,
}

/// The largest number of further pipelines that are pointed at where one must be chosen.
const MOST_CHOICES: usize = 20;

impl Work {
    pub fn new(input: Input<'_>, overrides: &[String]) -> Self {
        let (mut sources, mut out) = (SourceMap::default(), Vec::new());
        let mut project = modules::load(input.name, input.text, input.loader, &mut sources, &mut out);
        let overrides = overrides::parse(overrides, &mut sources, &mut out);
        for (level, name) in input.lints {
            let span = Span::new(sources.add("command line", name), 0, name.len());
            project.lints.push((*level, Ident { text: name.clone(), span }));
        }
        lints::check_names(&project.lints, &mut out);
        Self { project, sources, overrides, out, every_step: false }
    }

    /// Returns the checked program of the files: each point applies its own overrides and then those of the command
    /// line, which may depend on values that a variant has set.
    pub fn program(&mut self) -> Program {
        let mut program = check::program(&self.project, &mut self.out);
        functions::check(&mut program, &self.project.entries, &mut self.out);
        program.share();
        program
    }

    /// Returns the program with only the overrides of the command line, and their errors.
    pub fn overridden(&self, base: &Program) -> (Program, Entries<'_>, Vec<Diagnostic>) {
        let (mut entries, mut found) = (Entries::new(&self.project), Vec::new());
        let changed = overrides::apply(&mut entries, &self.overrides, &mut found);
        let program = base.revised(&entries, &changed, &mut found);
        (program, entries, found)
    }

    /// Returns the plans of points, in order.
    pub fn plans(&mut self, points: &[Point], base: &Program) -> Vec<Planned> {
        let this = &*self;
        let results = parallel::map(points, |at, point| {
            let mut out = Vec::new();
            (suggest::after(at, || this.plan(point, base, &mut out)), out)
        });
        let (mut planned, mut told) = (Vec::with_capacity(points.len()), BTreeSet::new());
        for (plan, found) in results {
            planned.extend(plan);
            self.out.extend(found.into_iter().filter(|found| is_new(found, &mut told)));
        }
        planned
    }

    /// Plans and lints each point. Returns the lint findings, and the plans of points outside sweeps if there are at
    /// most `MOST_STAGES` points. `program` has the overrides of the command line.
    pub fn look(&mut self, points: &[Point], base: &Program, program: &Program) -> (Vec<Diagnostic>, Vec<Planned>) {
        let this = &*self;
        let few = points.len() <= lints::idle::MOST_STAGES;
        let results = parallel::map(points, |at, point| {
            let (mut out, mut lints) = (Vec::new(), Vec::new());
            let planned = suggest::after(at, || this.plan(point, base, &mut out)).filter(|_| !point.swept());
            if let Some(planned) = &planned {
                this.lint(point, planned, program, &mut lints);
            }
            (out, lints, planned.filter(|_| few))
        });
        let (mut lints, mut kept, mut told) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (found, said, planned) in results {
            self.out.extend(found.into_iter().filter(|found| is_new(found, &mut told)));
            lints.extend(said);
            kept.extend(planned);
        }
        self.lint_blocks(points, program, &mut lints);
        (lints, kept)
    }

    /// Returns the plan of a point.
    fn plan(&self, point: &Point, base: &Program, out: &mut Vec<Diagnostic>) -> Option<Planned> {
        let Self { project, overrides, .. } = self;
        let all: Vec<&Override> = point.overrides.iter().map(|(_, set)| &**set).chain(overrides).collect();
        let before = out.len();
        // A point has marks of its own, so that what is said of it does not depend on which thread is first.
        let program = if all.is_empty() {
            base.clone()
        } else {
            let mut entries = Entries::new(project);
            let changed = overrides::apply(&mut entries, all.iter().copied(), out);
            base.revised(&entries, &changed, out)
        };
        let program = &program;
        let item = program.scope.items.get(&point.pipeline)?.clone();
        let Item::Pipeline(pipeline) = &*item else { return None };
        out.extend(points::pinned::other_seed(project, pipeline.name.span.file, &all));
        let (name, group) = (self.point_name(&point.name, true), self.point_name(&point.group, false));
        let lowered = lower::pipeline(program, pipeline, &name, out);
        at_overrides(out, before, &all);
        lowered.map(|(plan, spans)| Planned { plan, group, spans })
    }

    /// Lints a plan. Points of sweeps are skipped, because they may try extreme values.
    fn lint(&self, point: &Point, planned: &Planned, program: &Program, out: &mut Vec<Diagnostic>) {
        if !point.swept() {
            let before = out.len();
            lints::plan::check(planned, program, out);
            if let Some(call) = program.call(&point.pipeline) {
                called(out, before, call, self.project.main);
            }
        }
    }

    /// Returns the lints of points and of their blocks.
    pub fn lints(&self, points: &[Point], planned: &[Planned], program: &Program) -> Vec<Diagnostic> {
        let mut out = Vec::new();
        for (point, planned) in points.iter().zip(planned) {
            self.lint(point, planned, program, &mut out);
        }
        self.lint_blocks(points, program, &mut out);
        out
    }

    /// Lints blocks, which all points share. Findings about a block from another file are reported at each call.
    fn lint_blocks(&self, points: &[Point], program: &Program, out: &mut Vec<Diagnostic>) {
        let calls: BTreeSet<Option<Span>> =
            points.iter().filter(|point| !point.swept()).map(|point| program.call(&point.pipeline)).collect();
        if calls.is_empty() {
            return;
        }
        let mut found = Vec::new();
        lints::blocks::check(program, &mut found);
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|finding: &Diagnostic| finding.primary.span.file == self.project.main);
        out.extend(here);
        for call in calls.iter().filter(|_| !elsewhere.is_empty()) {
            let before = out.len();
            out.extend(elsewhere.iter().cloned());
            if let Some(call) = call {
                called(out, before, *call, self.project.main);
            }
        }
    }

    /// Reports parameters without effect on any plan; `planned` are the plans of points outside sweeps.
    pub fn idle(&mut self, points: &[Point], planned: Vec<Planned>, base: &Program) {
        // The comparison of many stages is slow.
        if planned.iter().map(|planned| planned.spans.len()).sum::<usize>() > lints::idle::MOST_STAGES {
            return;
        }
        let mut found = Vec::new();
        let this = &*self;
        let points: Vec<&Point> = points.iter().filter(|point| !point.swept()).collect();
        let plans = |set: Option<&Override>| -> Option<Vec<Plan>> {
            let Some(set) = set else { return Some(planned.iter().map(|planned| planned.plan.clone()).collect()) };
            let set = Arc::new(set.clone());
            let mut plans = Vec::new();
            for point in &points {
                let mut changed = (*point).clone();
                changed.overrides.insert(0, (points::Origin::Variant("".into()), set.clone()));
                let mut out = Vec::new();
                plans.push(this.plan(&changed, base, &mut out)?.plan);
                if any_error(&out) {
                    return None;
                }
            }
            Some(plans)
        };
        lints::idle::check(&this.project, &base.scope, plans, &mut found);
        self.out.extend(found);
    }

    /// Returns a point's name, with the overrides of the command line; without the seed, its group.
    fn point_name(&self, name: &str, seed: bool) -> String {
        let is_seed = |set: &Override| {
            let target = Target::of(&self.project.views, &set.path);
            target.is_some_and(|target| target.is_seed(&self.project))
        };
        let sets = self.overrides.iter().filter(|set| seed || !is_seed(set));
        let sets: Vec<&str> = sets.map(|set| set.text.as_str()).collect();
        match (sets.is_empty(), name.strip_suffix(']')) {
            (true, _) => name.to_owned(),
            (false, Some(open)) => format!("{open},{}]", sets.join(",")),
            (false, None) => format!("{name}[{}]", sets.join(",")),
        }
    }

    /// Returns the points to plan: those of the requested target, or of the only pipeline.
    pub fn choose(&mut self, target: Option<&str>, base: &Program) -> Vec<Point> {
        let Self { project, sources, overrides, out, every_step } = self;
        let mut finder = Finder::new(project, overrides, out);
        finder.keep_hidden = *every_step;
        if let Some(name) = target {
            return finder.target(name, sources);
        }
        match base.pipelines.as_slice() {
            [] => self.no_pipeline(),
            [only] => {
                return only.name().map(|name| finder.points(name)).unwrap_or_default();
            }
            [first, rest @ ..] => {
                let Some(name) = first.name() else { return Vec::new() };
                let message = "several pipelines, and none chosen";
                let mut error = Diagnostic::error(Code::ChoosePipeline, name.span, message).label("one");
                let others = rest.iter().filter_map(|item| item.name());
                error.others.extend(others.clone().take(MOST_CHOICES).map(|other| another(other.span)));
                let more = others.count().saturating_sub(MOST_CHOICES);
                let more = if more > 0 { format!(" (and {more} more are not shown)") } else { String::new() };
                self.out.push(error.help(format!("add the name of one: `{}`{more}", name.text)));
                return self.everything();
            }
        }
        Vec::new()
    }

    pub fn no_pipeline(&mut self) {
        // An unparsable part may have been the pipeline.
        if !any_error(&self.out) {
            self.out.push(
                Diagnostic::error(Code::NoPipeline, Span::new(self.project.main, 0, 0), "the file has no pipeline")
                    .help("add `pipeline main { ... }`: what is to be done"),
            );
        }
    }

    /// Returns every pipeline and variant of the main file, and points in which each value of each sweep occurs.
    pub fn everything(&mut self) -> Vec<Point> {
        let Self { project, overrides, out, .. } = self;
        let mut points = Vec::new();
        let mut finder = Finder::new(project, overrides, out);
        finder.each_value = true;
        let here = project.entries.iter().filter(|entry| entry.file == project.main);
        for entry in here {
            match &*entry.item {
                Item::Pipeline(pipeline) if pipeline.formals.is_none() => points.extend(finder.points(&pipeline.name)),
                Item::Variant(variant) => points.extend(finder.points(&variant.name)),
                Item::Sweep(sweep) => points.extend(finder.points(&sweep.name)),
                _ => {}
            }
        }
        points
    }

    /// Sorts findings in file order, removes duplicates, and keeps only syntax errors of an item that has lost a
    /// bracket, because the end of its fields is a guess.
    pub fn tidy(&mut self) {
        // Sorted by file and start: items of a file do not overlap.
        let mut broken: BTreeMap<(FileId, u32), Span> = BTreeMap::new();
        let items: BTreeMap<(FileId, u32), Span> =
            self.project.entries.iter().map(|entry| by_start(entry.item.span())).collect();
        let around = |spans: &BTreeMap<(FileId, u32), Span>, span: Span| {
            let last = spans.range(..=(span.file, span.start)).next_back().map(|(_, item)| *item);
            last.filter(|item| item.file == span.file && (item.start..item.end).contains(&span.start))
        };
        for fault in self.project.files.iter().flat_map(|(_, file)| &file.faults) {
            if matches!(fault.kind, FaultKind::Unclosed { .. }) {
                broken.extend(around(&items, fault.span).map(by_start));
            }
        }
        let inside = |span: Span| around(&broken, span).is_some();
        let syntax = |code: Code| code.text().starts_with("PB01") && code != Code::MisplacedStatement;
        self.out.retain(|finding| syntax(finding.code) || !inside(finding.primary.span));
        // These words would also be wrong in the spelling of the language.
        let wrong: BTreeSet<Span> =
            self.out.iter().filter(|finding| !syntax(finding.code)).map(|finding| finding.primary.span).collect();
        self.out.retain(|finding| finding.code != Code::ForeignSpelling || !wrong.contains(&finding.primary.span));
        lints::apply(&self.project.lints, &mut self.out);
        tidy(&mut self.out);
    }
}

fn another(span: Span) -> Label {
    Label { span, text: "another".into() }
}

fn by_start(span: Span) -> ((FileId, u32), Span) {
    ((span.file, span.start), span)
}

/// Moves errors caused by an override to the override; the place where they appear becomes a second label.
fn at_overrides(out: &mut [Diagnostic], before: usize, sets: &[&Override]) {
    let inside = |span: Span| {
        let holds = |set: Span| set.file == span.file && set.start <= span.start && span.end <= set.end;
        sets.iter().any(|set| holds(set.value.span))
    };
    for finding in out.iter_mut().skip(before).filter(|finding| !inside(finding.primary.span)) {
        if let Some(label) = finding.others.iter_mut().find(|label| inside(label.span)) {
            std::mem::swap(label, &mut finding.primary);
        }
    }
}

/// Moves findings in a definition from another file to the call that led there.
fn called(out: &mut [Diagnostic], before: usize, call: Span, main: FileId) {
    for finding in out.iter_mut().skip(before).filter(|finding| finding.primary.span.file != main) {
        let inside = Label { span: finding.primary.span, text: "there".into() };
        finding.others.insert(0, inside);
        finding.primary.span = call;
    }
}

/// Reports declarations and imports that are never used. `seed` is the run's own.
pub(crate) fn unused(program: &Program, project: &Project, out: &mut Vec<Diagnostic>) {
    let used = &program.scope.used;
    let blocks = program.blocks.iter().map(|(name, block)| (name, block.name, block.kind.word()));
    let params = program.scope.params.iter().map(|(name, param)| (name, param.name, "param"));
    let main = blocks.chain(params).filter(|(_, span, _)| span.file == project.main);
    let imports = project.imports.iter().filter_map(|name| Some((project.views.global(name)?, name.span)));
    let bases = project.entries.iter().flat_map(|entry| match &*entry.item {
        Item::Variant(variant) => std::slice::from_ref(&variant.of),
        Item::Sweep(sweep) => &sweep.over,
        _ => &[],
    });
    let bases: BTreeSet<&str> = bases.filter_map(|word| project.views.global(word)).collect();
    let swept = lints::mentioned::by_sweeps(project);
    let imports = imports.map(|(name, span)| (name, span, "import"));
    for (name, span, kind) in main.chain(imports) {
        let used = used.contains(name) || bases.contains(name) || swept.contains(name);
        if !used && name != "seed" {
            out.push(
                Diagnostic::warning(Code::Unused, span, format!("{kind} `{name}` is never used"))
                    .label("declared, not used")
                    .help("remove it, or use it"),
            );
        }
    }
}

/// Returns false for a name that is declared nowhere and was reported at an earlier point: one missing declaration is one
/// mistake, wherever it is used.
fn is_new(found: &Diagnostic, told: &mut BTreeSet<String>) -> bool {
    !found.is_missing_declaration() || told.insert(found.message.clone())
}
