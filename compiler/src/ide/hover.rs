//! What stands at the cursor: type, unit, range, default, comment, and the value that counts.

use pbpo_grammar::ast::{Formal, Ident, Item};
use pbpo_grammar::{FileId, Span};

use super::Analysis;
use super::context::{Frame, Place, frames, place, word};
use crate::params::{default_text, path, why};
use crate::points::Point;
use crate::points::overrides::value_text;
use crate::schema::{Field, Flow, Ty, functions, ops};

pub(super) fn at(analysis: &Analysis, offset: usize) -> Option<(String, Span)> {
    let text = analysis.text();
    let (start, end) = word(text, offset);
    let name = text.get(start..end).filter(|name| !name.is_empty())?;
    let span = Span::new(FileId::default(), start, end);
    let frames = frames(text, start);
    let text =
        field(analysis, &frames, name).or_else(|| value(&frames, name)).or_else(|| named(analysis, name, span))?;
    Some((text, span))
}

/// The name of a field or an argument.
fn field(analysis: &Analysis, frames: &[Frame], name: &str) -> Option<String> {
    let frame = frames.last()?;
    if !frame.statement.is_empty() {
        return None;
    }
    let (schema, block) = match place(frames) {
        Place::Fields(fields) => (fields.iter().find(|field| field.name == name)?, true),
        Place::Arguments(op) => (op.args.iter().find(|field| field.name == name)?, false),
        _ => return None,
    };
    let mut out = format!("```pbpo\n{name}: {}\n```\n{}", type_text(schema), schema.doc);
    if let Some(default) = default_text(schema) {
        out.push_str(&format!("\n\nDefault: `{default}`"));
    }
    if let Some(value) = block.then(|| effective(analysis, frames, name)).flatten() {
        out.push_str(&format!("\n\nHere: `{value}`"));
    }
    Some(out)
}

/// The value that a field of a block has, by the words in front of the brackets around it.
fn effective(analysis: &Analysis, frames: &[Frame], name: &str) -> Option<String> {
    let mut words: Vec<String> = Vec::new();
    for (index, frame) in frames.iter().skip(1).enumerate() {
        match (index, frame.head.as_slice()) {
            (0, [_, block]) => words.push(block.clone()),
            (_, [field, mark, ..]) if mark == "=" => words.push(field.clone()),
            _ => return None,
        }
    }
    words.push(name.to_owned());
    let point = Point { name: String::new(), pipeline: String::new(), overrides: Vec::new() };
    let project = &analysis.work.project;
    let path = path(&words.join("."), FileId::default());
    let steps = why(project, &project.entries, &point, &[], &path).ok()?;
    steps.last().map(|step| step.value.clone())
}

/// One of the alternatives of a field.
fn value(frames: &[Frame], name: &str) -> Option<String> {
    let fields = match place(frames) {
        Place::Fields(fields) => fields,
        Place::Arguments(op) => op.args,
        _ => return None,
    };
    let field = fields.iter().find(|field| Some(field.name) == frames.last().and_then(Frame::value_of))?;
    let variant = field.ty.alternatives()?.iter().find(|variant| variant.name == name)?;
    let fields: Vec<String> =
        variant.fields.iter().map(|field| format!("  {}: {}", field.name, type_text(field))).collect();
    let list = if fields.is_empty() { String::new() } else { format!("\n{}", fields.join("\n")) };
    Some(format!("```pbpo\n{name}{list}\n```\n{}", variant.doc))
}

/// A name: a declaration, an operation, a function, a variable.
fn named(analysis: &Analysis, name: &str, span: Span) -> Option<String> {
    let ident = Ident { text: name.to_owned(), span };
    let global = analysis.work.project.views.global(&ident);
    let entry = global.and_then(|global| analysis.work.project.entries.iter().find(|entry| entry.global == global));
    if let Some(entry) = entry {
        return Some(item(analysis, &entry.item));
    }
    if let Some(op) = ops::find(name) {
        return Some(signature(op.name, op.args, op.gives.noun(), op.doc));
    }
    if let Some(function) = functions::find(name) {
        return Some(format!("```pbpo\n{} -> {}\n```\n{}", function.usage, function.gives, function.doc));
    }
    let made = super::names::variables(analysis, span.start as usize).into_iter().rfind(|(other, _)| other == name)?;
    let flow = ops::find(&made.1).map_or("a variable", |op| op.gives.noun());
    Some(format!("```pbpo\n{name}: {flow}\n```\nassigned from `{}`", made.1))
}

fn signature(name: &str, args: &[Field], gives: &str, doc: &str) -> String {
    let args: Vec<String> = args
        .iter()
        .map(|field| {
            let default = default_text(field).map_or(String::new(), |default| format!(" = {default}"));
            format!("  {}: {}{default},", field.name, type_text(field))
        })
        .collect();
    format!("```pbpo\n{name}(\n{}\n) -> {gives}\n```\n{doc}", args.join("\n"))
}

fn item(analysis: &Analysis, item: &Item) -> String {
    let name = item.name().map_or("", |name| name.text.as_str());
    let head = match item {
        Item::Param(param) => {
            let range = param
                .range
                .as_ref()
                .map_or(String::new(), |range| format!(" in {}..{}", value_text(&range.low), value_text(&range.high)));
            format!("param {name}: {}{range} = {}", param.ty.text, value_text(&param.value))
        }
        Item::Block(block) => format!("{} {name}", block.kind.text),
        Item::Objective(objective) => format!("objective {name}({})", formals(&objective.formals)),
        Item::Pipeline(pipeline) => match &pipeline.formals {
            Some(list) => format!("pipeline {name}({})", formals(list)),
            None => format!("pipeline {name}"),
        },
        Item::Variant(variant) => format!("variant {name} of {}", variant.of.text),
        Item::Sweep(_) => format!("sweep {name}"),
        Item::Extern(item) => format!("{} {name}({})", item.kind.text, formals(&item.formals)),
        Item::Import(_) | Item::Lint(_) => String::new(),
    };
    let mut out = format!("```pbpo\n{head}\n```\n{}", item.doc());
    let setters = overriders(analysis, name);
    if !setters.is_empty() {
        out.push_str(&format!("\n\nSet by: {}", setters.join(", ")));
    }
    out
}

/// The variants and sweeps that set something of a declaration.
fn overriders(analysis: &Analysis, name: &str) -> Vec<String> {
    use pbpo_grammar::ast::SweepEntry;
    let starts = |path: &[Ident]| path.first().is_some_and(|first| first.text == name);
    let entries = &analysis.work.project.entries;
    let found = entries.iter().filter_map(|entry| match &*entry.item {
        Item::Variant(variant) if variant.settings.iter().any(|set| starts(&set.path)) => {
            Some(format!("variant `{}`", variant.name.text))
        }
        Item::Sweep(sweep) => {
            let sets = |entry: &SweepEntry| match entry {
                SweepEntry::Axis(axis) => starts(&axis.path),
                SweepEntry::Zip(axes, _) => axes.iter().any(|axis| starts(&axis.path)),
                SweepEntry::Set(set) => starts(&set.path),
                SweepEntry::Where(..) => false,
            };
            sweep.entries.iter().any(sets).then(|| format!("sweep `{}`", sweep.name.text))
        }
        _ => None,
    });
    found.collect()
}

fn formals(formals: &[Formal]) -> String {
    let list = formals.iter().map(|formal| {
        let words: Vec<&str> = formal.ty.words.iter().map(|word| word.text.as_str()).collect();
        let ty = if formal.ty.list { format!("[{}]", words.join(" | ")) } else { words.join(" | ") };
        let default = formal.default.as_ref().map_or(String::new(), |value| format!(" = {}", value_text(value)));
        format!("{}: {ty}{default}", formal.name.text)
    });
    list.collect::<Vec<_>>().join(", ")
}

/// A field's type in words: `int tokens in 1..10000000`.
pub fn type_text(field: &Field) -> String {
    match field.ty {
        Ty::Int(unit, range) => number("int", unit, range, true),
        Ty::Float(unit, range) => number("float", unit, range, false),
        Ty::Block(kind) => kind.word().to_owned(),
        Ty::Init => "POLICY.init".to_owned(),
        Ty::Score => "TASK.score".to_owned(),
        Ty::Record(_) => "{ ... }".to_owned(),
        Ty::Value(Flow::Rollouts) => "rollouts".to_owned(),
        Ty::Value(flow) => flow.noun().trim_start_matches("a ").to_owned(),
        Ty::Choice(_) | Ty::Task => field
            .ty
            .alternatives()
            .unwrap_or_default()
            .iter()
            .map(|variant| variant.name)
            .collect::<Vec<_>>()
            .join(" | "),
        Ty::Words(words) => {
            format!("[{}]", words.iter().map(|variant| variant.name).collect::<Vec<_>>().join(" | "))
        }
    }
}

fn number(word: &str, unit: Option<crate::units::Unit>, range: crate::schema::Range, whole: bool) -> String {
    let unit = unit.map_or(String::new(), |unit| format!(" {}", unit.name()));
    if range.low.is_infinite() {
        return format!("{word}{unit}");
    }
    let range = range.text(whole);
    if range.starts_with(|c: char| c.is_ascii_digit() || c == '-') && range.contains("..") {
        format!("{word}{unit} in {range}")
    } else {
        format!("{word}{unit}, {range}")
    }
}
