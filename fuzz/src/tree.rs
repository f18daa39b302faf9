//! Walks a syntax tree, and visits each place with the surrounding one.

use pbpo_grammar::Span;
use pbpo_grammar::ast::{
    AxisValues, Body, Expr, ExprKind, File, Formal, Ident, Item, Param, PipelineBody, Range, Setting, Stmt, SweepAxis,
    SweepEntry,
};

/// A function that receives a place, and the one that should contain it.
type See<'a> = dyn FnMut(Span, Span) + 'a;

pub fn file(file: &File, whole: Span, see: &mut See<'_>) {
    file.version.iter().for_each(|version| see(version.span, whole));
    file.faults.iter().for_each(|fault| see(fault.span, whole));
    for item in &file.items {
        see(item.span(), whole);
        item_parts(item, item.span(), see);
    }
}

fn item_parts(item: &Item, at: Span, see: &mut See<'_>) {
    item.name().into_iter().for_each(|name| see(name.span, at));
    match item {
        Item::Import(import) => {
            see(import.path_span, at);
            import.names.iter().for_each(|name| words([&name.name, name.here()], at, see));
        }
        Item::Param(param) => param_parts(param, at, see),
        Item::Lint(lint) => words(&lint.names, at, see),
        Item::Block(block) => {
            words([&block.kind], at, see);
            body(&block.body, at, see);
        }
        Item::Extern(item) => {
            words(&item.result, at, see);
            item.formals.iter().for_each(|item| formal(item, at, see));
        }
        Item::Objective(objective) => {
            objective.formals.iter().for_each(|item| formal(item, at, see));
            expr(&objective.value, at, see);
        }
        Item::Pipeline(pipeline) => {
            see(pipeline.keyword, at);
            pipeline.formals.iter().flatten().for_each(|item| formal(item, at, see));
            match &pipeline.body {
                PipelineBody::Stmts(stmts) => body(stmts, at, see),
                PipelineBody::Call(call) => expr(call, at, see),
            }
        }
        Item::Variant(variant) => {
            words([&variant.of], at, see);
            variant.settings.iter().for_each(|set| setting(set, at, see));
        }
        Item::Sweep(sweep) => {
            words(&sweep.over, at, see);
            sweep.entries.iter().for_each(|entry| sweep_entry(entry, at, see));
        }
    }
}

fn words<'a>(words: impl IntoIterator<Item = &'a Ident>, at: Span, see: &mut See<'_>) {
    words.into_iter().for_each(|word| see(word.span, at));
}

fn param_parts(param: &Param, at: Span, see: &mut See<'_>) {
    words([&param.ty], at, see);
    param.range.iter().for_each(|item| range(item, at, see));
    expr(&param.value, at, see);
}

fn formal(formal: &Formal, at: Span, see: &mut See<'_>) {
    see(formal.span, at);
    let at = formal.span;
    see(formal.ty.span, at);
    words(formal.ty.words.iter().chain(&formal.ty.unit), formal.ty.span, see);
    formal.range.iter().for_each(|item| range(item, at, see));
    formal.default.iter().for_each(|value| expr(value, at, see));
}

fn range(range: &Range, at: Span, see: &mut See<'_>) {
    see(range.span, at);
    expr(&range.low, range.span, see);
    expr(&range.high, range.span, see);
}

fn setting(set: &Setting, at: Span, see: &mut See<'_>) {
    see(set.span(), at);
    words(&set.path, set.span(), see);
    expr(&set.value, set.span(), see);
}

fn sweep_entry(entry: &SweepEntry, at: Span, see: &mut See<'_>) {
    match entry {
        SweepEntry::Axis(item) => axis(item, at, see),
        SweepEntry::Zip(axes, span) => {
            see(*span, at);
            axes.iter().for_each(|item| axis(item, *span, see));
        }
        // Its place is that of the keyword.
        SweepEntry::Where(condition, span) => {
            see(*span, at);
            expr(condition, at, see);
        }
        SweepEntry::Set(set) => setting(set, at, see),
    }
}

fn axis(axis: &SweepAxis, at: Span, see: &mut See<'_>) {
    see(axis.span, at);
    words(&axis.path, axis.span, see);
    match &axis.values {
        AxisValues::Range(values) => range(values, axis.span, see),
        AxisValues::List(values) => expr(values, axis.span, see),
    }
}

fn body(body: &Body, at: Span, see: &mut See<'_>) {
    see(body.span, at);
    body.stmts.iter().for_each(|item| stmt(item, body.span, see));
}

fn stmt(stmt: &Stmt, at: Span, see: &mut See<'_>) {
    see(stmt.span(), at);
    let at = stmt.span();
    match stmt {
        Stmt::Assign { name, value, .. } | Stmt::Append { name, value } => {
            words([name], at, see);
            expr(value, at, see);
        }
        Stmt::Repeat { count, unit, body: inner, .. } => {
            expr(count, at, see);
            words(unit, at, see);
            body(inner, at, see);
        }
        Stmt::Climb { player, objective, within, .. } => {
            words([player], at, see);
            [Some(objective), within.as_ref()].into_iter().flatten().for_each(|value| expr(value, at, see));
        }
        Stmt::Call { call } => expr(call, at, see),
    }
}

pub fn expr(value: &Expr, at: Span, see: &mut See<'_>) {
    see(value.span, at);
    let at = value.span;
    match &value.kind {
        ExprKind::Number(number) => words(&number.unit, at, see),
        ExprKind::Text(_) | ExprKind::Bool(_) | ExprKind::Error => {}
        ExprKind::Path(path) => words(path, at, see),
        ExprKind::Call { callee, args } => {
            words(callee, at, see);
            for arg in args {
                words(arg.name.iter().chain(&arg.over), at, see);
                expr(&arg.value, at, see);
            }
        }
        ExprKind::Record { tag, body: inner } => {
            words(tag, at, see);
            body(inner, at, see);
        }
        ExprKind::List(items) => items.iter().for_each(|item| expr(item, at, see)),
        ExprKind::Neg(arg) | ExprKind::Not(arg) => expr(arg, at, see),
        ExprKind::Binary { left, right, .. } => {
            expr(left, at, see);
            expr(right, at, see);
        }
    }
}
