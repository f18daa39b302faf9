//! The parameters of a file, and the origin of a value: default < block < variant < sweep < `--set`.

use std::collections::BTreeSet;

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Body, Expr, ExprKind, Ident, Item, Number, PipelineBody, Stmt};

use crate::check::field_span;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::modules::{Entries, Project};
use crate::points::overrides::{self, value_text};
use crate::points::target::field;
use crate::points::{Origin, Override, Point, Target};
use crate::schema::{Default, Field, Kind, Ty, blocks};

/// A parameter of a file.
#[derive(Clone, Debug)]
pub struct Row {
    pub name: String,
    /// The type, as `float in 0.0..10.0`.
    pub ty: String,
    pub value: String,
    pub doc: String,
    pub place: Span,
}

/// One link in the chain that makes a value.
#[derive(Clone, Debug)]
pub struct Step {
    /// The origin: `default`, `policy pi`, `variant quiet`, `sweep grid`, `--set`.
    pub origin: String,
    pub value: String,
    pub place: Option<Span>,
    /// The parameter whose name is the value.
    param: Option<Ident>,
}

/// The longest chain of parameters whose values name each other.
const LONGEST_CHAIN: usize = 32;

/// Returns the parameters that can be set from the command line, in the order of the file.
pub(crate) fn rows(entries: &Entries<'_>) -> Vec<Row> {
    let views = &entries.project.views;
    let visible: BTreeSet<&str> = views.in_file(entries.project.main).values().map(String::as_str).collect();
    let params = entries.iter().filter_map(|(entry, item)| match &**item {
        Item::Param(param) if !entry.global.contains("::") => Some((entry, &**param)),
        _ => None,
    });
    let rows = params.filter(|(entry, _)| visible.contains(entry.global.as_str())).map(|(entry, param)| {
        let range = param
            .range
            .as_ref()
            .map_or(String::new(), |range| format!(" in {}..{}", value_text(&range.low), value_text(&range.high)));
        Row {
            name: entry.global.clone(),
            ty: format!("{}{range}", param.ty.text),
            value: shown(&param.value),
            doc: param.doc.clone(),
            place: param.name.span,
        }
    });
    rows.collect()
}

/// Returns the origin of a value at a point, with the step that counts last. If the value is the name of a parameter,
/// the origin of the parameter follows. `sets` are those of the command line.
pub(crate) fn why(
    project: &Project,
    point: &Point,
    sets: &[Override],
    path: &[Ident],
    out: &mut Vec<Diagnostic>,
) -> Result<Vec<Step>, Diagnostic> {
    let all =
        point.overrides.iter().map(|(origin, set)| (Some(origin), &**set)).chain(sets.iter().map(|set| (None, set)));
    let all: Vec<(Option<&Origin>, &Override)> = all.collect();
    // Invalid overrides are reported once, not for each link.
    overrides::apply(&mut Entries::new(project), all.iter().map(|(_, set)| *set), out);
    let mut steps = chain(project, &all, path)?;
    for _ in 0..LONGEST_CHAIN {
        let Some(param) = steps.last().and_then(|step| step.param.clone()) else { break };
        steps.extend(chain(project, &all, &[param])?);
    }
    Ok(steps)
}

/// Returns the default, the file's value, and the value after each relevant override: one may set a part of the value,
/// or something that contains it.
fn chain(project: &Project, all: &[(Option<&Origin>, &Override)], path: &[Ident]) -> Result<Vec<Step>, Diagnostic> {
    let mut entries = Entries::new(project);
    let mut known = written(&entries, path);
    let mut steps = known.clone().unwrap_or_default();
    let wanted = Target::of(&project.views, path);
    for (origin, set) in all {
        let target = Target::of(&project.views, &set.path);
        if !target.zip(wanted.as_ref()).is_some_and(|(target, wanted)| target.meets(wanted)) {
            continue;
        }
        overrides::apply(&mut entries, [*set], &mut Vec::new());
        let origin = match origin {
            Some(Origin::Variant(name)) => format!("variant {name}"),
            Some(Origin::Sweep(name)) => format!("sweep {name}"),
            None => "--set".to_owned(),
        };
        known = written(&entries, path);
        let gone = || Step { origin: String::new(), value: "not there".into(), place: None, param: None };
        let last = known.as_ref().ok().and_then(|steps| steps.last().cloned()).unwrap_or_else(gone);
        // This is a default of the value that the override has set.
        steps.push(Step { origin, place: last.place.or(Some(set.value.span)), ..last });
    }
    // No step knows the name.
    known.map(|_| steps)
}

fn step(entries: &Entries<'_>, origin: String, value: &Expr) -> Step {
    let name = match &value.kind {
        ExprKind::Path(path) if path.len() == 1 => path.first(),
        _ => None,
    };
    let item = |name: &Ident| entries.item(entries.project.views.global(name)?);
    let is_param = |name: &&Ident| matches!(item(name), Some(Item::Param(_)));
    Step { origin, value: shown(value), place: Some(value.span), param: name.filter(is_param).cloned() }
}

/// Returns a value as it would be written: names of points have no blank before a unit.
fn shown(value: &Expr) -> String {
    let text = value_text(value);
    match &value.kind {
        ExprKind::Number(Number { unit: Some(unit), .. }) => {
            text.strip_suffix(&unit.text).map_or(text.clone(), |number| format!("{number} {}", unit.text))
        }
        _ => text,
    }
}

/// Returns the default, and the file's value.
fn written(entries: &Entries<'_>, path: &[Ident]) -> Result<Vec<Step>, Diagnostic> {
    let unknown = |at: &Ident, names: &[&str]| {
        let message = format!("nothing is called `{}`", at.text);
        Diagnostic::error(Code::UnknownPath, at.span, message)
            .label("unknown path")
            .suggest(0, &at.text, || names.to_vec())
    };
    let Some((first, rest)) = path.split_first() else { return Ok(Vec::new()) };
    let project = entries.project;
    let Some(item) = project.views.global(first).and_then(|global| entries.item(global)) else {
        let names: Vec<&str> = project.views.in_file(project.main).keys().map(String::as_str).collect();
        return Err(unknown(first, &names));
    };
    let step = |origin: String, value: &Expr| step(entries, origin, value);
    match (item, rest) {
        (Item::Param(param), []) => Ok(vec![step(format!("param {}", first.text), &param.value)]),
        (Item::Block(block), [name, more @ ..]) => {
            let kind = Kind::parse(&block.kind.text).ok_or_else(|| unknown(first, &[]))?;
            let fields = blocks::form(kind, |field| field_span(&block.body, field).is_some()).fields;
            let schema = find(fields, name).map_err(|(at, names)| unknown(&at, &names))?;
            let value = written_in(&block.body, &name.text);
            let (default, value) = walk(schema, value, more).map_err(|(at, names)| unknown(&at, &names))?;
            let mut steps = Vec::new();
            if let Some(default) = default {
                steps.push(Step { origin: "default".into(), value: default, place: None, param: None });
            }
            steps.extend(value.map(|value| step(format!("{} {}", kind.word(), first.text), value)));
            Ok(steps)
        }
        (Item::Pipeline(pipeline), [name]) => {
            let value = match &pipeline.body {
                PipelineBody::Call(call) => field(call, &name.text),
                PipelineBody::Stmts(body) => body.stmts.iter().find_map(|stmt| match stmt {
                    Stmt::Repeat { count, .. } => Some(count),
                    _ => None,
                }),
            };
            let default = formal_default(entries, &pipeline.body, &name.text);
            let mut steps = Vec::new();
            steps.extend(default.map(|value| step("default".into(), value)));
            steps.extend(value.map(|value| step(format!("pipeline {}", first.text), value)));
            if steps.is_empty() { Err(unknown(name, &[])) } else { Ok(steps) }
        }
        _ => Err(unknown(rest.last().unwrap_or(first), &[])),
    }
}

/// Returns the default of a parameter of the called pipeline.
fn formal_default<'e>(entries: &'e Entries<'_>, body: &PipelineBody, name: &str) -> Option<&'e Expr> {
    let PipelineBody::Call(Expr { kind: ExprKind::Call { callee, .. }, .. }) = body else { return None };
    let global = entries.project.views.global(callee.first()?)?;
    let Item::Pipeline(called) = entries.item(global)? else { return None };
    called.formals.iter().flatten().find(|formal| formal.name.text == name)?.default.as_ref()
}

/// An unknown field name, and the known ones.
type NoField = (Ident, Vec<&'static str>);

fn find(fields: &'static [Field], name: &Ident) -> Result<&'static Field, NoField> {
    let found = fields.iter().find(|field| field.name == name.text);
    found.ok_or_else(|| (name.clone(), fields.iter().map(|field| field.name).collect()))
}

/// Returns the default and the written value of a part of a field, or the unknown name as an error.
fn walk<'e>(
    schema: &'static Field,
    value: Option<&'e Expr>,
    rest: &[Ident],
) -> Result<(Option<String>, Option<&'e Expr>), NoField> {
    let Some((name, more)) = rest.split_first() else { return Ok((default_text(schema), value)) };
    let chosen = value.and_then(tag).map(str::to_owned).or_else(|| match schema.default {
        Default::Word(word) => Some(word.to_owned()),
        _ => None,
    });
    let fields: &'static [Field] = match schema.ty {
        Ty::Record(fields) => fields,
        ty => ty
            .alternatives()
            .and_then(|all| all.iter().find(|variant| Some(variant.name) == chosen.as_deref()))
            .map_or(&[], |variant| variant.fields),
    };
    let schema = find(fields, name)?;
    walk(schema, value.and_then(|value| field(value, &name.text)), more)
}

fn tag(value: &Expr) -> Option<&str> {
    match &value.kind {
        ExprKind::Record { tag: Some(tag), .. } => Some(&tag.text),
        ExprKind::Path(path) | ExprKind::Call { callee: path, .. } => path.first().map(|word| word.text.as_str()),
        _ => None,
    }
}

fn written_in<'e>(body: &'e Body, name: &str) -> Option<&'e Expr> {
    body.stmts.iter().find_map(|stmt| match stmt {
        Stmt::Assign { name: given, value, .. } if given.text == name => Some(value),
        _ => None,
    })
}

/// Returns a default as it would be written.
pub fn default_text(field: &Field) -> Option<String> {
    Some(match field.default {
        Default::Required | Default::Absent => return None,
        Default::Of(path) => path.to_owned(),
        Default::Int(value) => value.to_string(),
        Default::Float(value) => format!("{value:?}"),
        Default::Word(word) => word.to_owned(),
        Default::Fields => "{}".to_owned(),
        Default::Words(words) => format!("[{}]", words.join(", ")),
        Default::Same(other) => other.to_owned(),
        Default::EightThirds(other) => format!("8/3 {other}, rounded up to a multiple of 8"),
    })
}

/// Returns the path of `--why`.
pub(crate) fn path(text: &str, file: pbpo_grammar::FileId) -> Vec<Ident> {
    let mut start = 0;
    let mut path = Vec::new();
    for word in text.split('.') {
        path.push(Ident { text: word.trim().to_owned(), span: Span::new(file, start, start + word.len()) });
        start += word.len() + 1;
    }
    path
}
