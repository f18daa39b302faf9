//! If no declaration mentions the seed, its value changes only random draws: checking one value of it checks them all.

use pbpo_grammar::ast::{Body, Expr, ExprKind, Formal, Item, Number, PipelineBody, Range, Stmt, SweepEntry};

use super::Target;
use super::sweep::Choice;
use crate::check::number::LARGEST;
use crate::modules::Project;

/// Returns true if an option sets only that seed, to a valid value.
pub(super) fn seed(project: &Project, unmentioned: Option<&str>, choice: &Choice) -> bool {
    let [set] = choice.sets.as_slice() else { return false };
    let whole = matches!(&set.value.kind, ExprKind::Number(Number { value, whole: true, unit: None })
        if (0.0..=LARGEST).contains(value));
    whole && Target::of(&project.views, &set.path).is_some_and(|target| Some(target.global.as_str()) == unmentioned)
}

/// Returns the global name of the main file's seed, if it has no range and no declaration mentions it.
pub(super) fn unmentioned(project: &Project) -> Option<&str> {
    let global = project.views.seed(project.main)?;
    let Some(Item::Param(param)) = project.item(global) else { return None };
    let plain = param.ty.text == "int" && param.range.is_none();
    let means =
        |path: &[pbpo_grammar::ast::Ident]| path.first().is_some_and(|word| project.views.global(word) == Some(global));
    let mut mentioned = false;
    for entry in &project.entries {
        item(&entry.item, &mut |expr| {
            mentioned |= match &expr.kind {
                ExprKind::Path(path) | ExprKind::Call { callee: path, .. } => means(path),
                _ => false,
            };
        });
    }
    (plain && !mentioned).then_some(global)
}

/// Calls `visit` on every expression of a declaration, except those that a sweep sets.
fn item(item: &Item, visit: &mut impl FnMut(&Expr)) {
    match item {
        Item::Import(_) | Item::Lint(_) => {}
        Item::Param(param) => {
            range(param.range.as_ref(), visit);
            expr(&param.value, visit);
        }
        Item::Block(block) => statements(&block.body, visit),
        Item::Extern(item) => formals(&item.formals, visit),
        Item::Objective(objective) => {
            formals(&objective.formals, visit);
            expr(&objective.value, visit);
        }
        Item::Pipeline(pipeline) => {
            formals(pipeline.formals.as_deref().unwrap_or_default(), visit);
            match &pipeline.body {
                PipelineBody::Stmts(stmts) => statements(stmts, visit),
                PipelineBody::Call(call) => expr(call, visit),
            }
        }
        Item::Variant(variant) => variant.settings.iter().for_each(|set| expr(&set.value, visit)),
        Item::Sweep(sweep) => {
            for entry in &sweep.entries {
                if let SweepEntry::Set(set) = entry {
                    expr(&set.value, visit);
                }
            }
        }
    }
}

fn formals(formals: &[Formal], visit: &mut impl FnMut(&Expr)) {
    for formal in formals {
        range(formal.range.as_ref(), visit);
        formal.default.iter().for_each(|value| expr(value, visit));
    }
}

fn range(range: Option<&Range>, visit: &mut impl FnMut(&Expr)) {
    range.iter().flat_map(|range| [&range.low, &range.high]).for_each(|end| expr(end, visit));
}

fn statements(body: &Body, visit: &mut impl FnMut(&Expr)) {
    for stmt in &body.stmts {
        match stmt {
            Stmt::Assign { value, .. } | Stmt::Append { value, .. } | Stmt::Call { call: value } => expr(value, visit),
            Stmt::Repeat { count, body: inner, .. } => {
                expr(count, visit);
                statements(inner, visit);
            }
            Stmt::Climb { objective, within, .. } => {
                expr(objective, visit);
                within.iter().for_each(|within| expr(within, visit));
            }
        }
    }
}

fn expr(value: &Expr, visit: &mut impl FnMut(&Expr)) {
    visit(value);
    match &value.kind {
        ExprKind::Call { args, .. } => args.iter().for_each(|arg| expr(&arg.value, visit)),
        ExprKind::Record { body: braces, .. } => statements(braces, visit),
        ExprKind::List(items) => items.iter().for_each(|item| expr(item, visit)),
        ExprKind::Neg(arg) | ExprKind::Not(arg) => expr(arg, visit),
        ExprKind::Binary { left, right, .. } => {
            expr(left, visit);
            expr(right, visit);
        }
        ExprKind::Path(_) | ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Bool(_) | ExprKind::Error => {}
    }
}
