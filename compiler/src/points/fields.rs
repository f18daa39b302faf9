//! Applies an override inside a field's value: in records, calls, and unwritten values.

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Arg, Body, Expr, ExprKind, Ident, Stmt};

use super::overrides::{Failure, no_parts, unknown};
use crate::schema::{Default, Field, Form, Ty, Variant};

/// Sets `field[.rest]` among the fields of a body.
pub(super) fn set_in_body(
    body: &mut Body,
    fields: &'static [Field],
    owner: &str,
    field: &Ident,
    rest: &[Ident],
    value: Expr,
) -> Result<(), Failure> {
    let schema = find(fields, owner, field)?;
    let index = body.stmts.iter().position(|stmt| matches!(stmt, Stmt::Assign { name, .. } if name.text == field.text));
    let index = index.unwrap_or_else(|| {
        let value = unwritten(schema, field.span);
        body.stmts.push(Stmt::Assign { doc: String::new(), name: field.clone(), value });
        body.stmts.len() - 1
    });
    match body.stmts.get_mut(index) {
        Some(Stmt::Assign { value: slot, .. }) => set_in_value(slot, schema, rest, value),
        _ => Ok(()),
    }
}

/// Sets `field[.rest]` among the arguments of a call.
fn set_in_args(
    args: &mut Vec<Arg>,
    fields: &'static [Field],
    owner: &str,
    field: &Ident,
    rest: &[Ident],
    value: Expr,
) -> Result<(), Failure> {
    let schema = find(fields, owner, field)?;
    let named = args.iter().position(|arg| arg.name.as_ref().is_some_and(|name| name.text == field.text));
    let by_place = || {
        let place = fields.iter().filter(|field| field.positional).position(|field| field.name == schema.name)?;
        let places = args.iter().enumerate().filter(|(_, arg)| arg.name.is_none()).map(|(at, _)| at);
        places.into_iter().nth(place)
    };
    let index = named.or_else(by_place).unwrap_or_else(|| {
        args.push(Arg { name: Some(field.clone()), value: unwritten(schema, field.span), over: None });
        args.len() - 1
    });
    match args.get_mut(index) {
        Some(arg) => set_in_value(&mut arg.value, schema, rest, value),
        None => Ok(()),
    }
}

fn find(fields: &'static [Field], owner: &str, name: &Ident) -> Result<&'static Field, Failure> {
    fields.iter().find(|field| field.name == name.text).ok_or_else(|| {
        let names = || fields.iter().map(|field| field.name).collect();
        unknown(name, format!("`{owner}` has no `{}`", name.text), names)
    })
}

/// Replaces a value, or descends into its parts.
fn set_in_value(slot: &mut Expr, schema: &'static Field, rest: &[Ident], value: Expr) -> Result<(), Failure> {
    let Some((part, rest)) = rest.split_first() else {
        *slot = value;
        return Ok(());
    };
    let (fields, owner) = match schema.ty {
        Ty::Record(fields) => (fields, schema.name),
        Ty::Choice(_) | Ty::Task => {
            let variants = schema.ty.alternatives().unwrap_or_default();
            let Some(variant) = chosen(slot, variants) else { return Err(None) };
            open(slot, variant);
            (variant.fields, variant.name)
        }
        Ty::Int(..)
        | Ty::Float(..)
        | Ty::OrNone(_)
        | Ty::Block(_)
        | Ty::Either(..)
        | Ty::Text
        | Ty::Name
        | Ty::Init
        | Ty::Score
        | Ty::Words(_)
        | Ty::Value(_) => {
            return Err(no_parts(schema.name, part));
        }
    };
    match &mut slot.kind {
        ExprKind::Record { body, .. } => set_in_body(body, fields, owner, part, rest, value),
        ExprKind::Call { args, .. } => set_in_args(args, fields, owner, part, rest, value),
        _ => Err(no_parts(owner, part)),
    }
}

/// Collects the paths of everything that can be set in a body, with a `prefix`.
pub(super) fn paths(body: &Body, fields: &'static [Field], prefix: &str, out: &mut Vec<String>) {
    for field in fields {
        let path = format!("{prefix}.{}", field.name);
        let written = body.stmts.iter().find_map(|stmt| match stmt {
            Stmt::Assign { name, value, .. } if name.text == field.name => Some(value),
            _ => None,
        });
        let inner = match field.ty {
            Ty::Record(fields) => fields,
            _ => {
                let variants = field.ty.alternatives().unwrap_or_default();
                written.and_then(|value| chosen(value, variants)).map_or(&[] as &[Field], |variant| variant.fields)
            }
        };
        let empty = Body { stmts: Vec::new(), span: body.span };
        let braces = match written.map(|value| &value.kind) {
            Some(ExprKind::Record { body, .. }) => body,
            _ => &empty,
        };
        paths(braces, inner, &path, out);
        out.push(path);
    }
}

/// Returns the alternative that is written.
fn chosen(expr: &Expr, variants: &'static [Variant]) -> Option<&'static Variant> {
    let word = match &expr.kind {
        ExprKind::Path(path) | ExprKind::Call { callee: path, .. } => path.first()?,
        ExprKind::Record { tag, .. } => tag.as_ref()?,
        _ => return None,
    };
    variants.iter().find(|variant| variant.name == word.text)
}

/// Turns a single word (`rloo`) into a record or a call that can take fields.
fn open(expr: &mut Expr, variant: &Variant) {
    let ExprKind::Path(path) = &expr.kind else { return };
    let path = path.clone();
    expr.kind = match variant.form {
        Form::Word => return,
        Form::Record => {
            ExprKind::Record { tag: path.into_iter().next(), body: Body { stmts: Vec::new(), span: expr.span } }
        }
        Form::Call => ExprKind::Call { callee: path, args: Vec::new() },
    };
}

/// Returns the default value of an unwritten field, so that parts of it can be set.
fn unwritten(field: &Field, span: Span) -> Expr {
    let kind = match field.default {
        Default::Word(word) => ExprKind::Path(vec![Ident { text: word.to_owned(), span }]),
        Default::Fields => ExprKind::Record { tag: None, body: Body { stmts: Vec::new(), span } },
        Default::Required
        | Default::Absent
        | Default::Of(_)
        | Default::Int(_)
        | Default::Float(_)
        | Default::Words(_)
        | Default::Same(_)
        | Default::EightThirds(_) => ExprKind::Error,
    };
    Expr { kind, span }
}
