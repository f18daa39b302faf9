//! Replaces parameters by arguments in calls of objectives and pipelines.
//!
//! Words keep the place where they were written, and names are looked up by place (`modules.rs`): an argument keeps the
//! meaning that it has at the call, whatever the definition's file declares.

use std::collections::BTreeMap;

use pbpo_grammar::ast::{Arg, Body, Expr, ExprKind, Formal, Ident, Stmt};

use crate::schema::Kind;

/// The largest number of terms to which the calls of one pipeline may expand. A chain of definitions that each call the
/// one before twice doubles with every link: without a limit a page of text takes hours.
pub const MOST_TERMS: usize = 100_000;

/// The arguments of a call by the names of the parameters.
#[derive(Clone, Debug, Default)]
pub struct Bindings<'a> {
    values: BTreeMap<&'a str, Bound<'a>>,
}

#[derive(Clone, Debug)]
struct Bound<'a> {
    value: &'a Expr,
    /// The number of terms of the value.
    size: usize,
    /// True if the parameter is a block, which may be called as a function.
    block: bool,
}

impl<'a> Bindings<'a> {
    pub fn insert(&mut self, formal: &'a Formal, value: &'a Expr) {
        let block = !formal.ty.list && formal.ty.words.first().is_some_and(|word| Kind::parse(&word.text).is_some());
        let size = Bindings::default().size(value);
        self.values.insert(&formal.name.text, Bound { value, size, block });
    }

    fn get(&self, name: &str) -> Option<&'a Expr> {
        self.values.get(name).map(|bound| bound.value)
    }

    /// Returns the number of terms to which an expression expands.
    pub fn size(&self, expr: &Expr) -> usize {
        let inner = match &expr.kind {
            ExprKind::Path(path) => match path.as_slice() {
                [name] => return self.values.get(name.text.as_str()).map_or(1, |bound| bound.size),
                _ => 0,
            },
            ExprKind::Call { args, .. } => sum(args.iter().map(|arg| self.size(&arg.value))),
            ExprKind::Record { body, .. } => self.body_size(body),
            ExprKind::List(items) => sum(items.iter().map(|item| self.size(item))),
            ExprKind::Neg(arg) | ExprKind::Not(arg) => self.size(arg),
            ExprKind::Binary { left, right, .. } => self.size(left).saturating_add(self.size(right)),
            ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Bool(_) | ExprKind::Error => 0,
        };
        inner.saturating_add(1)
    }

    /// Returns the number of terms to which statements expand.
    pub fn body_size(&self, body: &Body) -> usize {
        sum(body.stmts.iter().map(|stmt| match stmt {
            Stmt::Assign { value, .. } | Stmt::Append { value, .. } | Stmt::Call { call: value } => self.size(value),
            Stmt::Repeat { count, body, .. } => self.size(count).saturating_add(self.body_size(body)),
            Stmt::Climb { objective, within, .. } => sum([objective].into_iter().chain(within).map(|e| self.size(e))),
        }))
    }

    /// Returns the path after replacement: `pi.init` with `pi` bound to `tutor` is `tutor.init`.
    fn path(&self, path: &[Ident]) -> Option<Vec<Ident>> {
        let (first, rest) = path.split_first()?;
        match &self.get(&first.text)?.kind {
            ExprKind::Path(bound) => Some(bound.iter().chain(rest).cloned().collect()),
            _ => None,
        }
    }

    /// Replaces arguments of an operation, which keeps its name even if a parameter has the same:
    /// `label(..., by = label)`.
    fn op(&self, value: &Expr) -> Expr {
        let mut made = self.expr(value);
        if let (ExprKind::Call { callee, .. }, ExprKind::Call { callee: written, .. }) = (&mut made.kind, &value.kind) {
            callee.clone_from(written);
        }
        made
    }

    /// Returns the callee after replacement: `r(y)` with a reward model for `r`; `kl(pi, ref, y)` stays, even if `kl`
    /// is bound to a number.
    fn callee(&self, callee: &[Ident]) -> Vec<Ident> {
        let block =
            callee.first().and_then(|name| self.values.get(name.text.as_str())).is_some_and(|bound| bound.block);
        block.then(|| self.path(callee)).flatten().unwrap_or_else(|| callee.to_vec())
    }

    /// Replaces an item of a list. A single word stays, because it is a word of the language, as in
    /// `metrics = [accuracy, length]`.
    fn item(&self, item: &Expr) -> Expr {
        match &item.kind {
            ExprKind::Path(path) if path.len() == 1 => item.clone(),
            _ => self.expr(item),
        }
    }

    pub fn body(&self, body: &Body) -> Body {
        Body { stmts: body.stmts.iter().map(|stmt| self.stmt(stmt)).collect(), span: body.span }
    }

    fn stmt(&self, stmt: &Stmt) -> Stmt {
        match stmt {
            Stmt::Assign { doc, name, value } => {
                Stmt::Assign { doc: doc.clone(), name: name.clone(), value: self.op(value) }
            }
            Stmt::Append { name, value } => Stmt::Append { name: name.clone(), value: self.op(value) },
            Stmt::Call { call } => Stmt::Call { call: self.op(call) },
            Stmt::Repeat { keyword, count, unit, body } => {
                Stmt::Repeat { keyword: *keyword, count: self.expr(count), unit: unit.clone(), body: self.body(body) }
            }
            Stmt::Climb { keyword, ascend, player, objective, within } => Stmt::Climb {
                keyword: *keyword,
                ascend: *ascend,
                player: self.path(std::slice::from_ref(player)).and_then(one).unwrap_or_else(|| player.clone()),
                objective: self.expr(objective),
                within: within.as_ref().map(|within| self.expr(within)),
            },
        }
    }

    pub fn expr(&self, expr: &Expr) -> Expr {
        let kind = match &expr.kind {
            ExprKind::Path(path) => match path.as_slice() {
                [name] => return self.get(&name.text).unwrap_or(expr).clone(),
                path => ExprKind::Path(self.path(path).unwrap_or_else(|| path.to_vec())),
            },
            ExprKind::Call { callee, args } => ExprKind::Call {
                callee: self.callee(callee),
                args: args
                    .iter()
                    .map(|arg| Arg { name: arg.name.clone(), value: self.expr(&arg.value), over: arg.over.clone() })
                    .collect(),
            },
            ExprKind::Record { tag, body } => ExprKind::Record { tag: tag.clone(), body: self.body(body) },
            ExprKind::List(items) => ExprKind::List(items.iter().map(|item| self.item(item)).collect()),
            ExprKind::Neg(arg) => ExprKind::Neg(Box::new(self.expr(arg))),
            ExprKind::Not(arg) => ExprKind::Not(Box::new(self.expr(arg))),
            ExprKind::Binary { op, left, right } => {
                ExprKind::Binary { op: *op, left: Box::new(self.expr(left)), right: Box::new(self.expr(right)) }
            }
            ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Bool(_) | ExprKind::Error => return expr.clone(),
        };
        Expr { kind, span: expr.span }
    }
}

fn sum(sizes: impl Iterator<Item = usize>) -> usize {
    sizes.fold(0, usize::saturating_add)
}

fn one(path: Vec<Ident>) -> Option<Ident> {
    match path.as_slice() {
        [name] => Some(name.clone()),
        _ => None,
    }
}
