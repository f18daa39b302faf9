//! Finds the declarations that a pipeline mentions, directly and through the objectives that it calls. Their stages
//! come first.

use std::collections::BTreeSet;

use pbpo_grammar::ast::{Arg, Expr, ExprKind, Formal, Ident, Item, Objective, Stmt};

use crate::scope::Scope;

/// Returns the global name of every declaration that statements mention.
pub(super) fn of<'s>(scope: &'s Scope, stmts: &[Stmt]) -> BTreeSet<&'s str> {
    let mut names = Names { scope, found: BTreeSet::new(), seen: BTreeSet::new(), open: Vec::new() };
    names.stmts(stmts, &[]);
    // Definitions wait in a list, because a chain of them may be longer than the stack is deep.
    while let Some((expr, hidden)) = names.open.pop() {
        names.expr(expr, hidden);
    }
    names.found
}

struct Names<'s> {
    scope: &'s Scope,
    found: BTreeSet<&'s str>,
    /// The objectives that were visited, and their defaults, by global names.
    seen: BTreeSet<(&'s str, Option<&'s str>)>,
    /// The definitions and defaults that are still to be visited, with the parameters that hide declarations there.
    open: Vec<(&'s Expr, &'s [Formal])>,
}

impl<'s> Names<'s> {
    fn stmts(&mut self, stmts: &[Stmt], hidden: &[Formal]) {
        for stmt in stmts {
            match stmt {
                Stmt::Assign { value, .. } | Stmt::Append { value, .. } | Stmt::Call { call: value } => {
                    self.expr(value, hidden);
                }
                Stmt::Repeat { count, body, .. } => {
                    self.expr(count, hidden);
                    self.stmts(&body.stmts, hidden);
                }
                Stmt::Climb { player, objective, within, .. } => {
                    self.word(player, hidden);
                    self.expr(objective, hidden);
                    within.iter().for_each(|within| self.expr(within, hidden));
                }
            }
        }
    }

    /// Visits a word, which means a declaration unless it is a parameter of the surrounding objective.
    fn word(&mut self, word: &Ident, hidden: &[Formal]) {
        if !hidden.iter().any(|formal| formal.name.text == word.text) {
            self.found.extend(self.scope.global(word));
        }
    }

    fn expr(&mut self, expr: &Expr, hidden: &[Formal]) {
        match &expr.kind {
            ExprKind::Path(path) => path.first().into_iter().for_each(|word| self.word(word, hidden)),
            ExprKind::Call { callee, args } => {
                if let Some(name) = callee.first() {
                    self.word(name, hidden);
                    self.called(name, args);
                }
                args.iter().for_each(|arg| self.expr(&arg.value, hidden));
            }
            ExprKind::Record { body, .. } => self.stmts(&body.stmts, hidden),
            ExprKind::List(items) => items.iter().for_each(|item| self.expr(item, hidden)),
            ExprKind::Neg(arg) | ExprKind::Not(arg) => self.expr(arg, hidden),
            ExprKind::Binary { left, right, .. } => {
                self.expr(left, hidden);
                self.expr(right, hidden);
            }
            ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Bool(_) | ExprKind::Error => {}
        }
    }

    /// Notes the definition of a called objective, and the defaults of omitted arguments. Each is visited once; global
    /// names tell objectives of one name in two files apart.
    fn called(&mut self, name: &Ident, args: &[Arg]) {
        let scope = self.scope;
        let (Some(global), Some(Item::Objective(objective))) = (scope.global(name), scope.item(name)) else { return };
        if self.seen.insert((global, None)) {
            self.open.push((&objective.value, &objective.formals));
        }
        for formal in left_out(objective, args) {
            let new = self.seen.insert((global, Some(&formal.name.text)));
            if let Some(default) = formal.default.as_ref().filter(|_| new) {
                self.open.push((default, &[]));
            }
        }
    }
}

/// Returns the parameters that a call omits.
fn left_out<'o>(objective: &'o Objective, args: &[Arg]) -> impl Iterator<Item = &'o Formal> {
    let mut unnamed = args.iter().filter(|arg| arg.name.is_none()).count();
    let named: Vec<&str> = args.iter().filter_map(|arg| Some(arg.name.as_ref()?.text.as_str())).collect();
    let out = objective.formals.iter().filter(move |formal| {
        let positional = !formal.named_only && unnamed > 0;
        unnamed -= usize::from(positional);
        !positional && !named.contains(&formal.name.text.as_str())
    });
    out.collect::<Vec<_>>().into_iter()
}
