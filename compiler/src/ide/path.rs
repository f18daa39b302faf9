//! Paths of values: `beta`, `pi.optimizer.lr`, `main.episodes`.

use pbpo_grammar::FileId;
use pbpo_grammar::ast::{Arg, Body, Expr, ExprKind, Item, Pipeline, PipelineBody, Stmt};

use super::{Ide, text};
use crate::check::field_span;
use crate::modules::Entry;
use crate::schema::{Default, Field, Kind, Ty, Variant, blocks};

/// The target of a path.
pub(super) enum Target<'a> {
    Block(&'a Entry),
    /// A field, and its value if one is written.
    Field(&'static Field, Option<&'a Expr>),
    /// An argument of the pipeline with parameters that a pipeline calls.
    Argument(&'a Entry),
    /// The count of a pipeline's first loop.
    Episodes(&'a Expr),
    /// A pipeline.
    Pipeline(&'a Pipeline),
}

/// The place where the values of fields are written.
#[derive(Clone, Copy)]
pub(super) enum Written<'a> {
    Nowhere,
    Body(&'a Body),
    Args(&'a [Arg]),
}

/// Returns the fields of a block; a policy without `model` and `follows` may still become either.
pub(super) fn block_fields(kind: Kind, body: &Body) -> Vec<&'static Field> {
    let has = |field: &str| field_span(body, field).is_some();
    match kind {
        Kind::Policy if !has("model") && blocks::form(kind, has).mark.is_none() => {
            blocks::fields(kind).iter().chain(blocks::FOLLOWER).collect()
        }
        _ => blocks::form(kind, has).fields.iter().collect(),
    }
}

/// Returns the fields inside a field's value: of a record, or of the alternative that is chosen.
pub(super) fn inner(field: &Field, value: Option<&Expr>) -> &'static [Field] {
    match field.ty {
        Ty::Record(fields) => fields,
        ty => chosen(ty, field.default, value).map_or(&[], |variant| variant.fields),
    }
}

/// Returns the alternative that is written, or the default one.
fn chosen(ty: Ty, default: Default, value: Option<&Expr>) -> Option<&'static Variant> {
    let word = match value {
        Some(value) => tag(value)?,
        None => match default {
            Default::Word(word) => word,
            _ => return None,
        },
    };
    ty.alternatives()?.iter().find(|variant| variant.name == word)
}

/// Returns the word before a value.
pub(super) fn tag(value: &Expr) -> Option<&str> {
    match &value.kind {
        ExprKind::Record { tag, .. } => tag.as_ref().map(|tag| tag.text.as_str()),
        ExprKind::Path(path) | ExprKind::Call { callee: path, .. } => path.first().map(|word| word.text.as_str()),
        _ => None,
    }
}

impl<'a> Written<'a> {
    /// Returns the fields written inside a value.
    pub fn of(value: Option<&'a Expr>) -> Self {
        match value.map(|value| &value.kind) {
            Some(ExprKind::Record { body, .. }) => Written::Body(body),
            Some(ExprKind::Call { args, .. }) => Written::Args(args),
            _ => Written::Nowhere,
        }
    }

    /// Returns the value of a field.
    fn get(self, field: &Field, fields: &[&'static Field]) -> Option<&'a Expr> {
        match self {
            Written::Nowhere => None,
            Written::Body(body) => body.stmts.iter().find_map(|stmt| match stmt {
                Stmt::Assign { name, value, .. } if name.text == field.name => Some(value),
                _ => None,
            }),
            Written::Args(args) => {
                let named = args.iter().find(|arg| arg.name.as_ref().is_some_and(|name| name.text == field.name));
                let place = fields.iter().filter(|other| other.positional).position(|other| other.name == field.name);
                let by_place = || args.iter().filter(|arg| arg.name.is_none()).nth(place?);
                named.or_else(by_place).map(|arg| &arg.value)
            }
        }
    }
}

impl Ide {
    /// Returns the target of a path, as a file sees it.
    pub(super) fn target(&self, file: FileId, words: &[&str]) -> Option<Target<'_>> {
        let (first, rest) = words.split_first()?;
        let entry = self.seen(file, first)?;
        match (&*entry.item, rest) {
            (Item::Block(_), []) => Some(Target::Block(entry)),
            (Item::Block(block), [name, more @ ..]) => {
                let fields = block_fields(Kind::parse(&block.kind.text)?, &block.body);
                walk(&fields, Written::Body(&block.body), name, more)
            }
            (Item::Pipeline(pipeline), []) => Some(Target::Pipeline(pipeline)),
            (Item::Pipeline(pipeline), [name]) => match self.called(entry.file, pipeline) {
                Some(called) => {
                    let known = text::formals(&called.item).iter().any(|formal| formal.name.text == *name);
                    known.then_some(Target::Argument(called))
                }
                None => episodes(pipeline).filter(|_| *name == "episodes").map(Target::Episodes),
            },
            _ => None,
        }
    }

    /// Returns the pipeline that another pipeline calls.
    pub(super) fn called(&self, file: FileId, pipeline: &Pipeline) -> Option<&Entry> {
        match &pipeline.body {
            PipelineBody::Call(call) => self.seen(file, tag(call)?),
            PipelineBody::Stmts(_) => None,
        }
    }
}

/// Returns the count of the first loop.
fn episodes(pipeline: &Pipeline) -> Option<&Expr> {
    let PipelineBody::Stmts(body) = &pipeline.body else { return None };
    body.stmts.iter().find_map(|stmt| match stmt {
        Stmt::Repeat { count, .. } => Some(count),
        _ => None,
    })
}

fn walk<'a>(fields: &[&'static Field], written: Written<'a>, name: &str, rest: &[&str]) -> Option<Target<'a>> {
    let field = fields.iter().find(|field| field.name == name)?;
    let value = written.get(field, fields);
    let Some((name, rest)) = rest.split_first() else { return Some(Target::Field(field, value)) };
    let fields: Vec<&'static Field> = inner(field, value).iter().collect();
    walk(&fields, Written::of(value), name, rest)
}
