//! Objectives by name: `dpo(pi, ref, prefs, beta)` is the expression of its definition.

use std::collections::BTreeSet;

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Arg, Body, Expr, ExprKind, Ident, Item, Stmt};

use super::axes::Typed;
use crate::check::Callee;
use crate::expand::MOST_TERMS;
use crate::lower::calls::{DEEPEST_CALLS, in_calls, too_deep, too_large};
use crate::lower::{Lower, Terms};
use crate::scope::Scope;

impl Lower<'_> {
    /// Lowers a call of an objective that is declared in a file.
    pub(super) fn objective_call(&mut self, global: &str, args: &[Arg], span: Span) -> Option<Typed> {
        let item = self.program.scope.items.get(global)?.clone();
        let Item::Objective(objective) = &*item else { return None };
        if self.program.scope.broken.contains(global) {
            self.terms.unknown = true;
            return None;
        }
        if self.terms.count > MOST_TERMS {
            return None;
        }
        if self.calls >= DEEPEST_CALLS {
            let circle = circle(&self.program.scope, global);
            let help = if circle { "write it without itself" } else { "write the expression in one of them" };
            self.out.push(too_deep(&objective.name.text, span, circle, help));
            // An objective that calls itself twice would double at every level.
            self.terms = Terms { count: usize::MAX, unknown: true };
            return None;
        }
        let callee = Callee {
            name: &objective.name.text,
            declared: objective.name.span,
            formals: &objective.formals,
            objective: true,
        };
        let bindings = self.check().bind(&callee, args, span)?;
        let before = self.out.len();
        self.terms.count = self.terms.count.saturating_add(bindings.size(&objective.value));
        let value = if self.terms.count > MOST_TERMS {
            None
        } else {
            self.calls += 1;
            let value = self.value(&bindings.expr(&objective.value));
            self.calls -= 1;
            value
        };
        in_calls(self.out, before, &[span], self.calls == 0);
        // Reported once, for the call that is written where the objective is used.
        if self.calls == 0 && self.terms.count > MOST_TERMS && !self.terms.unknown {
            self.terms.unknown = true;
            self.out.push(too_large(&objective.name.text, span));
        }
        value
    }
}

/// The largest number of definitions that are searched for a circle.
const MOST_SEARCHED: usize = 1000;

/// Tells whether an objective calls itself, directly or through others. The depth of calls does not tell, because a
/// call in an argument is also inside the call that it is given to.
fn circle(scope: &Scope, global: &str) -> bool {
    let (mut seen, mut open) = (BTreeSet::new(), vec![global]);
    while let Some(name) = open.pop() {
        let Some(Item::Objective(objective)) = scope.items.get(name).map(|item| &**item) else { continue };
        let mut callees = Vec::new();
        called(&objective.value, &mut callees);
        callees.retain(|callee| objective.formals.iter().all(|formal| formal.name.text != callee.text));
        for callee in callees.into_iter().filter_map(|callee| scope.global(callee)) {
            if callee == global {
                return true;
            }
            if seen.len() < MOST_SEARCHED && seen.insert(callee) {
                open.push(callee);
            }
        }
    }
    false
}

/// Collects the callee of each call in an expression.
fn called<'e>(expr: &'e Expr, found: &mut Vec<&'e Ident>) {
    match &expr.kind {
        ExprKind::Call { callee, args } => {
            found.extend(callee.first());
            args.iter().for_each(|arg| called(&arg.value, found));
        }
        ExprKind::Record { body, .. } => called_in_body(body, found),
        ExprKind::List(items) => items.iter().for_each(|item| called(item, found)),
        ExprKind::Neg(arg) | ExprKind::Not(arg) => called(arg, found),
        ExprKind::Binary { left, right, .. } => {
            called(left, found);
            called(right, found);
        }
        ExprKind::Path(_) | ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Bool(_) | ExprKind::Error => {}
    }
}

fn called_in_body<'e>(body: &'e Body, found: &mut Vec<&'e Ident>) {
    for stmt in &body.stmts {
        if let Stmt::Assign { value, .. } = stmt {
            called(value, found);
        }
    }
}
