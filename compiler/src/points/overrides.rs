//! Overrides of variants, sweeps and `--set path=value`: they replace values in the syntax tree, so that an override
//! goes through the same checks as a written value, and its spans point to where it was written.

use std::collections::BTreeSet;

use pbpo_grammar::ast::{Arg, Block, Body, Expr, ExprKind, Ident, Item, PipelineBody, Stmt};
use pbpo_grammar::{FileId, Span, parse_expr};

use super::fields::{paths, set_in_body};
use crate::check::field_span;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::modules::Entries;
use crate::schema::{Field, Kind, blocks};
use crate::source::{SET, SourceMap};
use crate::suggest;

/// One override: of a variant, a sweep, or the command line.
#[derive(Clone, Debug)]
pub struct Override {
    pub path: Vec<Ident>,
    pub value: Expr,
    /// The text for the names of points, as `beta=0.1`.
    pub text: String,
}

impl Override {
    pub fn new(path: &[Ident], value: &Expr) -> Self {
        let text = format!("{}={}", crate::check::path_text(path), value_text(value));
        Self { path: path.to_vec(), value: value.clone(), text }
    }
}

/// Returns a value in its shortest spelling, without blanks.
pub fn value_text(expr: &Expr) -> String {
    let list = |items: Vec<String>| items.join(",");
    match &expr.kind {
        ExprKind::Number(number) => {
            let unit = number.unit.as_ref().map_or("", |unit| unit.text.as_str());
            format!("{}{unit}", plain(number.value, number.whole))
        }
        ExprKind::Text(text) => format!("{text:?}"),
        ExprKind::Bool(value) => value.to_string(),
        ExprKind::Path(path) => crate::check::path_text(path),
        ExprKind::Call { callee, args } => {
            let args = args.iter().map(|arg| match &arg.name {
                Some(name) => format!("{}={}", name.text, value_text(&arg.value)),
                None => value_text(&arg.value),
            });
            format!("{}({})", crate::check::path_text(callee), list(args.collect()))
        }
        ExprKind::Record { tag, body } => {
            let fields = body.stmts.iter().filter_map(|stmt| match stmt {
                Stmt::Assign { name, value, .. } => Some(format!("{}={}", name.text, value_text(value))),
                _ => None,
            });
            format!("{}{{{}}}", tag.as_ref().map_or("", |tag| tag.text.as_str()), list(fields.collect()))
        }
        ExprKind::List(items) => format!("[{}]", list(items.iter().map(value_text).collect())),
        ExprKind::Neg(arg) => format!("-{}", value_text(arg)),
        ExprKind::Not(arg) => format!("not({})", value_text(arg)),
        ExprKind::Binary { op, left, right } => {
            format!("({}{}{})", value_text(left), op.text(), value_text(right))
        }
        ExprKind::Error => "?".into(),
    }
}

/// Returns a number in its shortest spelling, as `4000`, `0.04`, `1e-5`.
fn plain(value: f64, whole: bool) -> String {
    let small = value != 0.0 && value.abs() < 1e-3;
    match (whole, small) {
        (true, _) => format!("{value:.0}"),
        (false, true) => format!("{value:e}"),
        (false, false) => format!("{value}"),
    }
}

/// Reads the overrides of the command line. Reports invalid ones.
pub fn parse(texts: &[String], sources: &mut SourceMap, out: &mut Vec<Diagnostic>) -> Vec<Override> {
    let mut overrides = Vec::new();
    for text in texts {
        let id = sources.add(SET, text);
        match parse_one(id, text) {
            Ok((path, value)) => {
                overrides.push(Override { path, value, text: text.split_whitespace().collect() });
            }
            Err(error) => out.extend(error),
        }
    }
    overrides
}

/// Applies overrides in order. Returns the entries that they change.
pub fn apply<'o>(
    entries: &mut Entries<'_>,
    overrides: impl IntoIterator<Item = &'o Override>,
    out: &mut Vec<Diagnostic>,
) -> BTreeSet<usize> {
    let mut changed = BTreeSet::new();
    for item in overrides {
        suggest::after(out.len(), || match set(entries, &item.path, item.value.clone()) {
            Ok(index) => changed.extend(index),
            Err(error) => out.extend(error.map(|error| longer_path(entries, &item.path, error))),
        });
    }
    changed
}

/// Adds the whole path to an error if the last word of an unknown path is a field at a deeper level.
fn longer_path(entries: &Entries<'_>, path: &[Ident], error: Diagnostic) -> Diagnostic {
    let (Some(first), Some(last)) = (path.first(), path.last()) else { return error };
    if error.code != Code::UnknownPath || error.primary.span != last.span || !suggest::worth(0) {
        return error;
    }
    let mut all = Vec::new();
    for (name, global) in entries.project.views.in_file(first.span.file) {
        if let (Some(Item::Block(block)), true) = (entries.item(global), path.len() == 1 || *name == first.text)
            && let Some(fields) = fields_of(block)
        {
            paths(&block.body, fields, name, &mut all);
        }
    }
    let ending = format!(".{}", last.text);
    let found: Vec<&str> = all.iter().map(String::as_str).filter(|path| path.ends_with(&ending)).collect();
    match found.as_slice() {
        [] => error,
        found => Diagnostic { fix: None, ..error.help(format!("write {}", suggest::one_of(found))) },
    }
}

/// Returns the fields of a block of a known kind.
fn fields_of(block: &Block) -> Option<&'static [Field]> {
    let kind = Kind::parse(&block.kind.text)?;
    Some(blocks::form(kind, |field| field_span(&block.body, field).is_some()).fields)
}

/// A failed override; `None` if its target was reported already.
pub(super) type Failure = Option<Diagnostic>;

/// Returns the path and the value of an argument.
fn parse_one(id: FileId, text: &str) -> Result<(Vec<Ident>, Expr), Failure> {
    let whole = Span::new(id, 0, text.len());
    let bad = |message: &str| {
        let error = Diagnostic::error(Code::BadOverride, whole, message);
        Some(error.label("not `path=value`").help("write for example `--set beta=0.1` or `--set pi.optimizer.lr=1e-4`"))
    };
    let Some((left, right)) = text.split_once('=') else {
        return Err(bad("an override needs a `=`"));
    };
    let (mut path, mut start) = (Vec::new(), 0);
    for part in left.split('.') {
        let word = part.trim();
        if word.is_empty() || !word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(bad("the path of an override is made of names and dots"));
        }
        let from = start + part.find(word).unwrap_or(0);
        path.push(Ident { text: word.to_owned(), span: Span::new(id, from, from + word.len()) });
        start += part.len() + 1;
    }
    if right.trim().is_empty() {
        return Err(bad("an override needs a value"));
    }
    // Blanks replace the path, so that the places in the value are right.
    let padded = format!("{}{right}", " ".repeat(left.len() + 1));
    match parse_expr(id, &padded) {
        Ok(value) => Ok((path, value)),
        Err(fault) => Err(Some(crate::syntax::fault(&fault, 0))),
    }
}

/// Finds the target and replaces its value.
fn set(entries: &mut Entries<'_>, path: &[Ident], value: Expr) -> Result<Option<usize>, Failure> {
    let Some((first, rest)) = path.split_first() else { return Ok(None) };
    let project = entries.project;
    let Some(index) = project.views.global(first).and_then(|global| project.place(global)) else {
        if project.doubtful.contains(&first.text) {
            return Err(None);
        }
        return Err(nothing_called(entries, first, rest));
    };
    let formals = called(entries, index);
    let Some(item) = entries.edit(index) else { return Ok(None) };
    match item {
        Item::Param(param) => match rest.first() {
            None => {
                param.value = value;
                Ok(())
            }
            Some(part) => Err(no_parts(&first.text, part)),
        },
        Item::Block(block) => set_in_block(block, first, rest, value),
        Item::Pipeline(pipeline) => match &mut pipeline.body {
            PipelineBody::Stmts(body) => set_episodes(body, first, rest, value),
            PipelineBody::Call(call) => set_argument(call, &formals, first, rest, value),
        },
        other => Err(not_a_value(first, other)),
    }?;
    Ok(Some(index))
}

fn nothing_called(entries: &Entries<'_>, first: &Ident, rest: &[Ident]) -> Failure {
    let value =
        |global: &String| matches!(entries.item(global), Some(Item::Param(_) | Item::Block(_) | Item::Pipeline(_)));
    let view = entries.project.views.in_file(first.span.file).iter();
    let names = || view.filter(|(_, global)| value(global)).map(|(name, _)| name.as_str()).collect();
    let error = unknown(first, format!("nothing is called `{}`", first.text), names);
    let seed = first.text == "seed" && rest.is_empty();
    if seed { error.map(|error| error.help("declare it in the file: `param seed: int = 0`")) } else { error }
}

/// Returns the names of the parameters of the called pipeline.
fn called(entries: &Entries<'_>, index: usize) -> Vec<String> {
    let callee = entries.at(index).and_then(|item| match &**item {
        Item::Pipeline(pipeline) => match &pipeline.body {
            PipelineBody::Call(Expr { kind: ExprKind::Call { callee, .. }, .. }) => callee.first(),
            _ => None,
        },
        _ => None,
    });
    match callee.and_then(|callee| entries.item(entries.project.views.global(callee)?)) {
        Some(Item::Pipeline(pipeline)) => {
            pipeline.formals.iter().flatten().map(|formal| formal.name.text.clone()).collect()
        }
        _ => Vec::new(),
    }
}

fn not_a_value(name: &Ident, item: &Item) -> Failure {
    let noun = match item {
        Item::Objective(_) => "an objective",
        Item::Variant(_) => "a variant",
        Item::Sweep(_) => "a sweep",
        _ => "an operation",
    };
    let message = format!("`{}` is {noun}, not a value", name.text);
    Some(Diagnostic::error(Code::UnknownPath, name.span, message).label("not a value"))
}

/// Sets an argument of a pipeline's call, as in `main.outer = 5`.
fn set_argument(call: &mut Expr, formals: &[String], name: &Ident, rest: &[Ident], value: Expr) -> Result<(), Failure> {
    let names = || formals.iter().map(String::as_str).collect();
    let [part] = rest else {
        let at = rest.last().unwrap_or(name);
        return Err(unknown(at, format!("name one argument of pipeline `{}`", name.text), names));
    };
    let ExprKind::Call { args, .. } = &mut call.kind else { return Err(None) };
    let Some(place) = formals.iter().position(|formal| *formal == part.text) else {
        return Err(unknown(part, format!("pipeline `{}` has no `{}`", name.text, part.text), names));
    };
    let named = args.iter().position(|arg| arg.name.as_ref().is_some_and(|name| name.text == part.text));
    let by_place = || args.iter().enumerate().filter(|(_, arg)| arg.name.is_none()).map(|(at, _)| at).nth(place);
    match named.or_else(by_place).and_then(|at| args.get_mut(at)) {
        Some(arg) => arg.value = value,
        None => args.push(Arg { name: Some(part.clone()), value, over: None }),
    }
    Ok(())
}

pub(super) fn unknown<'n>(at: &Ident, message: String, names: impl FnOnce() -> Vec<&'n str>) -> Failure {
    Some(Diagnostic::error(Code::UnknownPath, at.span, message).label("unknown path").suggest(0, &at.text, names))
}

pub(super) fn no_parts(name: &str, part: &Ident) -> Failure {
    Some(Diagnostic::error(Code::UnknownPath, part.span, format!("`{name}` has no parts")).label("unknown path"))
}

fn set_in_block(block: &mut Block, name: &Ident, rest: &[Ident], value: Expr) -> Result<(), Failure> {
    let Some(kind) = Kind::parse(&block.kind.text) else { return Err(None) };
    let Some(fields) = fields_of(block) else { return Err(None) };
    let Some((field, rest)) = rest.split_first() else {
        let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
        let error =
            Diagnostic::error(Code::UnknownPath, name.span, format!("`{}` is {}, not a value", name.text, kind.noun()));
        let error = error.label("not a single value");
        return Err(Some(match names.first() {
            Some(first) => error.help(format!("name one of its fields, as in `{}.{first}`", name.text)),
            None => error,
        }));
    };
    set_in_body(&mut block.body, fields, &name.text, field, rest, value)
}

/// Sets `main.episodes`, the count of the first outermost repeat.
fn set_episodes(body: &mut Body, name: &Ident, rest: &[Ident], value: Expr) -> Result<(), Failure> {
    let [part] = rest else {
        let at = rest.last().unwrap_or(name);
        return Err(unknown(at, format!("pipeline `{}` has only `episodes` to set", name.text), || vec!["episodes"]));
    };
    if part.text != "episodes" {
        return Err(unknown(part, format!("pipeline `{}` has no `{}`", name.text, part.text), || vec!["episodes"]));
    }
    let count = body.stmts.iter_mut().find_map(|stmt| match stmt {
        Stmt::Repeat { count, .. } => Some(count),
        _ => None,
    });
    match count {
        Some(count) => {
            *count = value;
            Ok(())
        }
        None => Err(unknown(part, format!("pipeline `{}` has no repeat", name.text), Vec::new)),
    }
}
