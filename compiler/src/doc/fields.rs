//! Tables of the fields of blocks, tasks and operations, with the path of every field.

use super::{code, table};
use crate::ide::type_text;
use crate::params::default_text;
use crate::schema::blocks as schema;
use crate::schema::{Default, Field, Form, Kind, Ty, Variant};

const TITLES: [&str; 4] = ["field", "type", "default", "meaning"];

/// Returns every kind of block.
pub(super) fn blocks() -> String {
    let mut out = String::new();
    for kind in Kind::ALL.into_iter().filter(|kind| !schema::fields(*kind).is_empty()) {
        for form in schema::forms(kind) {
            let title = form.mark.map_or(kind.word().to_owned(), |mark| format!("{} with `{mark}`", kind.word()));
            let neutral = schema::neutral(kind, form.mark == Some("follows"));
            out.push_str(&block(&title, form.doc, form.fields, neutral));
        }
    }
    out
}

fn block(title: &str, doc: &str, fields: &[Field], neutral: Option<(&str, &str)>) -> String {
    let mut rows = Vec::new();
    fields.iter().for_each(|field| add(&mut rows, "", field));
    let off = neutral.map_or(String::new(), |(field, value)| format!(" `ablate` sets `{field} = {value}`."));
    format!("### {title}\n\n{doc}.{off}\n\n{}\n", table(TITLES, rows))
}

/// Returns the sections of things written `NAME(...)`: their usage, and a table of their arguments.
pub(super) fn calls<'a>(calls: impl Iterator<Item = (&'a str, &'a [Field], &'a str, &'a str)>) -> String {
    let one = |(name, fields, gives, doc): (&str, &[Field], &str, &str)| {
        let mut rows = Vec::new();
        fields.iter().for_each(|field| add(&mut rows, "", field));
        let words: Vec<String> = fields.iter().map(usage).collect();
        let head = format!("`{name}({})` gives {gives}.", words.join(", "));
        format!("### {name}\n\n{head} {doc}\n\n{}\n", table(["argument", "type", "default", "meaning"], rows))
    };
    calls.map(one).collect()
}

/// Returns an argument as it is given: by position, or by name.
fn usage(field: &Field) -> String {
    if field.positional { field.name.to_owned() } else { format!("{} = ...", field.name) }
}

/// Adds the row of a field, and those of the fields in it.
fn add(rows: &mut Vec<[String; 4]>, parent: &str, field: &Field) {
    let path = if parent.is_empty() { field.name.to_owned() } else { format!("{parent}.{}", field.name) };
    let default = match field.default {
        Default::Absent => "nothing".to_owned(),
        _ => default_text(field).map_or("required".to_owned(), |text| code(&text)),
    };
    rows.push([code(&path), code(&type_text(field)), default, field.doc.to_owned()]);
    match field.ty {
        Ty::Record(fields) => fields.iter().for_each(|inner| add(rows, &path, inner)),
        Ty::Choice(variants) => {
            for variant in variants.iter().filter(|variant| !variant.doc.is_empty()) {
                rows.push([
                    code(&format!("{path} = {}", spelled(variant))),
                    String::new(),
                    String::new(),
                    variant.doc.to_owned(),
                ]);
                variant.fields.iter().for_each(|inner| add(rows, &path, inner));
            }
        }
        _ => {}
    }
}

/// Returns an alternative with the brackets that it takes.
fn spelled(variant: &Variant) -> String {
    match variant.form {
        Form::Word => variant.name.to_owned(),
        Form::Record => format!("{} {{ ... }}", variant.name),
        Form::Call => format!("{}(...)", variant.name),
    }
}
