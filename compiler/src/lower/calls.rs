//! Pipelines that are calls: the statements of the called pipeline, with the arguments put in.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Body, Expr, Formal, Ident, Item, Pipeline, PipelineBody};

use crate::check::{Callee, Check, Program, as_call, describe};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Label};
use crate::expand::MOST_TERMS;
use crate::schema::Kind;
use crate::suggest;

/// The deepest chain of calls.
pub(super) const DEEPEST_CALLS: usize = 32;

/// Returns the statements of a pipeline, with the places of the calls that led to them.
pub(super) fn body<'p>(
    program: &Program,
    pipeline: &'p Pipeline,
    out: &mut Vec<Diagnostic>,
) -> Option<(Cow<'p, Body>, Vec<Span>)> {
    let mut call = match &pipeline.body {
        PipelineBody::Stmts(body) => return Some((Cow::Borrowed(body), Vec::new())),
        PipelineBody::Call(call) => call.clone(),
    };
    let mut calls: Vec<Span> = Vec::new();
    let (mut outermost, mut called_so_far) = (String::new(), BTreeSet::new());
    loop {
        let at = call.span;
        let (callee, args) = match as_call(&call) {
            Some((callee, args)) => (callee.first()?, args),
            None => {
                not_a_call(&call, out);
                return None;
            }
        };
        let item = target(program, callee, out)?;
        let Item::Pipeline(called) = &*item else { return None };
        let circle = !called_so_far.insert(called.name.span);
        if circle || calls.len() >= DEEPEST_CALLS {
            let error = too_deep(&callee.text, at, circle, "write the statements in one of them");
            let first = calls.first().filter(|first| !circle && **first != at);
            out.push(match first {
                Some(first) => error.also(*first, "in this call"),
                None => error,
            });
            return None;
        }
        let formals: &[Formal] = called.formals.as_deref().unwrap_or_default();
        let target = Callee { name: &callee.text, declared: called.name.span, formals, objective: false };
        let mut check = Check { scope: &program.scope, locals: None, out };
        let bindings = check.bind(&target, args, at)?;
        if calls.is_empty() {
            outermost.clone_from(&callee.text);
        }
        calls.push(at);
        let size = match &called.body {
            PipelineBody::Stmts(body) => bindings.body_size(body),
            PipelineBody::Call(inner) => bindings.size(inner),
        };
        if size > MOST_TERMS {
            let first = calls.first().copied().unwrap_or(at);
            out.push(too_large(&outermost, first));
            return None;
        }
        match &called.body {
            PipelineBody::Stmts(body) => return Some((Cow::Owned(bindings.body(body)), calls)),
            PipelineBody::Call(inner) => call = bindings.expr(inner),
        }
    }
}

/// Makes the error for a call of a definition that calls itself, or that is called through too many others.
pub(super) fn too_deep(name: &str, call: Span, circle: bool, help: &str) -> Diagnostic {
    if circle {
        let error = Diagnostic::error(Code::Recursion, call, format!("`{name}` calls itself"));
        return error.label("in a circle of calls").help(help);
    }
    Diagnostic::error(Code::TooDeep, call, format!("calls nested deeper than {DEEPEST_CALLS} levels"))
        .label(format!("`{name}` is called through {DEEPEST_CALLS} others"))
        .help(help)
}

/// Makes the error for a definition whose calls expand beyond the limit.
pub(super) fn too_large(name: &str, call: Span) -> Diagnostic {
    Diagnostic::error(Code::TooLarge, call, format!("`{name}` becomes more than {MOST_TERMS} terms"))
        .label("with all that it calls")
        .help("let fewer definitions call each other more than once")
}

fn not_a_call(expr: &Expr, out: &mut Vec<Diagnostic>) {
    if !matches!(expr.kind, pbpo_grammar::ast::ExprKind::Error) {
        out.push(
            Diagnostic::error(
                Code::WrongType,
                expr.span,
                format!("expected a call of a pipeline, found {}", describe(&expr.kind)),
            )
            .label("not a call")
            .help("write `pipeline main = NAME(...)`, or the statements: `pipeline main { ... }`"),
        );
    }
}

/// Returns the pipeline with parameters that a word means; `None` if it has errors.
fn target(program: &Program, callee: &Ident, out: &mut Vec<Diagnostic>) -> Option<Arc<Item>> {
    let scope = &program.scope;
    let Some((global, decl)) = scope.block(callee) else {
        if !scope.doubtful.contains(&callee.text) {
            let near = suggest::worth(out.len())
                .then(|| suggest::nearest(&callee.text, scope.of_items(Kind::Pipeline, callee.span.file)));
            out.push(
                Diagnostic::error(Code::UnknownName, callee.span, format!("no pipeline is called `{}`", callee.text))
                    .label("declared nowhere")
                    .help(match near.flatten() {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => match crate::stdlib::home(&callee.text) {
                            Some(module) => format!("import it: `use {module} {{ {} }}`", callee.text),
                            None => format!("declare it: `pipeline {}(pi: policy) {{ ... }}`", callee.text),
                        },
                    }),
            );
        }
        return None;
    };
    let item = scope.items.get(global);
    match item.map(|item| &**item) {
        Some(Item::Pipeline(pipeline)) if pipeline.formals.is_some() => {
            if scope.broken.contains(global) {
                None
            } else {
                item.cloned()
            }
        }
        _ => {
            let found = decl.kind.map_or("a block", |kind| kind.noun());
            let message = format!("expected a pipeline with parameters, found {found}");
            let error = Diagnostic::error(Code::WrongKind, callee.span, message);
            out.push(error.label(format!("`{}` is {found}", callee.text)).also(decl.name, "declared here"));
            None
        }
    }
}

/// Adds the calls that led there to findings since `before` inside definitions. `outermost`: no call is around them.
pub(super) fn in_calls(out: &mut [Diagnostic], before: usize, calls: &[Span], outermost: bool) {
    for error in out.iter_mut().skip(before) {
        // Of a circle or a long chain not every call is shown.
        let shown = match error.code {
            Code::Recursion => &[],
            Code::TooDeep if !outermost => &[],
            _ => calls,
        };
        for call in shown {
            let inside =
                call.file == error.primary.span.file && (call.start..=call.end).contains(&error.primary.span.start);
            if !inside {
                error.others.push(Label { span: *call, text: "in this call".into() });
            }
        }
    }
}
