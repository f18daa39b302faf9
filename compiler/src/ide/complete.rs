//! What could be written at the cursor.

use pbpo_grammar::ast::Item;
use pbpo_grammar::{FileId, parse};

use super::Analysis;
use super::context::{Frame, Place, frames, path_before, place, word};
use crate::schema::{Field, Flow, Kind, Ty, blocks, functions, ops};
use crate::{lints, stdlib};

/// One thing that could be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    pub label: String,
    pub kind: CompletionKind,
    /// Its type in a few words.
    pub detail: String,
    pub doc: String,
    /// What is put in: the label, with what follows it.
    pub insert: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompletionKind {
    Keyword,
    Field,
    Value,
    Block,
    Param,
    Function,
    Variable,
    Module,
}

fn new(label: &str, kind: CompletionKind, detail: &str, doc: &str, insert: String) -> Completion {
    Completion { label: label.to_owned(), kind, detail: detail.to_owned(), doc: doc.to_owned(), insert }
}

fn plain(label: &str, kind: CompletionKind, detail: &str, doc: &str) -> Completion {
    new(label, kind, detail, doc, label.to_owned())
}

pub(super) fn at(analysis: &Analysis, offset: usize) -> Vec<Completion> {
    let text = analysis.text();
    let (start, _) = word(text, offset);
    let frames = frames(text, start);
    let Some(frame) = frames.last() else { return Vec::new() };
    let path = path_before(text, start);
    let mut out = Vec::new();
    match place(&frames) {
        Place::Top => top(analysis, frame, &mut out),
        Place::Names(module) => exports(&module, &mut out),
        Place::Fields(fields) => match frame.value_of() {
            Some(name) => {
                if let Some(field) = fields.iter().find(|field| field.name == name) {
                    value(analysis, field, &path, &mut out);
                }
            }
            None => names(fields, frame, " = ", &mut out),
        },
        Place::Arguments(op) => match frame.value_of() {
            Some(name) => {
                if let Some(field) = op.args.iter().find(|field| field.name == name) {
                    value(analysis, field, &path, &mut out);
                }
            }
            None => {
                let positional = op.args.iter().filter(|field| field.positional).nth(frame.unnamed);
                if let Some(field) = positional {
                    value(analysis, field, &path, &mut out);
                }
                names(op.args, frame, " = ", &mut out);
            }
        },
        Place::Statements => statement(analysis, frame, offset, &mut out),
        Place::Expression => expression(analysis, offset, &mut out),
        Place::Settings => setting(analysis, frame, &path, &mut out),
        Place::Unknown => {}
    }
    out
}

fn top(analysis: &Analysis, frame: &Frame, out: &mut Vec<Completion>) {
    match frame.statement.first().map(String::as_str) {
        None => {
            let items = ["param", "use", "objective", "variant", "sweep", "allow", "warn", "deny"];
            let kinds = Kind::ALL.iter().map(|kind| (kind.word(), kind.noun()));
            out.extend(kinds.map(|(word, noun)| plain(word, CompletionKind::Keyword, noun, "")));
            out.extend(items.map(|word| plain(word, CompletionKind::Keyword, "declaration", "")));
        }
        Some("use") => {
            out.extend(stdlib::MODULES.iter().map(|(name, _)| plain(name, CompletionKind::Module, "module", "")));
        }
        Some("allow" | "warn" | "deny") => {
            out.extend(lints::LINTS.iter().map(|lint| plain(lint.name, CompletionKind::Value, "lint", lint.doc)));
        }
        Some("variant" | "sweep") => {
            for (name, decl) in analysis.program.scope.blocks.iter().filter(|(name, _)| !name.contains("::")) {
                if matches!(decl.kind, Some(Kind::Pipeline | Kind::Variant)) {
                    out.push(plain(name, CompletionKind::Block, decl.kind.map_or("", Kind::noun), ""));
                }
            }
        }
        Some(_) => expression(analysis, 0, out),
    }
}

/// What a module declares.
fn exports(module: &str, out: &mut Vec<Completion>) {
    let Some(text) = stdlib::text(module) else { return };
    for item in parse(FileId::default(), text).items {
        if let Some(name) = item.name() {
            let detail = match item {
                Item::Objective(_) => "objective",
                Item::Pipeline(_) => "pipeline",
                Item::Extern(_) => "built in",
                _ => "declaration",
            };
            out.push(plain(&name.text, CompletionKind::Function, detail, item.doc()));
        }
    }
}

/// Fields that were not given yet.
fn names(fields: &'static [Field], frame: &Frame, behind: &str, out: &mut Vec<Completion>) {
    for field in fields.iter().filter(|field| !frame.given.iter().any(|given| given == field.name)) {
        let insert = format!("{}{behind}", field.name);
        out.push(new(field.name, CompletionKind::Field, &super::hover::type_text(field), field.doc, insert));
    }
}

/// Values of a field.
fn value(analysis: &Analysis, field: &Field, path: &[String], out: &mut Vec<Completion>) {
    let scope = &analysis.program.scope;
    match field.ty {
        Ty::Block(kind) => {
            out.extend(scope.of_kind(kind).into_iter().map(|name| plain(name, CompletionKind::Block, kind.noun(), "")));
        }
        Ty::Init => out.extend(scope.of_kind(Kind::Policy).into_iter().map(|name| {
            let label = if path.is_empty() { format!("{name}.init") } else { "init".to_owned() };
            plain(&label, CompletionKind::Value, "initial weights", "")
        })),
        Ty::Score => out.extend(
            crate::schema::tasks()
                .iter()
                .map(|task| plain(&format!("{}.score", task.name), CompletionKind::Value, "score", task.doc)),
        ),
        Ty::Value(flow) => variables(analysis, Some(flow), usize::MAX, out),
        Ty::Int(..) | Ty::Float(..) => params(analysis, out),
        Ty::Record(_) => out.push(new("{ }", CompletionKind::Value, "record", "", "{  }".into())),
        Ty::Choice(_) | Ty::Words(_) | Ty::Task => {
            for variant in field.ty.alternatives().unwrap_or_default() {
                out.push(plain(variant.name, CompletionKind::Value, field.name, variant.doc));
            }
        }
    }
}

fn params(analysis: &Analysis, out: &mut Vec<Completion>) {
    let names = analysis.program.scope.params.keys().filter(|name| !name.contains("::"));
    out.extend(names.map(|name| plain(name, CompletionKind::Param, "parameter", "")));
}

fn statement(analysis: &Analysis, frame: &Frame, offset: usize, out: &mut Vec<Completion>) {
    let words: Vec<&str> = frame.statement.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => {
            out.extend(
                ["repeat", "ascend", "descend"].map(|word| plain(word, CompletionKind::Keyword, "statement", "")),
            );
            variables(analysis, None, offset, out);
        }
        ["ascend" | "descend"] => {
            for kind in [Kind::Policy, Kind::RewardModel] {
                let names = analysis.program.scope.of_kind(kind);
                out.extend(names.into_iter().map(|name| plain(name, CompletionKind::Block, kind.noun(), "")));
            }
        }
        ["ascend" | "descend", _] => out.push(plain("on", CompletionKind::Keyword, "", "")),
        ["ascend" | "descend", ..] if words.last() == Some(&"within") => {
            let names = analysis.program.scope.of_kind(Kind::Constraint);
            out.extend(names.into_iter().map(|name| plain(name, CompletionKind::Block, "a constraint", "")));
        }
        ["ascend" | "descend", ..] => {
            expression(analysis, offset, out);
            out.push(plain("within", CompletionKind::Keyword, "a constraint", ""));
        }
        ["repeat", ..] => params(analysis, out),
        _ => out.extend(
            ops::all()
                .iter()
                .map(|op| new(op.name, CompletionKind::Function, op.gives.noun(), op.doc, format!("{}(", op.name))),
        ),
    }
}

/// What objectives are made of.
fn expression(analysis: &Analysis, offset: usize, out: &mut Vec<Completion>) {
    let scope = &analysis.program.scope;
    out.extend(functions::all().iter().map(|function| {
        new(function.name, CompletionKind::Function, function.usage, function.doc, format!("{}(", function.name))
    }));
    for kind in [Kind::RewardModel, Kind::Policy, Kind::Oracle, Kind::Objective] {
        for name in scope.blocks.iter().filter(|(name, decl)| decl.kind == Some(kind) && !name.contains("::")) {
            out.push(plain(name.0, CompletionKind::Block, kind.noun(), ""));
        }
    }
    params(analysis, out);
    variables(analysis, None, offset, out);
}

/// Variables of the pipelines of the file.
fn variables(analysis: &Analysis, flow: Option<Flow>, offset: usize, out: &mut Vec<Completion>) {
    for (name, made) in super::names::variables(analysis, offset) {
        let kind = ops::find(&made).map(|op| op.gives);
        if flow.is_none() || kind == flow {
            let detail = kind.map_or("variable", Flow::noun);
            if !out.iter().any(|other| other.label == name) {
                out.push(plain(&name, CompletionKind::Variable, detail, ""));
            }
        }
    }
}

/// `path = value` of variants and sweeps.
fn setting(analysis: &Analysis, frame: &Frame, path: &[String], out: &mut Vec<Completion>) {
    let Some((first, rest)) = path.split_first() else {
        if frame.statement.is_empty() {
            params(analysis, out);
            let blocks = analysis.program.blocks.iter().filter(|(name, _)| !name.contains("::"));
            out.extend(blocks.map(|(name, block)| plain(name, CompletionKind::Block, block.kind.noun(), "")));
            out.extend(
                ["zip", "where", "ablate", "limit"].map(|word| plain(word, CompletionKind::Keyword, "sweep", "")),
            );
        }
        return;
    };
    let Some(block) = analysis.program.blocks.get(first) else { return };
    let follower = block.args.name("follows").is_some();
    let mut fields = if follower { blocks::FOLLOWER } else { blocks::fields(block.kind) };
    for name in rest {
        let Some(field) = fields.iter().find(|field| field.name == name) else { return };
        let chosen = block.args.word(name);
        fields = match field.ty {
            Ty::Record(fields) => fields,
            ty => ty
                .alternatives()
                .and_then(|all| all.iter().find(|variant| chosen.is_none_or(|chosen| variant.name == chosen)))
                .map_or(&[], |variant| variant.fields),
        };
    }
    names(fields, &Frame::default(), "", out);
}
