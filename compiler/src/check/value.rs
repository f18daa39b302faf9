//! Checks one value against its type.

use std::borrow::Cow;

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Expr, ExprKind, Ident};
use pbpo_outside::shown::is_control;

use super::fields::{Given, Owner};
use super::{Check, describe, path_text};
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::hir::{Args, Choice, Value};
use crate::schema::blocks::CHECKPOINTS;
use crate::schema::{Form, Ty, Variant, tasks};
use crate::suggest;

impl Check<'_> {
    /// Returns the value of a field, or `None` if it is wrong (which was reported).
    pub(super) fn value(&mut self, field: &str, ty: Ty, expr: &Expr) -> Option<Value> {
        if matches!(expr.kind, ExprKind::Error) {
            return None;
        }
        match ty {
            Ty::Int(unit, range) => self.int(field, unit, range, expr).map(Value::Int),
            Ty::Float(unit, range) => self.float(field, unit, range, expr).map(Value::Float),
            Ty::OrNone(_) if is_none(expr) => Some(Value::Nothing),
            Ty::OrNone(ty) => self.value(field, *ty, expr),
            Ty::Block(kind) => self.block_ref(kind, expr).map(Value::Block),
            Ty::Either(one, other) => self.either_ref(one, other, expr).map(Value::Block),
            Ty::Init if is_call(expr) => {
                let args = self.choice(field, CHECKPOINTS, expr)?.args;
                args.get("name").is_some().then_some(Value::Checkpoint(args))
            }
            Ty::Init => self.init_ref(expr).map(Value::Init),
            Ty::Score => self.score_ref(expr).map(Value::Score),
            Ty::Choice(variants) => self.choice(field, variants, expr).map(Value::Choice),
            Ty::Task => self.choice(field, tasks(), &self.task_name(expr)).map(Value::Choice),
            Ty::Record(fields) => match &expr.kind {
                ExprKind::Record { tag: None, body } => {
                    let owner = Owner { what: format!("`{field}`"), noun: "field", declared: expr.span };
                    let given = self.given(body, &owner);
                    Some(Value::Record(self.fields(&owner, fields, &given)))
                }
                _ => self.wrong_type(expr, "a record", Some(format!("write `{field} = {{ ... }}`"))),
            },
            Ty::Text | Ty::Name => match &expr.kind {
                ExprKind::Text(text) if matches!(ty, Ty::Name) && text.contains(is_control) => {
                    self.control(field, text, expr)
                }
                ExprKind::Text(text) => Some(Value::Text(text.clone())),
                _ => self.wrong_type(expr, "a text", Some(format!("write `{field} = \"...\"`"))),
            },
            Ty::Words(variants) => self.words(field, variants, expr).map(Value::Words),
            Ty::Value(flow) => self.local_ref(flow, expr).map(Value::Local),
        }
    }

    /// Reports a control character in an external name, where `
    /// ` was probably meant literally.
    fn control<T>(&mut self, field: &str, text: &str, expr: &Expr) -> Option<T> {
        self.out.push(control_character(field, text, expr.span));
        None
    }

    /// Reports a value of the wrong type.
    pub(crate) fn wrong_type<T>(&mut self, expr: &Expr, expected: &str, help: Option<String>) -> Option<T> {
        if !matches!(expr.kind, ExprKind::Error) {
            self.out.push(
                Diagnostic::error(
                    Code::WrongType,
                    expr.span,
                    format!("expected {expected}, found {}", describe(&expr.kind)),
                )
                .label(format!("not {expected}"))
                .maybe_help(help),
            );
        }
        None
    }

    /// Returns a call of a task under its original name, if this file has imported it under another.
    fn task_name<'e>(&self, expr: &'e Expr) -> Cow<'e, Expr> {
        match &expr.kind {
            ExprKind::Call { callee, args } => match callee.as_slice() {
                [word] if self.scope.task(word) != word.text => {
                    let name = Ident { text: self.scope.task(word).to_owned(), span: word.span };
                    let kind = ExprKind::Call { callee: vec![name], args: args.clone() };
                    Cow::Owned(Expr { kind, span: expr.span })
                }
                _ => Cow::Borrowed(expr),
            },
            _ => Cow::Borrowed(expr),
        }
    }

    /// Checks one of several words, records or calls.
    fn choice(&mut self, field: &str, variants: &'static [Variant], expr: &Expr) -> Option<Choice> {
        let names: Vec<&str> = variants.iter().map(|variant| variant.name).collect();
        let (word, span) = match &expr.kind {
            ExprKind::Path(path) | ExprKind::Call { callee: path, .. } => head(path)?,
            ExprKind::Record { tag: Some(tag), .. } => (tag.text.clone(), tag.span),
            _ => {
                let help = Some(format!("write {}", suggest::one_of(&names)));
                return self.wrong_type(expr, &format!("a value of `{field}`"), help);
            }
        };
        let Some(variant) = variants.iter().find(|variant| variant.name == word) else {
            if !self.scope.doubtful.contains(&word) {
                let error =
                    Diagnostic::error(Code::UnknownChoice, span, format!("`{word}` is not a value of `{field}`"))
                        .label("unknown value")
                        .suggest(self.out.len(), &word, || names);
                self.out.push(error);
            }
            return None;
        };
        let args = self.variant(variant, span, expr)?;
        Some(Choice { name: variant.name, args })
    }

    /// Returns the fields of a variant, which must be written in the variant's form.
    fn variant(&mut self, variant: &'static Variant, name: Span, expr: &Expr) -> Option<Args> {
        let call = variant.form == Form::Call;
        let noun = if call { "argument" } else { "field" };
        let owner = Owner { what: format!("`{}`", variant.name), noun, declared: name };
        let given: Vec<Given<'_>> = match &expr.kind {
            ExprKind::Record { body, .. } if !call => self.given(body, &owner),
            ExprKind::Call { args, .. } if call => self.given_args(args, &owner),
            ExprKind::Path(_) if !call => Vec::new(),
            _ => {
                let (expected, form) = match variant.form {
                    Form::Call => ("a call", format!("{}(...)", variant.name)),
                    Form::Record => ("a record", format!("{} {{ ... }}", variant.name)),
                    Form::Word => ("a plain word", variant.name.to_owned()),
                };
                return self.wrong_type(expr, expected, Some(format!("write `{form}`")));
            }
        };
        Some(self.fields(&owner, variant.fields, &given))
    }

    /// Checks `[word, word]`; a single word without brackets is refused.
    fn words(&mut self, field: &str, variants: &'static [Variant], expr: &Expr) -> Option<Vec<&'static str>> {
        let ExprKind::List(items) = &expr.kind else {
            return self.wrong_type(expr, "a list", Some(format!("write `{field} = [{}]`", variants.first()?.name)));
        };
        let chosen: Vec<Option<Choice>> = items.iter().map(|item| self.choice(field, variants, item)).collect();
        chosen.into_iter().map(|choice| choice.map(|choice| choice.name)).collect()
    }
}

/// Makes the error for a control character in an external name.
pub fn control_character(what: &str, text: &str, at: Span) -> Diagnostic {
    let found = text.chars().find(|c| is_control(*c)).unwrap_or_default();
    Diagnostic::error(Code::ControlCharacter, at, format!("`{what}` has a control character"))
        .label(format!("`{}` is in it", found.escape_default()))
        .help("write `/` between folders, and `\\\\` for a `\\` as it stands")
}

/// Returns the text of a path as one word, with its place.
fn head(path: &[Ident]) -> Option<(String, Span)> {
    let (first, last) = (path.first()?, path.last()?);
    Some((path_text(path), first.span.to(last.span)))
}

fn is_none(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Path(path) if path_text(path) == "none")
}

fn is_call(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Call { .. })
}
