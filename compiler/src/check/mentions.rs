//! Finds the parameters that a declaration mentions. When a parameter changes, the declarations that mention it are
//! checked again.

use pbpo_grammar::ast::{Block, Body, Expr, ExprKind, Param, Stmt};

use crate::scope::Scope;

/// Calls `found` with every parameter that a block mentions.
pub fn block(scope: &Scope, block: &Block, found: &mut impl FnMut(&str)) {
    body(scope, &block.body, found);
}

/// Calls `found` with every parameter that the value or the range of a parameter mentions.
pub fn param(scope: &Scope, param: &Param, found: &mut impl FnMut(&str)) {
    let ends = param.range.iter().flat_map(|range| [&range.low, &range.high]);
    ends.chain([&param.value]).for_each(|value| expr(scope, value, found));
}

fn body(scope: &Scope, braces: &Body, found: &mut impl FnMut(&str)) {
    for stmt in &braces.stmts {
        if let Stmt::Assign { value, .. } = stmt {
            expr(scope, value, found);
        }
    }
}

fn expr(scope: &Scope, value: &Expr, found: &mut impl FnMut(&str)) {
    match &value.kind {
        ExprKind::Path(path) => {
            if let Some(name) = path.first().and_then(|word| scope.global(word))
                && scope.params.contains_key(name)
            {
                found(name);
            }
        }
        ExprKind::Call { args, .. } => args.iter().for_each(|arg| expr(scope, &arg.value, found)),
        ExprKind::Record { body: braces, .. } => body(scope, braces, found),
        ExprKind::List(items) => items.iter().for_each(|item| expr(scope, item, found)),
        ExprKind::Neg(arg) | ExprKind::Not(arg) => expr(scope, arg, found),
        ExprKind::Binary { left, right, .. } => {
            expr(scope, left, found);
            expr(scope, right, found);
        }
        ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Bool(_) | ExprKind::Error => {}
    }
}
