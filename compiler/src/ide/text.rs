//! Types and declarations as text.

use pbpo_grammar::ast::{Body, Formal, Item, PipelineBody, Range as Ends, Stmt};

use crate::params::default_text;
use crate::points::overrides::value_text;
use crate::schema::functions::FunctionSchema;
use crate::schema::ops::OpSchema;
use crate::schema::{Field, Form, Range, Ty, Variant};
use crate::source::SourceMap;
use crate::units::Unit;

/// The largest number of characters of a declaration on one line.
const WIDE: usize = 100;

/// Returns the type of a field as text.
pub fn type_text(field: &Field) -> String {
    ty(field.ty)
}

/// Returns a type with its unit and range: `int tokens in 1..96`.
pub(super) fn ty(ty: Ty) -> String {
    match ty {
        Ty::OrNone(inner) => format!("{} | none", self::ty(*inner)),
        Ty::Int(unit, limits) => number("int", unit, limits, true),
        Ty::Float(unit, limits) => number("float", unit, limits, false),
        Ty::Block(kind) => kind.word().into(),
        Ty::Either(one, other) => format!("{} | {}", one.word(), other.word()),
        Ty::Init => "POLICY.init | hf(...)".into(),
        Ty::Score => "TASK.score | WORLD.score".into(),
        Ty::Choice(variants) => one_of(variants),
        Ty::Task => one_of(crate::schema::tasks()),
        Ty::Record(_) => "{ ... }".into(),
        Ty::Text | Ty::Name => "text".into(),
        Ty::Words(variants) => format!("[{}]", one_of(variants)),
        Ty::Value(flow) => flow.noun().trim_start_matches("a ").into(),
    }
}

fn one_of(variants: &[Variant]) -> String {
    let names: Vec<&str> = variants.iter().map(|variant| variant.name).collect();
    names.join(" | ")
}

fn number(word: &str, unit: Option<Unit>, limits: Range, whole: bool) -> String {
    let unit = unit.map_or(String::new(), |unit| format!(" {}", unit.name()));
    let limits = match (limits.low.is_finite(), limits.high.is_finite()) {
        (false, _) => String::new(),
        (true, true) => format!(" in {}", limits.text(whole)),
        (true, false) => format!(", {}", limits.text(whole)),
    };
    format!("{word}{unit}{limits}")
}

/// Returns a field, as `lr: float in 0.0..1.0 = 0.01`.
pub(super) fn field(field: &Field) -> String {
    let default = default_text(field).map_or(String::new(), |value| format!(" = {value}"));
    format!("{}: {}{default}", field.name, ty(field.ty))
}

/// Returns an alternative, as `adamw { lr, clip }` or `imitate(data, steps)`.
pub(super) fn variant(variant: &Variant) -> String {
    let names: Vec<&str> = variant.fields.iter().map(|field| field.name).collect();
    match (variant.form, names.is_empty()) {
        (Form::Call, _) => format!("{}({})", variant.name, names.join(", ")),
        (Form::Record, false) => format!("{} {{ {} }}", variant.name, names.join(", ")),
        _ => variant.name.into(),
    }
}

/// Returns an operation, as `op sample(policy: policy, prompts: data, *, count: int samples in 1..10000000) ->
/// rollouts`.
pub(super) fn op(schema: &OpSchema) -> String {
    let gives = schema.gives.map_or(String::new(), |flow| format!(" -> {}", ty(Ty::Value(flow))));
    format!("op {}({}){gives}", schema.name, args(schema.args))
}

fn args(fields: &[Field]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut named = false;
    for item in fields {
        if !item.positional && !named {
            named = true;
            parts.push("*".into());
        }
        parts.push(field(item));
    }
    parts.join(", ")
}

/// Returns a function, as `function kl(pi, ref, y) -> scalar`.
pub(super) fn function(schema: &FunctionSchema) -> String {
    format!("function {} -> {}", schema.usage, schema.gives)
}

/// Returns the parameters of an objective, a pipeline or an operation.
pub(super) fn formals(item: &Item) -> &[Formal] {
    match item {
        Item::Objective(item) => &item.formals,
        Item::Extern(item) => &item.formals,
        Item::Pipeline(item) => item.formals.as_deref().unwrap_or_default(),
        _ => &[],
    }
}

/// Returns the word before an item's name.
pub(super) fn kind_word(item: &Item) -> &str {
    match item {
        Item::Import(_) => "use",
        Item::Lint(_) => "lint",
        Item::Param(_) => "param",
        Item::Block(block) => &block.kind.text,
        Item::Extern(item) => &item.kind.text,
        Item::Objective(_) => "objective",
        Item::Pipeline(_) => "pipeline",
        Item::Variant(_) => "variant",
        Item::Sweep(_) => "sweep",
    }
}

/// Returns a declaration on one line.
pub(super) fn item(item: &Item, sources: &SourceMap) -> String {
    let formals = |formals: &[Formal]| {
        let all: Vec<String> = formals.iter().map(|formal| squeeze(sources.text(formal.span))).collect();
        all.join(", ")
    };
    let head = format!("{} {}", kind_word(item), item.name().map_or("", |name| &name.text));
    match item {
        Item::Import(_) | Item::Lint(_) => head,
        Item::Param(param) => {
            let limits = param.range.as_ref().map_or(String::new(), |limits| format!(" in {}", ends(limits, sources)));
            format!("{head}: {}{limits} = {}", param.ty.text, squeeze(sources.text(param.value.span)))
        }
        Item::Block(block) => cut(&format!("{head} {{ {} }}", fields(&block.body))),
        Item::Extern(op) => format!("{head}({})", formals(&op.formals)),
        Item::Objective(objective) => format!("{head}({})", formals(&objective.formals)),
        Item::Pipeline(pipeline) => match (&pipeline.formals, &pipeline.body) {
            (Some(given), _) => format!("{head}({})", formals(given)),
            (None, PipelineBody::Call(call)) => cut(&format!("{head} = {}", value_text(call))),
            (None, PipelineBody::Stmts(_)) => head,
        },
        Item::Variant(variant) => {
            let set = |setting: &pbpo_grammar::ast::Setting| {
                format!("{} = {}", crate::check::path_text(&setting.path), value_text(&setting.value))
            };
            let settings: Vec<String> = variant.settings.iter().map(set).collect();
            cut(&format!("{head} of {} {{ {} }}", variant.of.text, settings.join(", ")))
        }
        Item::Sweep(sweep) => {
            let over: Vec<&str> = sweep.over.iter().map(|word| word.text.as_str()).collect();
            format!("{head} over {}", over.join(", "))
        }
    }
}

fn fields(body: &Body) -> String {
    let field = |stmt: &Stmt| match stmt {
        Stmt::Assign { name, value, .. } => Some(format!("{} = {}", name.text, value_text(value))),
        _ => None,
    };
    body.stmts.iter().filter_map(field).collect::<Vec<_>>().join(", ")
}

/// Returns a range, as `0.0..10.0`.
pub(super) fn ends(limits: &Ends, sources: &SourceMap) -> String {
    squeeze(sources.text(limits.low.span.to(limits.high.span)))
}

/// Returns a text on one line.
pub(super) fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns a text cut to a limited length.
pub(super) fn cut(text: &str) -> String {
    if text.chars().count() <= WIDE {
        return text.to_owned();
    }
    let start: String = text.chars().take(WIDE).collect();
    format!("{start} ...")
}
