//! Finds what may stand at a cursor, from the brackets around it and the schema.

use pbpo_grammar::FileId;
use pbpo_grammar::ast::Item;

use super::Ide;
use super::cursor::{Cursor, Frame};
use super::path::{Target, block_fields, inner};
use crate::schema::{self, Field, Kind, Ty, Variant, blocks, ops};

/// The contents of the innermost brackets.
pub(super) enum Place<'s> {
    Top,
    /// Fields of a block or record, or, with `args`, arguments.
    Fields {
        fields: Vec<&'static Field>,
        args: bool,
    },
    /// Statements of a pipeline.
    Body,
    /// Arguments of a call in an expression.
    Call(&'s str),
    /// Names of a module's exports.
    Names(String),
    /// Overrides of a variant.
    Settings,
    /// Axes and overrides of a sweep; or, with `zip`, axes alone.
    Sweep {
        zip: bool,
    },
    /// Parameters of a definition.
    Formals,
    /// A list of values of this type.
    Values(Ty),
    /// A list of pipelines.
    Runnable,
    /// A list of blocks that can be switched off.
    Ablated,
    Unknown,
}

impl Ide {
    /// Returns the contents of the brackets around a cursor.
    pub(super) fn place<'s>(&self, file: FileId, cursor: &Cursor<'s>) -> Place<'s> {
        cursor.frames.iter().fold(Place::Top, |outer, frame| self.inside(file, &outer, frame))
    }

    fn inside<'s>(&self, file: FileId, outer: &Place<'s>, frame: &Frame<'s>) -> Place<'s> {
        let head = frame.head.as_slice();
        match (outer, frame.open, head) {
            (Place::Top, "{", ["use", path @ ..]) => Place::Names(path.concat()),
            (Place::Top, "{", ["pipeline", ..]) => Place::Body,
            (Place::Top, "{", ["variant", ..]) => Place::Settings,
            (Place::Top, "{", ["sweep", ..]) => Place::Sweep { zip: false },
            (Place::Top, "{", [kind, name]) => self.block(file, kind, name),
            (Place::Top, "(", ["pipeline" | "objective", _]) => Place::Formals,
            (Place::Top, "[", ["sweep", _, "over"]) => Place::Runnable,
            (Place::Fields { fields, args }, _, _) => match (field_at(fields, *args, head), frame.open) {
                (Some(field), "[") => Place::Values(field.ty),
                (Some(field), _) => within(field, head.last().copied()),
                (None, _) => Place::Unknown,
            },
            (Place::Body, "{", ["repeat", ..]) => Place::Body,
            (Place::Body, "(", [_, "=" | "+=", op]) => match ops::find(op) {
                Some(schema) => Place::Fields { fields: schema.args.iter().collect(), args: true },
                None => Place::Call(op),
            },
            (Place::Sweep { .. }, "{", ["zip"]) => Place::Sweep { zip: true },
            (Place::Sweep { .. }, "[", ["ablate", "="]) => Place::Ablated,
            (Place::Settings | Place::Sweep { .. }, open, [.., last]) => {
                let Some(Target::Field(field, _)) = self.target(file, &words(head)) else { return Place::Unknown };
                match open {
                    "[" => Place::Values(field.ty),
                    _ => within(field, Some(last)),
                }
            }
            (Place::Values(ty), "{" | "(", [tag]) => alternative(*ty, tag),
            (_, "(", [.., callee]) if callee.chars().all(super::lex::is_part) => Place::Call(callee),
            (_, "(", _) => Place::Call(""),
            _ => Place::Unknown,
        }
    }

    fn block<'s>(&self, file: FileId, kind: &str, name: &str) -> Place<'s> {
        let Some(kind) = Kind::parse(kind) else { return Place::Unknown };
        let fields = match self.seen(file, name).map(|entry| &*entry.item) {
            Some(Item::Block(block)) => block_fields(kind, &block.body),
            _ => blocks::fields(kind).iter().collect(),
        };
        Place::Fields { fields, args: false }
    }
}

/// Returns the field of a statement `name = ...`, or of an argument without a name by its position.
pub(super) fn field_at(fields: &[&'static Field], args: bool, head: &[&str]) -> Option<&'static Field> {
    match head {
        [name, "=", ..] => fields.iter().find(|field| field.name == *name).copied(),
        _ if args => fields.iter().find(|field| field.positional).copied(),
        _ => None,
    }
}

/// Returns the words of a path before `=` or `in`.
pub(super) fn words<'s>(head: &[&'s str]) -> Vec<&'s str> {
    head.iter().take_while(|word| !matches!(**word, "=" | "in")).filter(|word| **word != ".").copied().collect()
}

/// Returns the contents of `tag { ... }`, `tag( ... )` or `{ ... }` as the value of a field.
fn within<'s>(field: &'static Field, tag: Option<&str>) -> Place<'s> {
    match (field.ty, tag) {
        (Ty::Record(_), _) => Place::Fields { fields: inner(field, None).iter().collect(), args: false },
        (ty, Some(tag)) => alternative(ty, tag),
        (_, None) => Place::Unknown,
    }
}

fn alternative<'s>(ty: Ty, tag: &str) -> Place<'s> {
    match ty.alternatives().unwrap_or_default().iter().find(|variant| variant.name == tag) {
        Some(Variant { form, fields, .. }) => {
            Place::Fields { fields: fields.iter().collect(), args: *form == schema::Form::Call }
        }
        None => Place::Unknown,
    }
}
