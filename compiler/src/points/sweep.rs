//! The points of a sweep: axes multiply, `zip` pairs them, `where` keeps some, `ablate` takes blocks out.

use std::collections::BTreeMap;

use pbpo_grammar::Span;
use pbpo_grammar::ast::{
    AxisValues, Block, Expr, ExprKind, Ident, Item, Number, Setting, Sweep, SweepAxis, SweepEntry,
};

use super::{Finder, Origin, Override, Point, condition};
use crate::check::field_span;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::schema::{Kind, blocks};

/// Most points of a sweep that does not say `limit = N`.
pub const LIMIT: usize = 1000;
/// Most points of any sweep.
pub const MOST: usize = 100_000;

/// One factor of a sweep's product: alternatives, each with its name and overrides.
struct Factor {
    options: Vec<(String, Vec<Override>)>,
    span: Span,
}

impl Finder<'_> {
    pub(super) fn sweep(&mut self, global: &str, sweep: &Sweep) -> Vec<Point> {
        let mut bases = Vec::new();
        for word in &sweep.over {
            let found = self.points(word);
            if found.len() > 1 {
                self.out.push(
                    Diagnostic::error(Code::WrongKind, word.span, "a sweep over a sweep")
                        .label("not a pipeline or a variant")
                        .help("add its axes to this one"),
                );
                return Vec::new();
            }
            bases.extend(found);
        }
        let over = sweep.over.iter().map(|word| (word.text.as_str(), word.span));
        if !self.distinct(over, "two sides of a comparison are the same") {
            return Vec::new();
        }
        let Some((factors, fixed, limit)) = self.factors(sweep) else { return Vec::new() };
        if self.too_many(sweep, &factors, bases.len(), limit) {
            return Vec::new();
        }
        let filters: Vec<(&Expr, Span)> = sweep.entries.iter().filter_map(filter).collect();
        let mut points = Vec::new();
        for base in &bases {
            for choice in product(&factors) {
                let mut names: Vec<String> = choice.iter().map(|(name, _)| name.clone()).collect();
                if sweep.over.len() > 1 {
                    names.insert(0, base.name.clone());
                }
                let chosen: Vec<Override> = choice.into_iter().flat_map(|(_, overrides)| overrides).collect();
                match self.keeps(&filters, &chosen) {
                    Some(true) => {}
                    Some(false) => continue,
                    None => return Vec::new(),
                }
                let origin = Origin::Sweep(global.to_owned());
                let mut overrides = base.overrides.clone();
                overrides.extend(fixed.iter().cloned().chain(chosen).map(|o| (origin.clone(), o)));
                let name = if names.is_empty() { global.to_owned() } else { format!("{global}[{}]", names.join(",")) };
                points.push(Point { name, pipeline: base.pipeline.clone(), overrides });
            }
        }
        if points.is_empty() && !bases.is_empty() {
            let at = filters.first().map_or(sweep.name.span, |(_, span)| *span);
            let error = Diagnostic::error(Code::EmptySweep, at, format!("sweep `{}` has no points", sweep.name.text));
            self.out.push(error.label("no combination is left").help("loosen the `where`"));
        }
        points
    }

    /// The factors of a sweep, what is the same in every point, and the most points it may have.
    fn factors(&mut self, sweep: &Sweep) -> Option<(Vec<Factor>, Vec<Override>, usize)> {
        let (mut factors, mut fixed, mut limit) = (Vec::new(), Vec::new(), LIMIT);
        let mut seen: Vec<(String, Span)> = Vec::new();
        let mut good = true;
        for entry in &sweep.entries {
            match entry {
                SweepEntry::Axis(axis) => {
                    good &= self.once(&mut seen, axis);
                    factors.extend(self.axis(axis));
                }
                SweepEntry::Zip(axes, span) => {
                    axes.iter().for_each(|axis| good &= self.once(&mut seen, axis));
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
                        Some(given) if (1..=MOST).contains(&given) => limit = given,
                        _ => {
                            good = false;
                            let message = format!("`limit` is a whole number in 1..{MOST}");
                            self.out.push(Diagnostic::error(Code::OutOfRange, setting.value.span, message));
                        }
                    },
                    _ if matches!(setting.value.kind, ExprKind::List(_)) => {
                        good = false;
                        self.listed(setting);
                    }
                    _ => fixed.push(Override::new(&setting.path, &setting.value)),
                },
            }
        }
        for factor in &factors {
            let last = |sets: &[Override], other| sets.last().map_or(other, |set| set.value.span);
            let options = factor.options.iter().map(|(name, sets)| (name.as_str(), last(sets, factor.span)));
            good &= self.distinct(options, "a run that is repeated tells nothing new");
        }
        let axes = sweep.entries.iter().flat_map(|entry| match entry {
            SweepEntry::Axis(axis) => std::slice::from_ref(axis),
            SweepEntry::Zip(axes, _) => axes.as_slice(),
            SweepEntry::Where(..) | SweepEntry::Set(_) => &[],
        });
        good &= axes.count() <= seen.len() && factors.iter().all(|factor: &Factor| !factor.options.is_empty());
        good.then_some((factors, fixed, limit))
    }

    /// Says that a list is swept with `in`.
    fn listed(&mut self, setting: &Setting) {
        let path = crate::check::path_text(&setting.path);
        let message = format!("`{path}` has one value in all points with `=`");
        let error = Diagnostic::error(Code::WrongType, setting.value.span, message).label("a list of values");
        self.out.push(error.help(format!("write `{path} in [...]`")));
    }

    /// Whether no name comes twice; says so if one does.
    fn distinct<'n>(&mut self, names: impl Iterator<Item = (&'n str, Span)>, why: &str) -> bool {
        let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
        for (name, span) in names {
            if let Some(first) = seen.insert(name, span) {
                let error = Diagnostic::error(Code::TwiceOnAxis, span, format!("`{name}` stands twice on one axis"));
                let error = if first == span {
                    error.label("more than once here")
                } else {
                    error.label("again here").also(first, "first here")
                };
                self.out.push(error.help(format!("remove one: {why}")));
                return false;
            }
        }
        true
    }

    /// Whether a path is swept only once; says so if not.
    fn once(&mut self, seen: &mut Vec<(String, Span)>, axis: &SweepAxis) -> bool {
        let path = crate::check::path_text(&axis.path);
        if let Some((_, first)) = seen.iter().find(|(other, _)| *other == path) {
            self.out.push(
                Diagnostic::error(Code::DuplicateField, axis.span, format!("`{path}` is swept twice"))
                    .label("again here")
                    .also(*first, "first here")
                    .help("remove one of them"),
            );
            return false;
        }
        seen.push((path, axis.span));
        true
    }

    fn axis(&mut self, axis: &SweepAxis) -> Option<Factor> {
        let values = self.values(axis)?;
        let options = values.iter().map(|value| {
            let set = Override::new(&axis.path, value);
            (set.text.clone(), vec![set])
        });
        Some(Factor { options: options.collect(), span: axis.span })
    }

    /// Axes of one length, taken together.
    fn zip(&mut self, axes: &[SweepAxis], span: Span) -> Option<Factor> {
        let mut columns = Vec::new();
        for axis in axes {
            columns.push((axis, self.values(axis)?));
        }
        let (first, values) = columns.first()?;
        let length = values.len();
        if let Some((other, values)) = columns.iter().find(|(_, values)| values.len() != length) {
            self.out.push(
                Diagnostic::error(Code::ZipLengths, other.span, "the axes of a `zip` have different lengths")
                    .label(format!("{} values", values.len()))
                    .also(first.span, format!("{length} values"))
                    .help("give each the same number of values, or take one out of the `zip`"),
            );
            return None;
        }
        let options = (0..length).map(|row| {
            let sets: Vec<Override> =
                columns.iter().filter_map(|(axis, values)| Some(Override::new(&axis.path, values.get(row)?))).collect();
            (sets.iter().map(|set| set.text.clone()).collect::<Vec<_>>().join(","), sets)
        });
        Some(Factor { options: options.collect(), span })
    }

    /// The values of an axis, one by one.
    fn values(&mut self, axis: &SweepAxis) -> Option<Vec<Expr>> {
        let values = match &axis.values {
            AxisValues::Range(range) => self.whole_range(range),
            AxisValues::List(expr) => match &expr.kind {
                ExprKind::List(items) => Some(items.clone()),
                ExprKind::Call { .. } => self.spaced(expr),
                ExprKind::Error => None,
                _ => {
                    self.out.push(
                        Diagnostic::error(Code::WrongType, expr.span, "expected a list of values")
                            .label("a single value")
                            .help("write `[a, b]`, `1..5`, `linear(0, 1, count = 5)` or `log(1e-5, 1e-3, count = 5)`"),
                    );
                    None
                }
            },
        }?;
        if values.is_empty() {
            self.out.push(
                Diagnostic::error(Code::EmptySweep, axis.span, "an axis without values")
                    .label("nothing to sweep over")
                    .help("give it at least one value"),
            );
            return None;
        }
        Some(values)
    }

    /// `0..5`: 0, 1, 2, 3, 4, 5.
    fn whole_range(&mut self, range: &pbpo_grammar::ast::Range) -> Option<Vec<Expr>> {
        let ends = (signed(&range.low), signed(&range.high));
        let (Some((low, true)), Some((high, true))) = ends else {
            self.out.push(
                Diagnostic::error(Code::WrongType, range.span, "an axis over a range takes whole numbers")
                    .label("not whole numbers")
                    .help("write `linear(LOW, HIGH, count = N)` or `log(LOW, HIGH, count = N)`"),
            );
            return None;
        };
        if low > high || high - low >= MOST as f64 {
            let error = Diagnostic::error(Code::EmptySweep, range.span, "an axis without values, or with too many");
            self.out.push(error.label("both ends are part of a range"));
            return None;
        }
        // Exact: both are whole, and not far apart.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let steps = (high - low) as usize;
        Some((0..=steps).map(|step| number(low + step as f64, true, range.span)).collect())
    }

    /// `linear(low, high, count = n)`, `log(low, high, count = n)`
    fn spaced(&mut self, expr: &Expr) -> Option<Vec<Expr>> {
        let ExprKind::Call { callee, args } = &expr.kind else { return None };
        let word = crate::check::path_text(callee);
        let named = args.iter().find(|arg| arg.name.as_ref().is_some_and(|name| name.text == "count"));
        let plain: Vec<&Expr> = args.iter().filter(|arg| arg.name.is_none()).map(|arg| &arg.value).collect();
        let count = named.and_then(|arg| whole(&arg.value)).filter(|count| (2..=MOST).contains(count));
        let ends = match plain.as_slice() {
            [low, high] => signed(low).zip(signed(high)).map(|((low, _), (high, _))| (low, high)),
            _ => None,
        };
        let logarithmic = word == "log";
        let good = (word == "linear" || logarithmic) && args.len() == 3;
        let (Some(count), Some((low, high)), true) = (count, ends, good) else {
            let error = Diagnostic::error(Code::WrongType, expr.span, "these are no values of an axis");
            let error = error.label("expected `linear` or `log`");
            self.out.push(match counted(&word, &plain).filter(|_| plain.len() == args.len()) {
                Some((low, high)) => error.label("both ends are part of a range").write(&format!("{low}..{high}")),
                None => error.help("write `linear(0, 1, count = 5)` or `log(1e-5, 1e-3, count = 5)`"),
            });
            return None;
        };
        if logarithmic && (low <= 0.0 || high <= 0.0) {
            let error = Diagnostic::error(Code::OutOfRange, expr.span, "a logarithmic axis has positive ends");
            self.out.push(error.label("an end is 0 or less"));
            return None;
        }
        let at = |step: usize| {
            let share = step as f64 / (count - 1) as f64;
            if step + 1 == count {
                high
            } else if logarithmic {
                low * (high / low).powf(share)
            } else {
                low + (high - low) * share
            }
        };
        Some((0..count).map(|step| number(rounded(at(step)), false, expr.span)).collect())
    }

    /// The baseline, and each of some blocks switched off.
    fn ablate(&mut self, setting: &Setting) -> Option<Factor> {
        let ExprKind::List(items) = &setting.value.kind else {
            let error = Diagnostic::error(Code::WrongType, setting.value.span, "expected a list of blocks");
            self.out.push(error.label("not a list").help("write `ablate = [enhancer, confidence]`"));
            return None;
        };
        let mut options = vec![("baseline".to_owned(), Vec::new())];
        // Each that is wrong is said, not the first alone.
        let found: Vec<_> = items.iter().map(|item| self.without(item)).collect();
        options.extend(found.into_iter().collect::<Option<Vec<_>>>()?);
        Some(Factor { options, span: setting.span() })
    }

    /// A block at its kind's neutral value.
    fn without(&mut self, item: &Expr) -> Option<(String, Vec<Override>)> {
        let name = match &item.kind {
            ExprKind::Path(path) if path.len() == 1 => path.first()?,
            _ => {
                self.out.push(Diagnostic::error(Code::WrongType, item.span, "expected the name of a block"));
                return None;
            }
        };
        let found = self.project.views.global(name).and_then(|global| self.item(global));
        let Some(Item::Block(block)) = found else {
            if self.project.doubtful.contains(&name.text) {
                return None;
            }
            let names: Vec<&str> =
                self.entries.iter().filter(|e| off(&e.item).is_some()).map(|e| e.global.as_str()).collect();
            let error = Diagnostic::error(Code::UnknownName, name.span, format!("no block is called `{}`", name.text));
            self.out.push(error.label("not a block").suggest(&name.text, &names));
            return None;
        };
        let Some((field, value)) = off_block(block) else {
            self.out.push(
                Diagnostic::error(
                    Code::NotAblatable,
                    name.span,
                    format!("{} `{}` can't be switched off", block.kind.text, name.text),
                )
                .label("no neutral value")
                .also(block.name.span, "declared here")
                .help("explorations, constraints and followers have one; write a `variant` for others"),
            );
            return None;
        };
        let word = |text: &str| Ident { text: text.to_owned(), span: name.span };
        let path = [name.clone(), word(field)];
        let value = Expr { kind: ExprKind::Path(vec![word(value)]), span: name.span };
        Some((format!("no_{}", name.text), vec![Override::new(&path, &value)]))
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
        self.out.push(error.help(if count <= MOST as f64 {
            format!("write fewer values, or `limit = {count}` in the sweep")
        } else {
            "write fewer values".to_owned()
        }));
        true
    }

    /// Whether a point stays; nothing where a condition was in error.
    fn keeps(&mut self, filters: &[(&Expr, Span)], chosen: &[Override]) -> Option<bool> {
        let mut stays = true;
        for (filter, _) in filters {
            let look = condition::Look { chosen, project: self.project, entries: self.entries };
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

/// Every combination, the last factor fastest.
fn product(factors: &[Factor]) -> Vec<Vec<(String, Vec<Override>)>> {
    factors.iter().fold(vec![Vec::new()], |all, factor| {
        all.iter()
            .flat_map(|left| {
                factor.options.iter().map(move |option| left.iter().cloned().chain([option.clone()]).collect())
            })
            .collect()
    })
}

/// The ends of `range(5)` or `range(1, 5)`, as Python counts: without the last.
fn counted(word: &str, args: &[&Expr]) -> Option<(usize, usize)> {
    let (low, high) = match args {
        [high] => (0, whole(high)?),
        [low, high] => (whole(low)?, whole(high)?),
        _ => return None,
    };
    (word == "range" && low < high).then(|| (low, high - 1))
}

fn word(path: &[Ident]) -> Option<&str> {
    match path {
        [word] => Some(&word.text),
        _ => None,
    }
}

/// The field and the value that switch a block off.
fn off_block(block: &Block) -> Option<(&'static str, &'static str)> {
    let follower = field_span(&block.body, "follows").is_some();
    blocks::neutral(Kind::parse(&block.kind.text)?, follower)
}

fn off(item: &Item) -> Option<(&'static str, &'static str)> {
    match item {
        Item::Block(block) => off_block(block),
        _ => None,
    }
}

/// A literal number, with its sign, and whether it is whole.
fn signed(expr: &Expr) -> Option<(f64, bool)> {
    match &expr.kind {
        ExprKind::Number(Number { value, whole, unit: None }) => Some((*value, *whole)),
        ExprKind::Neg(arg) => signed(arg).map(|(value, whole)| (-value, whole)),
        _ => None,
    }
}

fn whole(expr: &Expr) -> Option<usize> {
    let (value, whole) = signed(expr)?;
    // Exact: whole numbers that are not large.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    (whole && (0.0..=1e9).contains(&value)).then_some(value as usize)
}

/// To six significant digits: names of points are read by people.
fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

fn number(value: f64, whole: bool, span: Span) -> Expr {
    Expr { kind: ExprKind::Number(Number { value, whole, unit: None }), span }
}
