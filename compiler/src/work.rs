//! A program on its way: linked, checked, its points chosen and planned, lints looked for.

use std::collections::BTreeSet;

use pbpo_grammar::ast::{FaultKind, Ident, Item};
use pbpo_grammar::{FileId, Span};
use pbpo_plan::{Plan, parallel};

use crate::check::{self, Program};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Label, any_error, tidy};
use crate::modules::{self, Entry, Project};
use crate::points::{self, Finder, Override, Point, Target, overrides};
use crate::source::SourceMap;
use crate::{Input, Planned, functions, lints, lower};

/// A linked program, and what was found so far.
pub(crate) struct Work {
    pub project: Project,
    pub sources: SourceMap,
    /// Those of the command line.
    pub overrides: Vec<Override>,
    pub out: Vec<Diagnostic>,
}

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
        Self { project, sources, overrides, out }
    }

    /// The checked program, as the files are: each point applies its own overrides and then those of the command
    /// line, which may fit only what a variant has put there.
    pub fn program(&mut self) -> Program {
        let mut program = check::program(&self.project, &self.project.entries, &mut self.out);
        functions::check(&mut program, &self.project.entries, &mut self.out);
        program
    }

    /// The program with the overrides of the command line alone; `quiet` where points say what is wrong with them.
    pub fn overridden(&mut self, base: &Program, quiet: bool) -> (Program, Vec<Entry>) {
        let (mut entries, mut found) = (self.project.entries.clone(), Vec::new());
        let changed = overrides::apply(&mut entries, &self.project, &self.overrides, &mut found);
        let program = base.revised(&entries, &changed, &mut found);
        if !quiet {
            self.out.extend(found);
        }
        (program, entries)
    }

    /// The plans of points, in order.
    pub fn plans(&mut self, points: &[Point], base: &Program) -> Vec<Planned> {
        let this = &*self;
        let results = parallel::map(points, |point| {
            let mut out = Vec::new();
            (this.plan(point, base, &mut out), out)
        });
        let mut planned = Vec::with_capacity(points.len());
        for (plan, found) in results {
            planned.extend(plan);
            self.out.extend(found);
        }
        planned
    }

    /// The plan of a point.
    fn plan(&self, point: &Point, base: &Program, out: &mut Vec<Diagnostic>) -> Option<Planned> {
        let Self { project, overrides, .. } = self;
        let revised;
        let all: Vec<&Override> = point.overrides.iter().map(|(_, set)| set).chain(overrides).collect();
        let before = out.len();
        let program = if all.is_empty() {
            base
        } else {
            let mut entries: Vec<Entry> = project.entries.clone();
            let changed = overrides::apply(&mut entries, project, all.iter().copied(), out);
            revised = base.revised(&entries, &changed, out);
            &revised
        };
        let item = program.scope.items.get(&point.pipeline)?.clone();
        let Item::Pipeline(pipeline) = &*item else { return None };
        out.extend(points::pinned::other_seed(project, pipeline.name.span.file, &all));
        let (name, group) = (self.point_name(&point.name, true), self.point_name(&point.group, false));
        let lowered = lower::pipeline(program, pipeline, &name, out);
        base.scope.adopt(&program.scope);
        at_overrides(out, before, &all);
        lowered.map(|(plan, spans)| Planned { plan, group, spans })
    }

    /// Lints of plans. Points of sweeps are not looked at: what they try may well be extreme.
    pub fn lint(&mut self, points: &[Point], planned: &[Planned], base: &Program) {
        for (point, planned) in points.iter().zip(planned) {
            let swept = point.overrides.iter().any(|(origin, _)| matches!(origin, points::Origin::Sweep(_)));
            if !swept {
                let before = self.out.len();
                lints::plan::check(planned, base, &mut self.out);
                if let Some(call) = base.call(&point.pipeline) {
                    called(&mut self.out, before, call, self.project.main);
                }
            }
        }
    }

    /// Parameters without effect on any plan.
    pub fn idle(&mut self, points: &[Point], planned: &[Planned], base: &Program) {
        // A second look takes time.
        if planned.iter().map(|planned| planned.spans.len()).sum::<usize>() > lints::idle::MOST_STAGES {
            return;
        }
        let mut found = Vec::new();
        let this = &*self;
        let swept =
            |point: &Point| point.overrides.iter().any(|(origin, _)| matches!(origin, points::Origin::Sweep(_)));
        let (points, planned): (Vec<&Point>, Vec<&Planned>) =
            points.iter().zip(planned).filter(|(point, _)| !swept(point)).unzip();
        let plans = |set: Option<&Override>| -> Option<Vec<Plan>> {
            let Some(set) = set else { return Some(planned.iter().map(|planned| planned.plan.clone()).collect()) };
            let mut plans = Vec::new();
            for point in &points {
                let mut changed = (*point).clone();
                changed.overrides.insert(0, (points::Origin::Variant(String::new()), set.clone()));
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

    /// A point's name, with the overrides of the command line; without the seed, its group.
    fn point_name(&self, name: &str, seed: bool) -> String {
        let is_seed = |set: &Override| {
            let target = Target::of(&self.project.views, &set.path);
            target.is_some_and(|target| target.is_seed(&self.project.entries))
        };
        let sets = self.overrides.iter().filter(|set| seed || !is_seed(set));
        let sets: Vec<&str> = sets.map(|set| set.text.as_str()).collect();
        match (sets.is_empty(), name.strip_suffix(']')) {
            (true, _) => name.to_owned(),
            (false, Some(open)) => format!("{open},{}]", sets.join(",")),
            (false, None) => format!("{name}[{}]", sets.join(",")),
        }
    }

    /// The points to plan: of what was asked for, or of the only pipeline.
    pub fn choose(&mut self, target: Option<&str>, base: &Program) -> Vec<Point> {
        let Self { project, sources, overrides, out } = self;
        if let Some(name) = target {
            return Finder::new(project, overrides, out).target(name, sources);
        }
        match base.pipelines.as_slice() {
            [] => self.no_pipeline(),
            [only] => {
                return only.name().map(|name| Finder::new(project, overrides, out).points(name)).unwrap_or_default();
            }
            [first, rest @ ..] => {
                let Some(name) = first.name() else { return Vec::new() };
                let message = "several pipelines, and none chosen";
                let mut error = Diagnostic::error(Code::ChoosePipeline, name.span, message).label("one");
                for other in rest.iter().filter_map(|item| item.name()) {
                    error = error.also(other.span, "another");
                }
                self.out.push(error.help(format!("add the name of one: `{}`", name.text)));
                return self.everything();
            }
        }
        Vec::new()
    }

    pub fn no_pipeline(&mut self) {
        // Whatever can't be read may have been the pipeline.
        if !any_error(&self.out) {
            self.out.push(
                Diagnostic::error(Code::NoPipeline, Span::new(self.project.main, 0, 0), "the file has no pipeline")
                    .help("add `pipeline main { ... }`: what is to be done"),
            );
        }
    }

    /// Every pipeline and variant of the main file, and points in which each value of each sweep occurs.
    pub fn everything(&mut self) -> Vec<Point> {
        let Self { project, overrides, out, .. } = self;
        let mut points = Vec::new();
        let mut finder = Finder::new(project, overrides, out);
        let here = project.entries.iter().filter(|entry| entry.file == project.main);
        for entry in here {
            match &*entry.item {
                Item::Pipeline(pipeline) if pipeline.formals.is_none() => points.extend(finder.points(&pipeline.name)),
                Item::Variant(variant) => points.extend(finder.points(&variant.name)),
                Item::Sweep(sweep) => points.extend(points::each_value(finder.points(&sweep.name))),
                _ => {}
            }
        }
        points
    }

    /// File order, each finding once; nothing but syntax of an item that has lost a bracket: where its
    /// fields end is a guess.
    pub fn tidy(&mut self) {
        let mut broken: Vec<Span> = Vec::new();
        for entry in &self.project.entries {
            let span = entry.item.span();
            let faults = self.project.files.iter().filter(|(file, _)| *file == entry.file).flat_map(|(_, f)| &f.faults);
            let mut lost = faults.filter(|fault| matches!(fault.kind, FaultKind::Unclosed { .. }));
            if lost.any(|fault| (span.start..span.end).contains(&fault.span.start)) {
                broken.push(span);
            }
        }
        let inside = |span: Span| {
            broken.iter().any(|item| item.file == span.file && (item.start..item.end).contains(&span.start))
        };
        let syntax = |code: Code| code.text().starts_with("PB01") && code != Code::MisplacedStatement;
        self.out.retain(|finding| syntax(finding.code) || !inside(finding.primary.span));
        // A word that would be wrong in the spelling of the language too.
        let wrong: BTreeSet<Span> =
            self.out.iter().filter(|finding| !syntax(finding.code)).map(|finding| finding.primary.span).collect();
        self.out.retain(|finding| finding.code != Code::ForeignSpelling || !wrong.contains(&finding.primary.span));
        lints::apply(&self.project.lints, &mut self.out);
        tidy(&mut self.out);
    }
}

/// What an override makes wrong is said at the override, with the place where it shows behind it.
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

/// What is found in a definition from another file is the matter of the call that it came by.
fn called(out: &mut [Diagnostic], before: usize, call: Span, main: FileId) {
    for finding in out.iter_mut().skip(before).filter(|finding| finding.primary.span.file != main) {
        let inside = Label { span: finding.primary.span, text: "there".into() };
        finding.others.insert(0, inside);
        finding.primary.span = call;
    }
}

/// Declarations and imports that nothing refers to. `seed` is the run's own.
pub(crate) fn unused(program: &Program, project: &Project, out: &mut Vec<Diagnostic>) {
    let used = &program.scope.used;
    let blocks = program.blocks.iter().map(|(name, block)| (name, block.name, block.kind.word()));
    let params = program.scope.params.iter().map(|(name, param)| (name, param.name, "param"));
    let main = blocks.chain(params).filter(|(_, span, _)| span.file == project.main);
    let imports = project.imports.iter().filter_map(|name| Some((project.views.global(name)?, name.span)));
    let imports: Vec<(String, Span)> = imports.map(|(name, span)| (name.to_owned(), span)).collect();
    let bases = project.entries.iter().flat_map(|entry| match &*entry.item {
        Item::Variant(variant) => std::slice::from_ref(&variant.of),
        Item::Sweep(sweep) => &sweep.over,
        _ => &[],
    });
    let bases: BTreeSet<&str> = bases.filter_map(|word| project.views.global(word)).collect();
    let swept = lints::mentioned::by_sweeps(project);
    let imports = imports.iter().map(|(name, span)| (name, *span, "import"));
    for (name, span, kind) in main.chain(imports) {
        let used = used.contains(name) || bases.contains(name.as_str()) || swept.contains(name);
        if !used && name != "seed" {
            out.push(
                Diagnostic::warning(Code::Unused, span, format!("{kind} `{name}` is never used"))
                    .label("declared, not used")
                    .help("remove it, or use it"),
            );
        }
    }
}
