//! What an override sets: one declaration and the way down its fields, under whatever names files have for it.

use pbpo_grammar::ast::{Expr, ExprKind, Ident, Item, Stmt};

use crate::modules::{Project, Views};

/// A resolved path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Global name of the declaration.
    pub global: String,
    /// The fields on the way down from it.
    pub fields: Vec<String>,
}

impl Target {
    /// What a path means where it stands; nothing where its first word means nothing there.
    pub fn of(views: &Views, path: &[Ident]) -> Option<Self> {
        let (first, rest) = path.split_first()?;
        let global = views.global(first)?.to_owned();
        Some(Self { global, fields: rest.iter().map(|field| field.text.clone()).collect() })
    }

    /// The fields that lead from this to `other`, which is the same or a part of it.
    pub fn way_to<'t>(&self, other: &'t Target) -> Option<&'t [String]> {
        if self.global == other.global { other.fields.strip_prefix(self.fields.as_slice()) } else { None }
    }

    /// Whether one of the two is a part of the other, or both are the same.
    pub fn meets(&self, other: &Target) -> bool {
        self.way_to(other).is_some() || other.way_to(self).is_some()
    }

    /// Whether it is a parameter that was declared as `seed`.
    pub fn is_seed(&self, project: &Project) -> bool {
        let seed = |item: &Item| matches!(item, Item::Param(param) if param.name.text == "seed");
        self.fields.is_empty() && project.item(&self.global).is_some_and(seed)
    }
}

/// The part of a value that some fields lead to, where it is written.
pub fn part<'e>(value: &'e Expr, fields: &[String]) -> Option<&'e Expr> {
    fields.iter().try_fold(value, |value, name| field(value, name))
}

/// A field of a record, or an argument of a call that is given by name.
pub fn field<'e>(value: &'e Expr, name: &str) -> Option<&'e Expr> {
    match &value.kind {
        ExprKind::Record { body, .. } => body.stmts.iter().find_map(|stmt| match stmt {
            Stmt::Assign { name: given, value, .. } if given.text == name => Some(value),
            _ => None,
        }),
        ExprKind::Call { args, .. } => {
            args.iter().find(|arg| arg.name.as_ref().is_some_and(|given| given.text == name)).map(|arg| &arg.value)
        }
        _ => None,
    }
}
