//! The target of an override: a declaration and the fields on the way into it, independent of the names in a file.

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
    /// Returns the target of a path at its place; `None` if its first word has no meaning there.
    pub fn of(views: &Views, path: &[Ident]) -> Option<Self> {
        let (first, rest) = path.split_first()?;
        let global = views.global(first)?.to_owned();
        Some(Self { global, fields: rest.iter().map(|field| field.text.clone()).collect() })
    }

    /// Returns the fields that lead from this to `other`, which is the same or a part of it.
    pub fn way_to<'t>(&self, other: &'t Target) -> Option<&'t [String]> {
        if self.global == other.global { other.fields.strip_prefix(self.fields.as_slice()) } else { None }
    }

    /// Tells whether one of the two is a part of the other, or both are the same.
    pub fn meets(&self, other: &Target) -> bool {
        self.way_to(other).is_some() || other.way_to(self).is_some()
    }

    /// Tells whether it is a parameter that was declared as `seed`.
    pub fn is_seed(&self, project: &Project) -> bool {
        let seed = |item: &Item| matches!(item, Item::Param(param) if param.name.text == "seed");
        self.fields.is_empty() && project.item(&self.global).is_some_and(seed)
    }
}

/// Returns the part of a value at the end of some fields, if it is written.
pub fn part<'e>(value: &'e Expr, fields: &[String]) -> Option<&'e Expr> {
    fields.iter().try_fold(value, |value, name| field(value, name))
}

/// Returns a field of a record, or a named argument of a call.
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
