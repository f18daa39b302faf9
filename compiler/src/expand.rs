//! Puts arguments in the place of parameters: how objectives and pipelines are called.
//!
//! Words keep the place where they were written, and names are looked up by place (`modules.rs`): an
//! argument means what it means where the call stands, whatever the definition's file declares.

use std::collections::BTreeMap;

use pbpo_grammar::ast::{Arg, Body, Expr, ExprKind, Ident, Stmt};

/// The arguments of a call by the names of the parameters.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    values: BTreeMap<String, Expr>,
}

impl Bindings {
    pub fn insert(&mut self, name: &str, value: Expr) {
        self.values.insert(name.to_owned(), value);
    }

    pub fn get(&self, name: &str) -> Option<&Expr> {
        self.values.get(name)
    }

    /// The path that a path becomes: `pi.init` with `pi` bound to `tutor` is `tutor.init`.
    fn path(&self, path: &[Ident]) -> Option<Vec<Ident>> {
        let (first, rest) = path.split_first()?;
        match &self.get(&first.text)?.kind {
            ExprKind::Path(bound) => Some(bound.iter().chain(rest).cloned().collect()),
            _ => None,
        }
    }

    pub fn body(&self, body: &Body) -> Body {
        Body { stmts: body.stmts.iter().map(|stmt| self.stmt(stmt)).collect(), span: body.span }
    }

    fn stmt(&self, stmt: &Stmt) -> Stmt {
        match stmt {
            Stmt::Assign { doc, name, value } => {
                Stmt::Assign { doc: doc.clone(), name: name.clone(), value: self.expr(value) }
            }
            Stmt::Append { name, value } => Stmt::Append { name: name.clone(), value: self.expr(value) },
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
                callee: self.path(callee).unwrap_or_else(|| callee.clone()),
                args: args
                    .iter()
                    .map(|arg| Arg { name: arg.name.clone(), value: self.expr(&arg.value), over: arg.over.clone() })
                    .collect(),
            },
            ExprKind::Record { tag, body } => ExprKind::Record { tag: tag.clone(), body: self.body(body) },
            ExprKind::List(items) => ExprKind::List(items.iter().map(|item| self.expr(item)).collect()),
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

fn one(path: Vec<Ident>) -> Option<Ident> {
    match path.as_slice() {
        [name] => Some(name.clone()),
        _ => None,
    }
}
