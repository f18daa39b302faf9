//! Definitions with parameters, checked by themselves: each parameter stands for something of its type.
//!
//! So a mistake in an objective or a pipeline is found where it was written, whether or not it is called,
//! and no call repeats it.

use std::sync::Arc;

use pbpo_grammar::ast::{Formal, Item, PipelineBody};

use crate::check::{Check, Program};
use crate::diagnostic::Diagnostic;
use crate::hir::{Constant, Decl, Number, Param};
use crate::lower;
use crate::modules::Entry;
use crate::schema::{Flow, Kind};
use crate::scope::{Local, Locals};

/// Checks every objective and every pipeline with parameters; remembers those with an error.
pub fn check(program: &mut Program, entries: &[Entry], out: &mut Vec<Diagnostic>) {
    for entry in entries.iter().filter(|entry| !entry.std) {
        let before = out.len();
        match &*entry.item {
            Item::Objective(objective) => {
                let mut check = Check { scope: &program.scope, locals: None, out };
                if check.formals(&objective.formals, true) {
                    let (inside, locals) = inside(program, entry, &objective.formals, out);
                    lower::check_objective(&inside, objective, locals, out);
                    program.scope.adopt(&inside.scope);
                }
            }
            Item::Pipeline(pipeline) => {
                let Some(formals) = &pipeline.formals else { continue };
                let mut check = Check { scope: &program.scope, locals: None, out };
                if check.formals(formals, false) {
                    let (inside, _) = inside(program, entry, formals, out);
                    match &pipeline.body {
                        PipelineBody::Stmts(body) => lower::check_body(&inside, body, out),
                        PipelineBody::Call(_) => lower::check_call(&inside, pipeline, out),
                    }
                    program.scope.adopt(&inside.scope);
                }
            }
            _ => continue,
        }
        if out.len() > before {
            Arc::make_mut(&mut program.scope.broken).insert(entry.global.clone());
        }
    }
}

/// The program as a definition sees it: with a declaration for each of its parameters.
fn inside(program: &Program, entry: &Entry, formals: &[Formal], out: &mut Vec<Diagnostic>) -> (Program, Locals) {
    let mut scope = program.scope.clone();
    let mut locals = Locals::default();
    for formal in formals {
        let name = &formal.name.text;
        let word = formal.ty.words.first().map_or("", |word| word.text.as_str());
        let flow = match word {
            "rollouts" | "batch" => Some(Flow::Rollouts),
            "preferences" => Some(Flow::Preferences),
            _ => None,
        };
        if let Some(flow) = flow {
            let span = formal.name.span;
            let local = Local { value: name.clone(), flow: Some(flow), span, rollouts: None, pending: false };
            locals.map.insert(name.clone(), local);
            continue;
        }
        let global = format!("{}::{name}", entry.global);
        Arc::make_mut(&mut scope.views).add(entry.file, name, &global);
        match Kind::parse(word) {
            Some(kind) => {
                let decl = Decl { kind: Some(kind), name: formal.name.span, follows: None };
                Arc::make_mut(&mut scope.blocks).insert(global.clone(), decl);
                Arc::make_mut(&mut scope.order).push(global);
            }
            None => {
                let value = stand_in(&scope, formal, out);
                scope.params.insert(global, Param { name: formal.name.span, value });
            }
        }
    }
    (Program { scope, ..program.clone() }, locals)
}

/// A value that a number may have: its default, the low end of its range, or 1.
fn stand_in(scope: &crate::scope::Scope, formal: &Formal, out: &mut Vec<Diagnostic>) -> Option<Constant> {
    let mut check = Check { scope, locals: None, out };
    if let Some(default) = &formal.default {
        return check.constant(default);
    }
    let word = formal.ty.words.first().map_or("", |word| word.text.as_str());
    Some(match word {
        "bool" => Constant::Bool(true),
        "text" => Constant::Text(String::new()),
        _ => {
            let value = check.formal_range(formal).map_or(1.0, |range| range.low);
            Constant::Number(Number { value, whole: word == "int", unit: None, from: None })
        }
    })
}
