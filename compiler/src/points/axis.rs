//! The values of an axis: a list, a range, equal steps or equal factors; and axes that vary together.

use std::sync::Arc;

use pbpo_grammar::Span;
use pbpo_grammar::ast::{AxisValues, Expr, ExprKind, Number, SweepAxis};

use super::sweep::{Choice, Factor, MOST_POINTS};
use super::{Finder, Override};
use crate::check::number::{LARGEST, too_large};
use crate::code::Code;
use crate::diagnostic::Diagnostic;

impl Finder<'_> {
    pub(super) fn axis(&mut self, axis: &SweepAxis) -> Option<Factor> {
        let values = self.values(axis)?;
        let options =
            values.iter().map(|value| Choice { name: None, sets: vec![Arc::new(Override::new(&axis.path, value))] });
        Some(Factor { options: options.collect(), span: axis.span })
    }

    /// Combines axes of equal length, value by value.
    pub(super) fn zip(&mut self, axes: &[SweepAxis], span: Span) -> Option<Factor> {
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
            let cell =
                |(axis, values): &(&SweepAxis, Vec<Expr>)| Some(Arc::new(Override::new(&axis.path, values.get(row)?)));
            Choice { name: None, sets: columns.iter().filter_map(cell).collect() }
        });
        Some(Factor { options: options.collect(), span })
    }

    /// Returns the values of an axis, one by one.
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

    /// Returns the values of a range: `0..5` is 0, 1, 2, 3, 4, 5.
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
        if low > high {
            let error = Diagnostic::error(Code::EmptySweep, range.span, "an axis without values");
            self.out.push(error.label("the first end is above the last").help(format!("write `{high}..{low}`")));
            return None;
        }
        if low.abs().max(high.abs()) > LARGEST {
            self.out.push(too_large(range.span));
            return None;
        }
        if high - low >= MOST_POINTS as f64 {
            let error = Diagnostic::error(Code::EmptySweep, range.span, "an axis with too many values");
            let help = format!("write at most {MOST_POINTS} values, or `linear({low}, {high}, count = N)`");
            self.out.push(error.label("every whole number from end to end").help(help));
            return None;
        }
        // The conversion is exact: both are whole, and not far apart.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let steps = (high - low) as usize;
        Some((0..=steps).map(|step| number(low + step as f64, true, range.span)).collect())
    }

    /// Returns the values of `linear(low, high, count = n)` and `log(low, high, count = n)`.
    fn spaced(&mut self, expr: &Expr) -> Option<Vec<Expr>> {
        let ExprKind::Call { callee, args } = &expr.kind else { return None };
        let word = crate::check::path_text(callee);
        let named = args.iter().find(|arg| arg.name.as_ref().is_some_and(|name| name.text == "count"));
        let plain: Vec<&Expr> = args.iter().filter(|arg| arg.name.is_none()).map(|arg| &arg.value).collect();
        let count = named.and_then(|arg| whole(&arg.value)).filter(|count| (2..=MOST_POINTS).contains(count));
        let ends = match plain.as_slice() {
            [low, high] => signed(low).zip(signed(high)),
            _ => None,
        };
        let logarithmic = word == "log";
        let good = (word == "linear" || logarithmic) && args.len() == 3;
        let (Some(count), Some(((low, whole_low), (high, whole_high))), true) = (count, ends, good) else {
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
        // Between whole ends, a whole value is written as one: `linear(2, 8, count = 4)` is `[2, 4, 6, 8]`.
        let whole = |value: f64| whole_low && whole_high && value.fract() == 0.0;
        let values = (0..count).map(|step| rounded(at(step)));
        Some(values.map(|value| number(value, whole(value), expr.span)).collect())
    }
}

/// Returns the ends of `range(5)` or `range(1, 5)`, which exclude the last as in Python.
fn counted(word: &str, args: &[&Expr]) -> Option<(usize, usize)> {
    let (low, high) = match args {
        [high] => (0, whole(high)?),
        [low, high] => (whole(low)?, whole(high)?),
        _ => return None,
    };
    (word == "range" && low < high).then(|| (low, high - 1))
}

/// Returns a literal number with its sign, and true if it is whole.
fn signed(expr: &Expr) -> Option<(f64, bool)> {
    match &expr.kind {
        ExprKind::Number(Number { value, whole, unit: None }) => Some((*value, *whole)),
        ExprKind::Neg(arg) => signed(arg).map(|(value, whole)| (-value, whole)),
        _ => None,
    }
}

pub(super) fn whole(expr: &Expr) -> Option<usize> {
    let (value, whole) = signed(expr)?;
    // The conversion is exact: whole numbers here are small.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    (whole && (0.0..=1e9).contains(&value)).then_some(value as usize)
}

/// Rounds to six significant digits, because people read the names of points.
fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

fn number(value: f64, whole: bool, span: Span) -> Expr {
    Expr { kind: ExprKind::Number(Number { value, whole, unit: None }), span }
}
