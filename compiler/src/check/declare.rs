//! Collects the names that a file declares, and the values of its parameters.

use std::sync::Arc;

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Block, Ident, Item, Param as Written};

use super::{Check, field_span};
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::hir::{Constant, Decl, Number, Param};
use crate::modules::{Entry, Project};
use crate::schema::{Kind, Range};
use crate::scope::Scope;

/// Parts of the language that are planned, but not implemented.
const LATER: [&str; 1] = ["task"];
/// Items with a special syntax.
const FORMS: [(&str, &str); 13] = [
    ("import", "use std/games { pbpo }"),
    ("from", "use std/games { pbpo }"),
    ("include", "use \"file.pbpo\" { name }"),
    ("def", "pipeline NAME(pi: policy) { ... }"),
    ("fn", "pipeline NAME(pi: policy) { ... }"),
    ("let", "param NAME: float = 0.1"),
    ("const", "param NAME: float = 0.1"),
    ("use", "use std/games { pbpo }"),
    ("objective", "objective NAME(pi: policy, y: rollouts) = EXPRESSION"),
    ("variant", "variant NAME of PIPELINE { path = value }"),
    ("sweep", "sweep NAME over PIPELINE { path in [a, b] }"),
    ("extern", "extern op NAME(...) -> rollouts"),
    ("lint", "deny one_seed"),
];
/// Types of parameters.
const TYPES: [&str; 5] = ["int", "float", "bool", "text", "path"];

/// Collects the names, in file order, so that later declarations may be referred to.
pub fn scope(project: &Project, entries: &[Entry], out: &mut Vec<Diagnostic>) -> Scope {
    let mut scope = Scope {
        doubtful: Arc::new(project.doubtful.clone()),
        views: Arc::new(project.views.clone()),
        ..Scope::default()
    };
    let mut first: std::collections::BTreeMap<&str, Span> = std::collections::BTreeMap::new();
    for entry in entries {
        let Some(name) = entry.item.name() else { continue };
        match first.get(entry.global.as_str()) {
            Some(earlier) => out.push(duplicate(name, *earlier)),
            None => {
                first.insert(&entry.global, name.span);
                declare(&mut scope, entry, name, out);
            }
        }
    }
    scope
}

/// Makes the error for two declarations in one file with the same name.
pub fn duplicate(name: &Ident, earlier: Span) -> Diagnostic {
    Diagnostic::error(Code::DuplicateName, name.span, format!("`{}` is declared twice", name.text))
        .label("again here")
        .also(earlier, "first here")
        .help("give one of them another name")
}

fn declare(scope: &mut Scope, entry: &Entry, name: &Ident, out: &mut Vec<Diagnostic>) {
    let kind = match &*entry.item {
        Item::Param(param) => return declare_param(scope, &entry.global, param, out),
        Item::Block(block) => return declare_block(scope, &entry.global, block, out),
        Item::Import(_) | Item::Lint(_) => return,
        Item::Extern(_) => Kind::Op,
        Item::Objective(_) => Kind::Objective,
        Item::Pipeline(_) => Kind::Pipeline,
        Item::Variant(_) => Kind::Variant,
        Item::Sweep(_) => Kind::Sweep,
    };
    scope.blocks.insert(entry.global.clone(), Decl { kind: Some(kind), name: name.span, follows: None });
    scope.items.insert(entry.global.clone(), entry.item.clone());
}

fn declare_block(scope: &mut Scope, global: &str, block: &Block, out: &mut Vec<Diagnostic>) {
    let kind = Kind::parse(&block.kind.text);
    if kind.is_none() {
        out.push(unknown_kind(&block.kind.text, block.kind.span, out.len()));
    }
    let follows = field_span(&block.body, "follows").filter(|_| kind == Some(Kind::Policy));
    scope.blocks.insert(global.to_owned(), Decl { kind, name: block.name.span, follows });
    Arc::make_mut(&mut scope.order).push(global.to_owned());
}

/// Makes the error for an unknown word before a block; `said` is the number of earlier findings.
pub fn unknown_kind(word: &str, span: Span, said: usize) -> Diagnostic {
    if LATER.contains(&word) {
        return Diagnostic::error(Code::NotYet, span, format!("`{word}` is not supported yet"))
            .label("planned, not in this version");
    }
    if let Some((_, form)) = FORMS.iter().find(|(item, _)| *item == word) {
        return Diagnostic::error(Code::Unexpected, span, format!("`{word}` is written in another way"))
            .label("not a block")
            .help(format!("write `{form}`"));
    }
    let items = ["param", "use", "objective", "variant", "sweep"];
    let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.word()).chain(items).collect();
    Diagnostic::error(Code::UnknownKind, span, format!("no kind of block is called `{word}`"))
        .label("unknown kind")
        .suggest(said, word, || kinds)
}

pub(super) fn declare_param(scope: &mut Scope, global: &str, param: &Written, out: &mut Vec<Diagnostic>) {
    let value = param_value(scope, param, out);
    scope.params.insert(global.to_owned(), Param { name: param.name.span, value });
}

/// Returns the value of a parameter, checked against its type and range. It may use parameters above it.
fn param_value(scope: &Scope, param: &Written, out: &mut Vec<Diagnostic>) -> Option<Constant> {
    if !TYPES.contains(&param.ty.text.as_str()) {
        let error = Diagnostic::error(Code::WrongType, param.ty.span, format!("no type is called `{}`", param.ty.text));
        out.push(error.suggest(out.len(), &param.ty.text, || TYPES.to_vec()));
        return None;
    }
    let mut check = Check { scope, locals: None, out };
    let ty = param.ty.text.as_str();
    let value = check.known(&param.value, ty)?;
    match value {
        Constant::Number(number) if matches!(ty, "int" | "float") => {
            let whole = ty == "int";
            if whole && !number.whole {
                out.push(
                    super::number::not_whole(param.value.span, &number).also(param.ty.span, "declared `int` here"),
                );
                return None;
            }
            let number = Number { whole, from: None, ..number };
            in_range(scope, param, &number, out).then_some(Constant::Number(number))
        }
        Constant::Bool(_) if ty == "bool" => Some(value),
        Constant::Text(ref text) if ty == "path" && text.contains(pbpo_outside::shown::is_control) => {
            out.push(super::control_character(&param.name.text, text, param.value.span));
            None
        }
        Constant::Text(_) if matches!(ty, "text" | "path") => Some(value),
        _ => {
            out.push(
                Diagnostic::error(Code::WrongType, param.value.span, format!("expected {}", article(ty)))
                    .label(format!("found {}", super::describe(&param.value.kind)))
                    .also(param.ty.span, format!("`{}` is declared `{ty}` here", param.name.text)),
            );
            None
        }
    }
}

fn article(ty: &str) -> &'static str {
    match ty {
        "int" => "a whole number",
        "float" => "a number",
        "bool" => "`true` or `false`",
        _ => "a text in double quotes",
    }
}

/// Tells whether a parameter's value is inside the range it was declared with.
fn in_range(scope: &Scope, param: &Written, number: &Number, out: &mut Vec<Diagnostic>) -> bool {
    if param.name.text == "seed" && number.value < 0.0 {
        out.push(
            Diagnostic::error(Code::OutOfRange, param.value.span, "a seed can't be negative")
                .label(format!("found {}", number.value)),
        );
        return false;
    }
    let Some(range) = &param.range else { return true };
    let mut check = Check { scope, locals: None, out };
    let (low, high) = (check.constant(&range.low), check.constant(&range.high));
    let (Some(Constant::Number(low)), Some(Constant::Number(high))) = (low, high) else { return false };
    if low.value > high.value {
        out.push(
            Diagnostic::error(Code::OutOfRange, range.span, "an empty range")
                .label("the low end is above the high end"),
        );
        return false;
    }
    let allowed = Range::new(low.value, high.value);
    if allowed.contains(number.value) {
        return true;
    }
    out.push(
        super::number::out_of_range(param.value.span, number, allowed, &format!("`{}`", param.name.text))
            .also(range.span, "the range is declared here"),
    );
    false
}
