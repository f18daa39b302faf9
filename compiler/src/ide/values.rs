//! Finds the meaning of the words of expressions and of the values of fields.

use pbpo_grammar::ast::{Arg, Body, Expr, ExprKind, Ident, Stmt};

use super::mentions::{Walk, What};
use super::path::{Target, inner, tag};
use super::text;
use crate::schema::functions;
use crate::schema::{Field, Ty, Variant};
use crate::units::Unit;

impl Walk<'_> {
    pub(super) fn unit(&mut self, word: &Ident) {
        if let Some((unit, _)) = Unit::parse(&word.text) {
            self.say(word, What::Unit(unit));
        }
    }

    /// Adds the words of an expression of unknown type.
    pub(super) fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Number(number) => number.unit.iter().for_each(|unit| self.unit(unit)),
            ExprKind::Path(path) => self.path(path),
            ExprKind::Call { callee, args } => self.call(callee, args),
            ExprKind::Record { body, .. } => self.body(&[], body, &[]),
            ExprKind::List(items) => items.iter().for_each(|item| self.expr(item)),
            ExprKind::Neg(inner) | ExprKind::Not(inner) => self.expr(inner),
            ExprKind::Binary { left, right, .. } => {
                self.expr(left);
                self.expr(right);
            }
            ExprKind::Text(_) | ExprKind::Bool(_) | ExprKind::Error => {}
        }
    }

    /// Adds the words of a path, as `pi` or `pi.init`.
    pub(super) fn path(&mut self, path: &[Ident]) {
        let Some((first, rest)) = path.split_first() else { return };
        self.name(first);
        self.parts(first, rest);
    }

    /// Adds the words after the dots of a path.
    fn parts(&mut self, first: &Ident, rest: &[Ident]) {
        let mut words = vec![first.text.as_str()];
        for word in rest {
            words.push(&word.text);
            let owned: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            match self.ide.target(self.file, &words) {
                Some(Target::Field(field, _)) => self.say(word, What::Field(field, owned)),
                Some(Target::Argument(called)) => {
                    self.say(word, What::Formal(called.global.clone(), word.text.clone()));
                }
                Some(Target::Episodes(_)) => self.say(word, What::Episodes(owned)),
                _ => {}
            }
        }
    }

    /// Adds the words of a call of a function, an objective, a pipeline, a reward model or a constraint.
    fn call(&mut self, callee: &[Ident], args: &[Arg]) {
        let Some(word) = callee.first() else { return };
        let item = self.ide.seen(self.file, &word.text);
        match functions::find(&word.text) {
            Some(schema) if item.is_none() => self.say(word, What::Function(schema)),
            _ => self.path(callee),
        }
        for arg in args {
            if let (Some(name), Some(entry)) = (&arg.name, item)
                && text::formals(&entry.item).iter().any(|formal| formal.name.text == name.text)
            {
                self.say(name, What::Formal(entry.global.clone(), name.text.clone()));
            }
            self.expr(&arg.value);
        }
    }

    /// Adds the fields of a block or a record. `path` leads to it.
    pub(super) fn body(&mut self, fields: &[&'static Field], body: &Body, path: &[String]) {
        for stmt in &body.stmts {
            let Stmt::Assign { name, value, .. } = stmt else { continue };
            match fields.iter().find(|field| field.name == name.text) {
                Some(field) => self.field(field, Some(name), value, path),
                None => self.expr(value),
            }
        }
    }

    /// Adds the arguments of an operation, or of an alternative that is a call.
    pub(super) fn args(&mut self, fields: &'static [Field], args: &[Arg], path: &[String]) {
        let mut places = fields.iter().filter(|field| field.positional);
        for arg in args {
            let field = match &arg.name {
                Some(name) => fields.iter().find(|field| field.name == name.text),
                None => places.next(),
            };
            match field {
                Some(field) => self.field(field, arg.name.as_ref(), &arg.value, path),
                None => self.expr(&arg.value),
            }
        }
    }

    fn field(&mut self, field: &'static Field, name: Option<&Ident>, value: &Expr, path: &[String]) {
        let path = if path.is_empty() { Vec::new() } else { [path, &[field.name.to_owned()]].concat() };
        name.iter().for_each(|name| self.say(name, What::Field(field, path.clone())));
        self.value(field, value, &path);
    }

    /// Adds the value of a field.
    fn value(&mut self, field: &Field, value: &Expr, path: &[String]) {
        if let (Ty::Words(variants), ExprKind::List(items)) = (field.ty, &value.kind) {
            items.iter().for_each(|item| self.alternative(variants, item));
            return;
        }
        let variants = field.ty.alternatives().unwrap_or_default();
        let known = tag(value).is_some_and(|word| variants.iter().any(|variant| variant.name == word));
        if !known && !matches!(field.ty, Ty::Record(_)) {
            self.expr(value);
            return;
        }
        self.alternative(variants, value);
        let fields = inner(field, Some(value));
        match &value.kind {
            ExprKind::Record { body, .. } => self.body(&fields.iter().collect::<Vec<_>>(), body, path),
            ExprKind::Call { args, .. } => self.args(fields, args, path),
            _ => {}
        }
    }

    /// Adds the word of an alternative; a source of data is also a declaration.
    fn alternative(&mut self, variants: &'static [Variant], value: &Expr) {
        let word = match &value.kind {
            ExprKind::Record { tag, .. } => tag.as_ref(),
            ExprKind::Path(path) | ExprKind::Call { callee: path, .. } => path.first(),
            _ => None,
        };
        let Some(word) = word else { return };
        match variants.iter().find(|variant| variant.name == word.text) {
            Some(_) if self.ide.seen(self.file, &word.text).is_some_and(|entry| entry.std) => self.global(word),
            Some(variant) => self.say(word, What::Choice(variant)),
            None => self.name(word),
        }
    }

    /// Adds a value for the target of a path.
    pub(super) fn set(&mut self, path: &[Ident], value: &Expr) {
        let words: Vec<&str> = path.iter().map(|word| word.text.as_str()).collect();
        match self.ide.target(self.file, &words) {
            Some(Target::Field(field, _)) => {
                let path: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
                self.value(field, value, &path);
            }
            _ => self.expr(value),
        }
    }
}
