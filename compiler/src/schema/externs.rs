//! `extern` declarations of the standard library as tables. They are read once in a process and kept.

use pbpo_grammar::FileId;
use pbpo_grammar::ast::{Expr, ExprKind, Extern, Formal, Item, Number};

use super::{Default, Field, Flow, Form, Kind, Range, Ty, Variant};
use crate::units::Unit;

/// Returns the declarations of a kind in a file of the standard library.
pub fn declared(source: &str, kind: &str) -> Vec<Extern> {
    let file = pbpo_grammar::parse(FileId::default(), source);
    let externs = file.items.into_iter().filter_map(|item| match item {
        Item::Extern(item) => Some(item),
        _ => None,
    });
    externs.filter(|item| item.kind.text == kind).collect()
}

/// Returns a text with static lifetime.
pub fn text(text: &str) -> &'static str {
    text.to_owned().leak()
}

/// Returns parameters as fields of a call. A parameter of unknown type is left out, which a test reports.
pub fn fields(formals: &[Formal]) -> &'static [Field] {
    let fields: Vec<Field> = formals.iter().filter_map(field).collect();
    fields.leak()
}

/// Returns declarations as the alternatives of a field.
pub fn calls(externs: &[Extern]) -> &'static [Variant] {
    let variants: Vec<Variant> = externs
        .iter()
        .map(|item| Variant {
            name: text(&item.name.text),
            form: Form::Call,
            fields: fields(&item.formals),
            doc: text(&item.doc),
        })
        .collect();
    variants.leak()
}

fn field(formal: &Formal) -> Option<Field> {
    let ty = ty(formal)?;
    // A word of a choice stands for itself; any other path is the value of that field.
    let chosen = formal.default.as_ref().and_then(word).filter(|word| match ty {
        Ty::Choice(variants) => variants.iter().any(|variant| variant.name == *word),
        _ => false,
    });
    Some(Field {
        name: text(&formal.name.text),
        ty,
        default: chosen.map_or_else(|| default(formal.default.as_ref()), Default::Word),
        positional: !formal.named_only,
        doc: text(&formal.doc),
    })
}

fn ty(formal: &Formal) -> Option<Ty> {
    let words: Vec<&str> = formal.ty.words.iter().map(|word| word.text.as_str()).collect();
    let unit = formal.ty.unit.as_ref().and_then(|unit| Unit::parse(&unit.text)).map(|(unit, _)| unit);
    let range = range(formal);
    Some(match words.as_slice() {
        _ if formal.ty.list => Ty::Words(alternatives(&words)),
        ["int"] => Ty::Int(unit, range),
        ["float"] => Ty::Float(unit, range),
        // The texts of tasks are paths, names of data sets, and columns.
        ["text"] => Ty::Name,
        [word] => match Flow::parse(word) {
            Some(flow) => Ty::Value(flow),
            None => Ty::Block(Kind::parse(word)?),
        },
        [one, other] if let (Some(one), Some(other)) = (Kind::parse(one), Kind::parse(other)) => Ty::Either(one, other),
        _ => Ty::Choice(alternatives(&words)),
    })
}

fn alternatives(words: &[&str]) -> &'static [Variant] {
    let variants: Vec<Variant> =
        words.iter().map(|word| Variant { name: text(word), form: Form::Word, fields: &[], doc: "" }).collect();
    variants.leak()
}

fn range(formal: &Formal) -> Range {
    let ends = formal.range.as_ref().map(|range| (number(&range.low), number(&range.high)));
    match ends {
        Some((Some(low), Some(high))) => Range::new(low.value, high.value),
        _ => Range::new(f64::NEG_INFINITY, f64::INFINITY),
    }
}

fn number(expr: &Expr) -> Option<&Number> {
    match &expr.kind {
        ExprKind::Number(number) => Some(number),
        _ => None,
    }
}

fn default(value: Option<&Expr>) -> Default {
    match value.map(|value| &value.kind) {
        None => Default::Required,
        // The conversion is exact: whole numbers of the library are small.
        #[allow(clippy::cast_possible_truncation)]
        Some(ExprKind::Number(number)) if number.whole => Default::Int(number.value as i64),
        Some(ExprKind::Number(number)) => Default::Float(number.value),
        Some(ExprKind::List(items)) => Default::Words(items.iter().filter_map(word).collect::<Vec<_>>().leak()),
        Some(ExprKind::Path(path)) => Default::Of(text(&crate::check::path_text(path))),
        Some(_) => Default::Absent,
    }
}

fn word(expr: &Expr) -> Option<&'static str> {
    match &expr.kind {
        ExprKind::Path(path) => path.first().map(|word| text(&word.text)),
        _ => None,
    }
}
