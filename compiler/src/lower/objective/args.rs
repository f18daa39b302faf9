//! Arguments of functions: their number, their kinds, and the batches that they name.

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Arg as Written, Expr as Ast, ExprKind};
use pbpo_plan::{BatchRef, Expr, Leaf, Side, ValueName};

use super::axes::{Row, Typed};
use super::values::pair_part;
use crate::check::describe;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::lower::Lower;
use crate::schema::Flow;
use crate::schema::functions::Arg;

/// A checked argument.
pub(super) enum Bound {
    /// The plan's value of a player or an oracle, and the block's name.
    Block(ValueName, String),
    Batch(BatchRef, Row),
    /// The plan's value of a preference set.
    Preferences(ValueName),
    Value(Typed, Span),
    Number(f64),
}

/// The rows of a batch that a leaf is computed on.
pub(super) struct Batch {
    pub at: BatchRef,
    pub row: Row,
}

impl Batch {
    /// Makes an expression with one value for each token.
    pub fn tokens(self, leaf: impl FnOnce(BatchRef) -> Leaf) -> Typed {
        let leaf = leaf(self.at.clone());
        Typed { expr: Expr::Leaf { leaf }, row: Some(self.row), token: Some(self.at) }
    }

    /// Makes an expression with one value for each row.
    pub fn rows(self, leaf: impl FnOnce(BatchRef) -> Leaf) -> Typed {
        Typed { expr: Expr::Leaf { leaf: leaf(self.at) }, row: Some(self.row), token: None }
    }
}

impl Batch {
    /// Returns the same rows once more.
    pub fn copy(&self) -> Batch {
        Batch { at: self.at.clone(), row: self.row.clone() }
    }
}

impl Lower<'_> {
    /// Tells whether the number of arguments is right and none is named.
    pub(super) fn arity(&mut self, name: &str, usage: &str, wanted: usize, args: &[Written], at: Span) -> bool {
        if let Some(named) = args.iter().find_map(|arg| arg.name.as_ref()) {
            self.out.push(
                Diagnostic::error(Code::UnknownField, named.span, format!("`{name}` has no argument `{}`", named.text))
                    .label("functions of objectives have no named arguments")
                    .help(format!("write `{usage}`")),
            );
            return false;
        }
        if args.len() == wanted {
            return true;
        }
        let (code, place) = match args.get(wanted) {
            Some(extra) => (Code::TooManyArguments, extra.value.span),
            None => (Code::MissingField, at),
        };
        let plural = if wanted == 1 { "" } else { "s" };
        self.out.push(
            Diagnostic::error(code, place, format!("`{name}` takes {wanted} argument{plural}, found {}", args.len()))
                .label(if code == Code::MissingField { "too few arguments" } else { "no place for this one" })
                .help(format!("write `{usage}`")),
        );
        false
    }

    /// Returns an argument, which must be of a kind.
    pub(super) fn bind(&mut self, kind: Arg, expr: &Ast) -> Option<Bound> {
        match kind {
            Arg::Block(kind) => {
                let name = self.check().block_ref(kind, expr)?;
                self.need(&name);
                Some(Bound::Block(self.player(&name), name))
            }
            Arg::Batch => self.batch(expr).map(|batch| Bound::Batch(batch.at, batch.row)),
            Arg::Preferences => {
                let name = self.check().local_ref(Flow::Preferences, expr)?;
                Some(Bound::Preferences(self.local(&name)))
            }
            Arg::Value => self.value(expr).map(|value| Bound::Value(value, expr.span)),
            Arg::Number => self.check().number(expr).map(|number| Bound::Number(number.value)),
        }
    }

    /// Checks a batch: rollouts by name, or `chosen(prefs)`, `rejected(prefs)`.
    pub(super) fn batch(&mut self, expr: &Ast) -> Option<Batch> {
        if let ExprKind::Call { callee, args } = &expr.kind {
            let side = match callee.first().map(|name| name.text.as_str()) {
                Some("chosen") => Side::Chosen,
                Some("rejected") => Side::Rejected,
                _ => {
                    let error = Diagnostic::error(
                        Code::WrongType,
                        expr.span,
                        format!("expected rollouts, found {}", describe(&expr.kind)),
                    );
                    self.out.push(
                        error
                            .label("not a batch")
                            .help("write the name of rollouts, `chosen(prefs)` or `rejected(prefs)`"),
                    );
                    return None;
                }
            };
            let word = if side == Side::Chosen { "chosen" } else { "rejected" };
            if !self.arity(word, &format!("{word}(prefs)"), 1, args, expr.span) {
                return None;
            }
            let name = self.check().local_ref(Flow::Preferences, &args.first()?.value)?;
            let value = self.local(&name);
            return Some(Batch {
                at: BatchRef { value: value.clone(), side: Some(side) },
                row: Row { value, name, pair: true },
            });
        }
        if let ExprKind::Path(path) = &expr.kind
            && let [name] = path.as_slice()
            && let Some(local) = self.locals.get(&name.text)
            && local.flow == Some(Flow::Preferences)
        {
            let text = &name.text;
            self.out.push(
                Diagnostic::error(Code::WrongKind, expr.span, "expected rollouts, found preferences")
                    .label(format!("`{text}` holds pairs"))
                    .also(local.span, "assigned here")
                    .help(format!("write `chosen({text})` or `rejected({text})`")),
            );
            return None;
        }
        if let ExprKind::Path(path) = &expr.kind
            && let [batch, part] = path.as_slice()
            && let Some(local) = self.locals.get(&batch.text)
        {
            let help = pair_part(local.flow, &batch.text, &part.text);
            return self.check().wrong_type(expr, Flow::Rollouts.noun(), help);
        }
        let name = self.check().local_ref(Flow::Rollouts, expr)?;
        let value = self.local(&name);
        Some(Batch { at: BatchRef { value: value.clone(), side: None }, row: Row { value, name, pair: false } })
    }
}

/// Returns the next argument, a player's value; the functions below return other kinds.
pub(super) fn block(args: &mut impl Iterator<Item = Bound>) -> Option<ValueName> {
    match args.next()? {
        Bound::Block(value, _) => Some(value),
        _ => None,
    }
}

pub(super) fn block_name(args: &mut impl Iterator<Item = Bound>) -> Option<String> {
    match args.next()? {
        Bound::Block(_, name) => Some(name),
        _ => None,
    }
}

pub(super) fn batch(args: &mut impl Iterator<Item = Bound>) -> Option<Batch> {
    match args.next()? {
        Bound::Batch(at, row) => Some(Batch { at, row }),
        _ => None,
    }
}

pub(super) fn preferences(args: &mut impl Iterator<Item = Bound>) -> Option<ValueName> {
    match args.next()? {
        Bound::Preferences(value) => Some(value),
        _ => None,
    }
}

pub(super) fn value(args: &mut impl Iterator<Item = Bound>) -> Option<(Typed, Span)> {
    match args.next()? {
        Bound::Value(value, span) => Some((value, span)),
        _ => None,
    }
}

pub(super) fn number(args: &mut impl Iterator<Item = Bound>) -> Option<f64> {
    match args.next()? {
        Bound::Number(value) => Some(value),
        _ => None,
    }
}
