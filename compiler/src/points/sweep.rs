//! The points of a sweep: every combination of its axes that its `where` keeps.

use std::collections::BTreeSet;
use std::sync::Arc;

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Expr, ExprKind, Ident, Item, Sweep, SweepEntry};

use super::axis::whole;
use super::{Finder, Origin, Override, Point, Target, condition, plain};
use crate::code::Code;
use crate::diagnostic::Diagnostic;

/// The largest number of points of a sweep without `limit = N`.
pub const LIMIT: usize = 1000;
/// The largest number of points of any sweep.
pub const MOST_POINTS: usize = 100_000;

/// One factor of a sweep's product.
pub(super) struct Factor {
    pub options: Vec<Choice>,
    pub span: Span,
}

/// An alternative of a factor.
#[derive(Clone)]
pub(super) struct Choice {
    /// The name, if it differs from the setting.
    pub name: Option<String>,
    pub sets: Vec<Arc<Override>>,
}

impl Choice {
    fn text(&self) -> String {
        let sets: Vec<&str> = self.sets.iter().map(|set| set.text.as_str()).collect();
        self.name.clone().unwrap_or_else(|| sets.join(","))
    }
}

impl Finder<'_> {
    pub(super) fn sweep(&mut self, global: &str, sweep: &Sweep) -> Vec<Point> {
        let Some(bases) = self.bases(sweep) else { return Vec::new() };
        let Some((factors, fixed, limit)) = self.factors(sweep) else { return Vec::new() };
        if self.too_many(sweep, &factors, bases.len(), limit) {
            return Vec::new();
        }
        let filters: Vec<(&Expr, Span)> = sweep.entries.iter().filter_map(filter).collect();
        let origin = Origin::Sweep(global.into());
        let (mut points, mut product) = (Vec::new(), Product::new(&factors));
        let mut seen: BTreeSet<(usize, usize)> = BTreeSet::new();
        let project = self.project;
        let seed = if self.each_value { *self.seed.get_or_init(|| plain::unmentioned(project)) } else { None };
        for (at, base) in bases.iter().enumerate() {
            product.restart();
            while let Some(choice) = product.next() {
                let chosen = choice.iter().flat_map(|(_, _, choice)| &choice.sets);
                let sets: Vec<&Arc<Override>> = fixed.iter().chain(chosen).collect();
                match if filters.is_empty() { Some(true) } else { self.keeps(&filters, base, &sets) } {
                    Some(true) => {}
                    Some(false) => continue,
                    None => return Vec::new(),
                }
                if self.each_value {
                    // All values are remembered, even after the first new one.
                    let values = choice.iter().map(|(factor, option, choice)| {
                        (*factor, if plain::seed(self.project, seed, choice) { usize::MAX } else { *option })
                    });
                    if values.chain([(usize::MAX, at)]).filter(|value| seen.insert(*value)).count() == 0 {
                        continue;
                    }
                }
                let several = sweep.over.len() > 1;
                points.push(self.point(&origin, global, base, several, &choice, &sets));
            }
        }
        if points.is_empty() && !bases.is_empty() {
            let at = filters.first().map_or(sweep.name.span, |(_, span)| *span);
            let error = Diagnostic::error(Code::EmptySweep, at, format!("sweep `{}` has no points", sweep.name.text));
            self.out.push(error.label("no combination is left").help("loosen the `where`"));
        }
        points
    }

    /// Returns the bases of a sweep.
    fn bases(&mut self, sweep: &Sweep) -> Option<Vec<Point>> {
        let mut bases = Vec::new();
        for word in &sweep.over {
            // It is no base, whatever it resolves to: a long chain of sweeps is reported link by link.
            if let Some(Item::Sweep(_)) = self.project.views.global(word).and_then(|global| self.item(global)) {
                self.out.push(
                    Diagnostic::error(Code::WrongKind, word.span, "a sweep over a sweep")
                        .label("not a pipeline or a variant")
                        .help("add its axes to this one"),
                );
                return None;
            }
            bases.extend(self.points(word));
        }
        let over = sweep.over.iter().map(|word| (word.text.clone(), word.span));
        self.distinct(over, "two sides of a comparison are the same").then_some(bases)
    }

    /// Makes one combination over one base; with `several` bases, the name includes the base.
    fn point(
        &self,
        origin: &Origin,
        global: &str,
        base: &Point,
        several: bool,
        choice: &[(usize, usize, &Choice)],
        sets: &[&Arc<Override>],
    ) -> Point {
        let mut parts: Vec<(String, bool)> = Vec::new();
        if several {
            parts.push((base.name.clone(), false));
        }
        for (_, _, choice) in choice {
            match &choice.name {
                Some(name) => parts.push((name.clone(), false)),
                None => parts.extend(choice.sets.iter().map(|set| (set.text.clone(), self.is_seed(set)))),
            }
        }
        let called = |parts: &[&str]| {
            if parts.is_empty() { global.to_owned() } else { format!("{global}[{}]", parts.join(",")) }
        };
        let all: Vec<&str> = parts.iter().map(|(part, _)| part.as_str()).collect();
        let rest: Vec<&str> = parts.iter().filter(|(_, seed)| !seed).map(|(part, _)| part.as_str()).collect();
        let (name, group) = (called(&all), called(&rest));
        let mut overrides = base.overrides.clone();
        overrides.extend(sets.iter().map(|set| (origin.clone(), (*set).clone())));
        let parts = parts.into_iter().map(|(part, _)| part).collect();
        Point { name, group, parts, pipeline: base.pipeline.clone(), overrides }
    }

    fn is_seed(&self, set: &Override) -> bool {
        Target::of(&self.project.views, &set.path).is_some_and(|target| target.is_seed(self.project))
    }

    /// Returns the factors of a sweep, its fixed settings, and its limit of points.
    fn factors(&mut self, sweep: &Sweep) -> Option<(Vec<Factor>, Vec<Arc<Override>>, usize)> {
        let (mut factors, mut fixed, mut limit) = (Vec::new(), Vec::new(), LIMIT);
        let mut good = true;
        for entry in &sweep.entries {
            match entry {
                // A wrong axis is skipped, and the values of the others are still checked.
                SweepEntry::Axis(axis) => factors.extend(self.axis(axis)),
                SweepEntry::Zip(axes, span) => {
                    let zipped = self.zip(axes, *span);
                    good &= zipped.is_some();
                    factors.extend(zipped);
                }
                SweepEntry::Where(..) => {}
                SweepEntry::Set(setting) => match word(&setting.path) {
                    Some("ablate") => match self.ablate(setting) {
                        Some(factor) => factors.push(factor),
                        None => good = false,
                    },
                    Some("limit") => match whole(&setting.value) {
                        Some(given) if (1..=MOST_POINTS).contains(&given) => limit = given,
                        _ => {
                            good = false;
                            let message = format!("`limit` is a whole number in 1..{MOST_POINTS}");
                            self.out.push(Diagnostic::error(Code::OutOfRange, setting.value.span, message));
                        }
                    },
                    _ if matches!(setting.value.kind, ExprKind::List(_)) => {
                        good = false;
                        self.listed(setting);
                    }
                    _ => fixed.push(setting.clone()),
                },
            }
        }
        for factor in &factors {
            let last = |choice: &Choice| choice.sets.last().map_or(factor.span, |set| set.value.span);
            let options = factor.options.iter().map(|choice| (choice.text(), last(choice)));
            good &= self.distinct(options, "a run that is repeated tells nothing new");
        }
        good &= self.no_clash(&factors, &fixed);
        let fixed = fixed.iter().map(|set| Arc::new(Override::new(&set.path, &set.value))).collect();
        good.then_some((factors, fixed, limit))
    }

    fn too_many(&mut self, sweep: &Sweep, factors: &[Factor], bases: usize, limit: usize) -> bool {
        let count = factors.iter().fold(bases as f64, |count, factor| count * factor.options.len() as f64);
        if count <= limit as f64 {
            return false;
        }
        let mut error = Diagnostic::error(
            Code::TooManyPoints,
            sweep.name.span,
            format!("sweep `{}` has {count} points, more than {limit}", sweep.name.text),
        )
        .label("counted before `where`");
        for factor in factors.iter().take(6) {
            error = error.also(factor.span, format!("{} values", factor.options.len()));
        }
        self.out.push(error.help(if count <= MOST_POINTS as f64 {
            format!("write fewer values, or `limit = {count}` in the sweep")
        } else {
            "write fewer values".to_owned()
        }));
        true
    }

    /// Tells whether a point stays; `None` if a condition was in error.
    fn keeps(&mut self, filters: &[(&Expr, Span)], base: &Point, sets: &[&Arc<Override>]) -> Option<bool> {
        let first = base.overrides.iter().map(|(_, set)| &**set);
        let sets: Vec<&Override> = first.chain(sets.iter().map(|set| &***set)).chain(self.sets).collect();
        let mut stays = true;
        for (filter, _) in filters {
            let look = condition::Look { sets: &sets, project: self.project };
            match look.holds(filter) {
                Ok(holds) => stays &= holds,
                Err(error) => {
                    self.out.push(*error);
                    return None;
                }
            }
        }
        Some(stays)
    }
}

fn filter(entry: &SweepEntry) -> Option<(&Expr, Span)> {
    match entry {
        SweepEntry::Where(expr, span) => Some((expr, *span)),
        _ => None,
    }
}

/// An iterator over every combination of options, the last factor fastest, without copies.
struct Product<'f> {
    factors: &'f [Factor],
    /// The option of each factor in the next combination; `None` after the last one.
    next: Option<Vec<usize>>,
}

impl<'f> Product<'f> {
    fn new(factors: &'f [Factor]) -> Self {
        Self { factors, next: None }
    }

    fn restart(&mut self) {
        let empty = self.factors.iter().any(|factor| factor.options.is_empty());
        self.next = (!empty).then(|| vec![0; self.factors.len()]);
    }

    /// Returns the next combination: for each factor its index, the option's index, and the option.
    fn next(&mut self) -> Option<Vec<(usize, usize, &'f Choice)>> {
        let at = self.next.as_mut()?;
        let options = self.factors.iter().zip(at.iter()).enumerate();
        let chosen =
            options.filter_map(|(index, (factor, option))| Some((index, *option, factor.options.get(*option)?)));
        let chosen = chosen.collect();
        let mut more = false;
        for (factor, option) in self.factors.iter().zip(at.iter_mut()).rev() {
            *option += 1;
            if *option < factor.options.len() {
                more = true;
                break;
            }
            *option = 0;
        }
        if !more {
            self.next = None;
        }
        Some(chosen)
    }
}

fn word(path: &[Ident]) -> Option<&str> {
    match path {
        [word] => Some(&word.text),
        _ => None,
    }
}
