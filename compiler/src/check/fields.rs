//! Checks fields and arguments against a table of the schema.

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Expr, Ident};

use super::Check;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Fix};
use crate::hir::{Args, Choice, Value};
use crate::schema::{Default, Field, Form, Ty, Variant};
use crate::suggest;

/// A field or an argument as it was written.
#[derive(Clone, Copy)]
pub struct Given<'e> {
    pub name: Option<&'e Ident>,
    pub value: &'e Expr,
}

impl Given<'_> {
    pub fn is(&self, field: &str) -> bool {
        self.name.is_some_and(|name| name.text == field)
    }
}

/// The owner of the fields, for messages.
pub struct Owner {
    /// The owner, as ``policy `pi` `` or `` `adamw` ``.
    pub what: String,
    /// The word `field` or `argument`.
    pub noun: &'static str,
    /// The place where it is named.
    pub declared: Span,
}

impl Check<'_> {
    /// Checks the given fields, and fills in defaults.
    pub fn fields(&mut self, owner: &Owner, fields: &'static [Field], given: &[Given<'_>]) -> Args {
        let (mut args, mut seen) = (Args::default(), Vec::<(&str, Span)>::new());
        let (mut misspelt, mut unknown) = (Vec::new(), 0);
        let absent: Vec<&'static Field> = absent(fields, given).collect();
        let mut positional = fields.iter().filter(|field| field.positional);
        for item in given {
            let place = item.name.map_or(item.value.span, |name| name.span);
            let field = match item.name {
                Some(name) => match fields.iter().find(|field| field.name == name.text) {
                    Some(field) => field,
                    None => {
                        match self.unknown_field(owner, fields, name, &absent) {
                            Some(field) => misspelt.push(field),
                            None => unknown += 1,
                        }
                        continue;
                    }
                },
                None => match positional.next() {
                    Some(field) => field,
                    None => {
                        let named = absent.iter().copied().find(|field| !misspelt.contains(&field.name));
                        misspelt.extend(named.map(|field| field.name));
                        self.too_many(owner, fields, item.value, named);
                        continue;
                    }
                },
            };
            if let Some((_, first)) = seen.iter().find(|(name, _)| *name == field.name) {
                self.out.push(
                    Diagnostic::error(Code::DuplicateField, place, format!("`{}` is given twice", field.name))
                        .label("again here")
                        .also(*first, "first here")
                        .help("remove one of them"),
                );
                continue;
            }
            seen.push((field.name, place));
            if let Some(value) = self.value(field.name, field.ty, item.value) {
                args.insert(field.name, value, item.value.span);
            }
        }
        // An unknown name may be the misspelt name of a missing field.
        let missing = absent.iter().filter(|field| !misspelt.contains(&field.name)).count();
        for field in fields {
            let explained =
                misspelt.contains(&field.name) || missing <= unknown && matches!(field.default, Default::Required);
            if !seen.iter().any(|(name, _)| *name == field.name) && !explained {
                self.default(owner, field, &mut args);
            }
        }
        args
    }

    /// Reports an unknown field, with the field that was probably meant.
    fn unknown_field(
        &mut self,
        owner: &Owner,
        fields: &'static [Field],
        name: &Ident,
        absent: &[&Field],
    ) -> Option<&'static str> {
        let names: Vec<&'static str> = fields.iter().map(|field| field.name).collect();
        let message = format!("{} has no {} `{}`", owner.what, owner.noun, name.text);
        let mut error = Diagnostic::error(Code::UnknownField, name.span, message)
            .label(format!("unknown {}", owner.noun))
            .suggest(self.out.len(), &name.text, || names.clone());
        if names.is_empty() {
            error = error.help(format!("{} takes no {}s", owner.what, owner.noun));
        }
        // After many findings no suggestion is computed, and the missing field is offered instead.
        let near = suggest::worth(self.out.len()).then(|| suggest::nearest(&name.text, names)).flatten();
        if let (None, [missing]) = (near, absent) {
            error = error.help(format!("did you mean `{}`, which is missing?", missing.name));
        }
        self.out.push(error);
        near
    }

    /// Reports a value without a place; `named` is the field it may belong to, if its name were written.
    fn too_many(&mut self, owner: &Owner, fields: &'static [Field], value: &Expr, named: Option<&Field>) {
        if let Some(field) = named {
            let message = format!("`{}` of {} is given by its name", field.name, owner.what);
            let mut error = Diagnostic::error(Code::TooManyArguments, value.span, message)
                .label("no place for this one")
                .help(format!("write `{} = ` in front of it", field.name));
            let edits = vec![(Span { end: value.span.start, ..value.span }, format!("{} = ", field.name))];
            error.fix = Some(Box::new(Fix { title: format!("write `{} = `", field.name), edits }));
            self.out.push(error);
            return;
        }
        let usage: Vec<String> = fields
            .iter()
            .filter(|field| field.positional || matches!(field.default, Default::Required))
            .map(|field| if field.positional { field.name.to_owned() } else { format!("{} = ...", field.name) })
            .collect();
        let call = owner.what.trim_matches('`');
        self.out.push(
            Diagnostic::error(Code::TooManyArguments, value.span, format!("too many arguments for {}", owner.what))
                .label("no place for this one")
                .help(format!("write `{call}({})`", usage.join(", "))),
        );
    }

    /// Adds the value of a field that was not written.
    fn default(&mut self, owner: &Owner, field: &'static Field, args: &mut Args) {
        let at = owner.declared;
        let value = match field.default {
            Default::Required => {
                self.missing(owner, field);
                return;
            }
            Default::Absent | Default::Of(_) => return,
            Default::Int(value) => Value::Int(value),
            Default::Float(value) => Value::Float(value),
            Default::Words(words) => Value::Words(words.to_vec()),
            Default::Word(word) => match variant(field.ty, word) {
                Some(variant) => Value::Choice(Choice { name: variant.name, args: self.defaults(variant.fields, at) }),
                None => return,
            },
            Default::Fields => match field.ty {
                Ty::Record(fields) => Value::Record(self.defaults(fields, at)),
                _ => return,
            },
            Default::Same(other) => match args.int(other) {
                Some(value) => Value::Int(value),
                None => return,
            },
            Default::EightThirds(other) => match args.int(other) {
                Some(width) => Value::Int((width + 2) / 3 * 8),
                None => return,
            },
        };
        args.insert(field.name, value, at);
    }

    /// Returns a record in which no field is written.
    fn defaults(&mut self, fields: &'static [Field], at: Span) -> Args {
        let owner = Owner { what: String::new(), noun: "field", declared: at };
        self.fields(&owner, fields, &[])
    }

    fn missing(&mut self, owner: &Owner, field: &Field) {
        self.out.push(
            Diagnostic::error(Code::MissingField, owner.declared, format!("{} needs `{}`", owner.what, field.name))
                .label(format!("without its {} `{}`", owner.noun, field.name))
                .help(format!("add `{} = {}`: {}", field.name, example(field.ty), field.doc)),
        );
    }
}

/// Returns the required fields that are missing.
fn absent<'f>(fields: &'static [Field], given: &'f [Given<'_>]) -> impl Iterator<Item = &'static Field> + 'f {
    let unnamed = given.iter().filter(|given| given.name.is_none()).count();
    let by_place: Vec<&str> =
        fields.iter().filter(|field| field.positional).take(unnamed).map(|field| field.name).collect();
    fields.iter().filter(move |field| {
        matches!(field.default, Default::Required)
            && !by_place.contains(&field.name)
            && !given.iter().any(|given| given.is(field.name))
    })
}

/// Returns the variant of a name.
fn variant(ty: Ty, name: &str) -> Option<&'static Variant> {
    ty.alternatives()?.iter().find(|variant| variant.name == name)
}

/// Returns an example of a value of a type.
fn example(ty: Ty) -> String {
    match ty {
        Ty::Int(Some(unit), _) => format!("N {}", unit.name()),
        Ty::Int(None, _) => "N".into(),
        Ty::Float(..) => "X".into(),
        Ty::OrNone(ty) => format!("{}|none", example(*ty)),
        Ty::Block(kind) => kind.word().to_uppercase(),
        Ty::Either(kind, _) => kind.word().to_uppercase(),
        Ty::Init => "POLICY.init|hf(...)".into(),
        Ty::Score => "TASK.score".into(),
        Ty::Choice(_) | Ty::Task => ty
            .alternatives()
            .unwrap_or_default()
            .iter()
            .map(|variant| match (variant.form, variant.fields) {
                (Form::Call, _) => format!("{}(...)", variant.name),
                (Form::Record, [_, ..]) => format!("{} {{ ... }}", variant.name),
                _ => variant.name.to_owned(),
            })
            .collect::<Vec<_>>()
            .join("|"),
        Ty::Record(_) => "{ ... }".into(),
        Ty::Words(_) => "[...]".into(),
        Ty::Text | Ty::Name => "\"...\"".into(),
        Ty::Value(flow) => flow.noun().to_uppercase(),
    }
}
