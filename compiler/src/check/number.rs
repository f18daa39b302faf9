//! Numbers: literals, parameters and arithmetic; units and ranges.

use pbpo_grammar::Span;
use pbpo_grammar::ast::{BinaryOp, Expr, ExprKind, Ident, Number as Literal};

use super::Check;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::hir::{Constant, Number};
use crate::schema::Range;
use crate::suggest;
use crate::units::{UNITS, Unit};

/// The largest whole number. Larger ones are not exact, and a computed value equal to it may be rounded.
pub const LARGEST: f64 = 9_007_199_254_740_992.0;

impl Check<'_> {
    /// Returns the value of an expression that is known before the run.
    pub fn constant(&mut self, expr: &Expr) -> Option<Constant> {
        self.known(expr, "float")
    }

    /// Returns a value that is known before the run; `ty` is the type that a parameter in its place would have.
    pub(super) fn known(&mut self, expr: &Expr, ty: &str) -> Option<Constant> {
        match &expr.kind {
            ExprKind::Number(literal) => self.literal(literal, expr.span).map(Constant::Number),
            ExprKind::Bool(value) => Some(Constant::Bool(*value)),
            ExprKind::Text(text) => Some(Constant::Text(text.clone())),
            ExprKind::Path(path) => match path.as_slice() {
                [name] => self.param(name, expr, ty),
                _ => self.wrong_type(expr, "a number", None),
            },
            ExprKind::Neg(arg) => {
                let arg = self.number_of(arg, ty)?;
                self.finite(Number { value: -arg.value, ..arg }, expr.span).map(Constant::Number)
            }
            ExprKind::Binary { op, .. } if op.is_logical() => {
                self.logic(expr.span);
                None
            }
            ExprKind::Binary { op, left, right } => {
                let (left, right) = (self.number_of(left, ty), self.number_of(right, ty));
                self.arithmetic(*op, left?, right?, expr.span).map(Constant::Number)
            }
            ExprKind::Not(_) => {
                self.logic(expr.span);
                None
            }
            ExprKind::Call { .. } | ExprKind::Record { .. } | ExprKind::List(_) | ExprKind::Error => {
                self.wrong_type(expr, "a number", None)
            }
        }
    }

    /// Returns a number that is known before the run.
    pub fn number(&mut self, expr: &Expr) -> Option<Number> {
        self.number_of(expr, "float")
    }

    fn number_of(&mut self, expr: &Expr, ty: &str) -> Option<Number> {
        match self.known(expr, ty)? {
            Constant::Number(number) => Some(number),
            Constant::Bool(_) | Constant::Text(_) => self.wrong_type(expr, "a number", None),
        }
    }

    fn literal(&mut self, literal: &Literal, span: Span) -> Option<Number> {
        let (mut unit, mut factor) = (None, 1.0);
        if let Some(written) = &literal.unit {
            let Some((known, times)) = Unit::parse(&written.text) else {
                self.out.push(unknown_unit(written, self.out.len()));
                return None;
            };
            (unit, factor) = (Some(known), times);
        }
        let number = Number { value: literal.value * factor, whole: literal.whole, unit, from: None };
        if factor == 1.0 { self.finite(number, span) } else { self.computed(number, span) }
    }

    /// Returns the value of a parameter; other names are not known before the run.
    fn param(&mut self, word: &Ident, expr: &Expr, ty: &str) -> Option<Constant> {
        let name = word.text.as_str();
        if let Some(param) = self.scope.param(word) {
            let from = Some((name.to_owned(), param.name));
            return match param.value.clone()? {
                Constant::Number(number) => Some(Constant::Number(Number { from, ..number })),
                other => Some(other),
            };
        }
        if let Some((_, decl)) = self.scope.block(word) {
            let (kind, declared) = (decl.kind?, decl.name);
            self.out.push(
                Diagnostic::error(Code::WrongType, expr.span, format!("expected a number, found `{name}`"))
                    .label(format!("this is {}", kind.noun()))
                    .also(declared, "declared here"),
            );
            return None;
        }
        if !self.scope.doubtful.contains(name) {
            let nearest = || {
                let view = self.scope.views.in_file(word.span.file);
                let params = view.iter().filter(|(_, global)| self.scope.params.contains_key(global));
                suggest::nearest(name, params.map(|(name, _)| name.as_str()))
            };
            let nearest = suggest::worth(self.out.len()).then(nearest).flatten();
            let nearest = nearest.map(|near| format!("did you mean `{near}`?"));
            let number = if ty == "int" { "a whole number" } else { "a number" };
            let help = nearest.unwrap_or_else(|| match name {
                "none" => format!("write {number}: `none` is a word of other fields"),
                // A value from `--set` is not in a file.
                _ if !self.scope.views.is_file(word.span.file) => format!("write {number}"),
                _ => format!("declare it above: `param {name}: {ty} = ...`"),
            });
            self.out.push(
                Diagnostic::error(Code::UnknownName, expr.span, format!("no parameter is called `{name}`"))
                    .label("a number belongs here")
                    .help(help),
            );
        }
        None
    }

    /// Reports a comparison in the place of a value.
    pub fn logic(&mut self, span: Span) {
        self.out.push(
            Diagnostic::error(Code::WrongType, span, "a comparison is no value")
                .label("`and`, `or`, `not` and comparisons belong to the `where` of a sweep"),
        );
    }

    fn arithmetic(&mut self, op: BinaryOp, left: Number, right: Number, span: Span) -> Option<Number> {
        let value = match op {
            BinaryOp::Add => left.value + right.value,
            BinaryOp::Sub => left.value - right.value,
            BinaryOp::Mul => left.value * right.value,
            BinaryOp::Div => left.value / right.value,
            BinaryOp::Less
            | BinaryOp::LessOrEqual
            | BinaryOp::Greater
            | BinaryOp::GreaterOrEqual
            | BinaryOp::Equal
            | BinaryOp::NotEqual
            | BinaryOp::And
            | BinaryOp::Or => return None,
        };
        let whole = left.whole && right.whole && (op != BinaryOp::Div || value.fract() == 0.0);
        if let (Some(a), Some(b), BinaryOp::Add | BinaryOp::Sub) = (left.unit, right.unit, op)
            && a != b
        {
            self.out.push(Diagnostic::error(
                Code::WrongUnit,
                span,
                format!("{} and {} can't be added", a.name(), b.name()),
            ));
            return None;
        }
        let unit = if op == BinaryOp::Div && left.unit == right.unit { None } else { left.unit.or(right.unit) };
        self.computed(Number { value, whole, unit, from: left.from.or(right.from) }, span)
    }

    /// Checks a computed number: a whole one at the limit may be rounded.
    fn computed(&mut self, number: Number, span: Span) -> Option<Number> {
        if number.whole && number.value.is_finite() && number.value.abs() >= LARGEST {
            let error = Diagnostic::error(Code::NotFinite, span, "this whole number may have been rounded");
            self.out.push(error.label(format!("what is computed must be below {LARGEST:.0}")));
            return None;
        }
        self.finite(number, span)
    }

    fn finite(&mut self, number: Number, span: Span) -> Option<Number> {
        if number.value.is_finite() && (!number.whole || number.value.abs() <= LARGEST) {
            return Some(number);
        }
        self.out.push(if number.value.is_finite() { too_large(span) } else { not_finite(span) });
        None
    }

    pub fn int(&mut self, field: &str, unit: Option<Unit>, range: Range, expr: &Expr) -> Option<i64> {
        let number = self.quantity(field, unit, expr, "int")?;
        if !number.whole {
            self.out.push(from_param(not_whole(expr.span, &number), &number));
            return None;
        }
        if !range.contains(number.value) {
            self.out.push(from_param(out_of_range(expr.span, &number, range, &format!("`{field}`")), &number));
            return None;
        }
        // The conversion is exact: `finite` keeps whole numbers below 2^53.
        #[allow(clippy::cast_possible_truncation)]
        Some(number.value as i64)
    }

    pub fn float(&mut self, field: &str, unit: Option<Unit>, range: Range, expr: &Expr) -> Option<f64> {
        let number = self.quantity(field, unit, expr, "float")?;
        if !range.contains(number.value) {
            let number = Number { whole: false, ..number };
            self.out.push(from_param(out_of_range(expr.span, &number, range, &format!("`{field}`")), &number));
            return None;
        }
        Some(number.value)
    }

    /// Returns a number, which must have the right unit or none.
    fn quantity(&mut self, field: &str, unit: Option<Unit>, expr: &Expr, ty: &str) -> Option<Number> {
        if matches!(
            expr.kind,
            ExprKind::Text(_) | ExprKind::Bool(_) | ExprKind::List(_) | ExprKind::Call { .. } | ExprKind::Record { .. }
        ) {
            return self.wrong_type(expr, "a number", None);
        }
        let number = self.number_of(expr, ty)?;
        let Some(found) = number.unit else { return Some(number) };
        if unit == Some(found) {
            return Some(number);
        }
        let (message, help) = match unit {
            Some(unit) => {
                let message = format!("expected {}, found {}", unit.name(), found.name());
                (message, format!("write `{} {}`", plain(&number), unit.name()))
            }
            None => (format!("`{field}` has no unit, found {}", found.name()), format!("write `{}`", plain(&number))),
        };
        let at = match &expr.kind {
            ExprKind::Number(Literal { unit: Some(written), .. }) => written.span,
            _ => expr.span,
        };
        self.out.push(from_param(
            Diagnostic::error(Code::WrongUnit, at, message).label("the wrong unit").help(help),
            &number,
        ));
        None
    }
}

/// Makes the error for an unknown unit; `said` is the number of earlier findings.
pub fn unknown_unit(unit: &Ident, said: usize) -> Diagnostic {
    Diagnostic::error(Code::UnknownUnit, unit.span, format!("no unit is called `{}`", unit.text))
        .label("unknown unit")
        .suggest(said, &unit.text, || UNITS.iter().map(|(name, ..)| *name).collect())
}

fn not_finite(span: Span) -> Diagnostic {
    Diagnostic::error(Code::NotFinite, span, "this is not a finite number").label("beyond what can be computed with")
}

/// Makes the error for a whole number that may differ from the written one.
pub fn too_large(span: Span) -> Diagnostic {
    Diagnostic::error(Code::NotFinite, span, "this whole number is too large").label("beyond what can be computed with")
}

/// Returns the shortest spelling of a number.
pub fn plain(number: &Number) -> String {
    if number.whole { format!("{:.0}", number.value) } else { format!("{:?}", number.value) }
}

fn from_param(error: Diagnostic, number: &Number) -> Diagnostic {
    match &number.from {
        Some((name, span)) => error.also(*span, format!("`{name}` is declared here")),
        None => error,
    }
}

/// Makes the error for a number with a fraction instead of a whole number.
pub fn not_whole(span: Span, number: &Number) -> Diagnostic {
    let error = Diagnostic::error(Code::WrongType, span, "expected a whole number, found a float");
    let error = error.label("a float");
    let literal = number.from.is_none() && number.unit.is_none();
    match number.value.fract() == 0.0 {
        true if literal => error.write(&format!("{:.0}", number.value)),
        true => error.help(format!("write `{:.0}`", number.value)),
        false => error,
    }
}

/// Makes the error for a number outside its range.
pub fn out_of_range(span: Span, number: &Number, range: Range, what: &str) -> Diagnostic {
    let allowed = range.text(number.whole);
    Diagnostic::error(
        Code::OutOfRange,
        span,
        format!("{what} must be {}", if range.high.is_finite() { format!("in {allowed}") } else { allowed }),
    )
    .label(format!("found {}", plain(number)))
    .maybe_help(nearest_bound(number, range).map(|bound| format!("the nearest allowed value is {bound}")))
}

fn nearest_bound(number: &Number, range: Range) -> Option<String> {
    let bound = if number.value > range.high { range.high } else { range.low };
    (!range.open || number.value > range.high).then(|| plain(&Number { value: bound, ..number.clone() }))
}
