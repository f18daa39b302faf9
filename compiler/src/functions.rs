//! Checks definitions with parameters by themselves: each parameter is replaced by a value of its type.
//!
//! So a mistake in an objective or a pipeline is found at its place, with or without a call, and calls do not repeat
//! it.

use std::sync::Arc;

use pbpo_grammar::ast::{Formal, Item, PipelineBody};

use crate::check::{Check, Program};
use crate::diagnostic::Diagnostic;
use crate::hir::{Constant, Decl, Number, Param};
use crate::lower;
use crate::modules::Entry;
use crate::schema::{Flow, Kind};
use crate::scope::{Local, Locals, Scope};
use crate::suggest;

/// Checks every objective and every pipeline with parameters; remembers those with an error.
pub fn check(program: &mut Program, entries: &[Entry], out: &mut Vec<Diagnostic>) {
    // Copies made for single definitions share what is declared up to here.
    program.scope.share();
    for entry in entries.iter().filter(|entry| !entry.std) {
        let before = out.len();
        let (formals, objective) = match &*entry.item {
            Item::Objective(objective) => (objective.formals.as_slice(), true),
            Item::Pipeline(pipeline) => match &pipeline.formals {
                Some(formals) => (formals.as_slice(), false),
                None => continue,
            },
            _ => continue,
        };
        if (Check { scope: &program.scope, locals: None, out }).formals(formals, objective) {
            let found = suggest::after(before, || definition(program, entry, formals));
            out.extend(found);
        }
        if out.len() > before {
            Arc::make_mut(&mut program.scope.broken).insert(entry.global.clone());
        }
    }
}

/// Returns the errors of a definition that occur for all values of its numbers. An error that some values avoid is left
/// to the calls, because the tried values may differ from the actual ones.
fn definition(program: &mut Program, entry: &Entry, formals: &[Formal]) -> Vec<Diagnostic> {
    let (mut found, mut too_large) = one_way(program, entry, formals, Pick::Low);
    let numbers = |formal: &Formal| matches!(type_word(formal), "int" | "float") && formal.default.is_none();
    if !found.is_empty() && formals.iter().any(numbers) {
        for pick in [Pick::Middle, Pick::High] {
            let (other, large) = one_way(program, entry, formals, pick);
            too_large |= large;
            if other.len() < found.len() {
                found = other;
            }
        }
    }
    // Marked after all picks, because calls of a broken definition are skipped, including its calls of itself.
    if too_large {
        Arc::make_mut(&mut program.scope.broken).insert(entry.global.clone());
    }
    found
}

/// Checks a definition with one value of its numbers. Returns the findings, and true if it expands to too many terms.
fn one_way(program: &mut Program, entry: &Entry, formals: &[Formal], pick: Pick) -> (Vec<Diagnostic>, bool) {
    let mut out = Vec::new();
    // Each definition reports its own unknown names, so the list is restored afterwards.
    let missing = program.scope.missing.clone();
    let (added, locals) = enter(program, entry, formals, pick, &mut out);
    let mut too_large = false;
    match &*entry.item {
        Item::Objective(objective) => too_large = lower::check_objective(program, objective, locals, &mut out),
        Item::Pipeline(pipeline) => match &pipeline.body {
            PipelineBody::Stmts(body) => lower::check_body(program, body, &mut out),
            PipelineBody::Call(_) => lower::check_call(program, pipeline, &mut out),
        },
        _ => {}
    }
    leave(&mut program.scope, entry, added);
    program.scope.missing = missing;
    (out, too_large)
}

/// A parameter that was added to the declarations: its name, its global name, and the earlier meaning of the name.
struct Added {
    name: String,
    global: String,
    before: Option<String>,
}

/// Adds a declaration for each of a definition's parameters to the program.
fn enter(
    program: &mut Program,
    entry: &Entry,
    formals: &[Formal],
    pick: Pick,
    out: &mut Vec<Diagnostic>,
) -> (Vec<Added>, Locals) {
    let scope = &mut program.scope;
    let (mut added, mut locals) = (Vec::new(), Locals::default());
    for formal in formals {
        let name = &formal.name.text;
        let word = type_word(formal);
        let flow = match word {
            "rollouts" | "batch" => Some(Flow::Rollouts),
            "preferences" => Some(Flow::Preferences),
            _ => None,
        };
        if let Some(flow) = flow {
            let span = formal.name.span;
            let local =
                Local { value: pbpo_plan::ValueName::of(name), flow: Some(flow), span, rollouts: None, pending: false };
            locals.map.insert(name.clone(), local);
            continue;
        }
        let global = format!("{}::{name}", entry.global);
        let before = Arc::make_mut(&mut scope.views).put(entry.file, name, Some(global.clone()));
        match Kind::parse(word) {
            Some(kind) => {
                let decl = Decl { kind: Some(kind), name: formal.name.span, follows: None };
                scope.blocks.insert(global.clone(), decl);
                Arc::make_mut(&mut scope.order).push(global.clone());
            }
            None => {
                let value = stand_in(scope, formal, pick, out);
                scope.params.insert(global.clone(), Param { name: formal.name.span, value });
            }
        }
        added.push(Added { name: name.clone(), global, before });
    }
    (added, locals)
}

/// Removes the parameters of a definition again.
fn leave(scope: &mut Scope, entry: &Entry, added: Vec<Added>) {
    let order = Arc::make_mut(&mut scope.order);
    for Added { name, global, before } in added.into_iter().rev() {
        if order.last() == Some(&global) {
            order.pop();
        }
        scope.blocks.remove(&global);
        scope.params.remove(&global);
        Arc::make_mut(&mut scope.views).put(entry.file, &name, before);
    }
}

fn type_word(formal: &Formal) -> &str {
    formal.ty.words.first().map_or("", |word| word.text.as_str())
}

/// The choice of the value that replaces a number.
#[derive(Clone, Copy)]
enum Pick {
    Low,
    Middle,
    High,
}

/// The number of which whole stand-ins are multiples if the range allows it, because the usual sizes of groups divide
/// it.
const ROUND: f64 = 840.0;

/// Returns a possible value of a number: its default, one in its range, or a small one.
fn stand_in(scope: &Scope, formal: &Formal, pick: Pick, out: &mut Vec<Diagnostic>) -> Option<Constant> {
    let mut check = Check { scope, locals: None, out };
    if let Some(default) = &formal.default {
        return check.constant(default);
    }
    let whole = type_word(formal) == "int";
    Some(match type_word(formal) {
        "bool" => Constant::Bool(true),
        "text" => Constant::Text(String::new()),
        // A `value` may be a number or one number for each row, which only the call decides.
        "value" => return None,
        _ => {
            let (low, high) = check.formal_range(formal).map_or((1.0, 2.0 * ROUND), |range| (range.low, range.high));
            let middle = low + (high - low) / 2.0;
            let value = match pick {
                Pick::Low => low,
                Pick::High => high,
                Pick::Middle if !whole => middle,
                Pick::Middle if middle >= ROUND => middle - middle % ROUND,
                Pick::Middle => middle.floor(),
            };
            Constant::Number(Number { value, whole, unit: None, from: None })
        }
    })
}
