//! Statements.

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Expr, ExprKind, Ident, Item, Stmt};
use pbpo_plan::{Op, Stage, ValueName};

use super::Lower;
use super::ops::Made;
use crate::check::path_text;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::schema::ops;
use crate::schema::{Flow, functions};
use crate::scope::Local;
use crate::suggest;

impl Lower<'_> {
    pub(super) fn stmt(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Assign { name, value, .. } => self.assign(name, value),
            Stmt::Append { name, value } => self.append(name, value),
            Stmt::Repeat { count, unit, body, .. } => self.repeat(stmt.span(), count, unit.as_ref(), body),
            Stmt::Climb { ascend, player, objective, within, .. } => {
                self.climb(stmt.span(), *ascend, player, objective, within.as_ref());
            }
            Stmt::Call { call } => {
                if let Some((schema, args)) = self.op_args(call) {
                    self.lower_op(schema, &args, &ValueName::of(schema.name), call.span);
                }
            }
        }
    }

    /// Lowers `name = op(...)`.
    fn assign(&mut self, name: &Ident, value: &Expr) {
        if self.assigns_block(name) {
            return;
        }
        let made = self.op(&name.text, value, name.span.to(value.span));
        if let Some(earlier) = self.locals.get(&name.text).cloned() {
            self.same_in_next_iteration(name, &earlier, made.as_ref());
        }
        let local = match made {
            Some(made) => made.local(name.span),
            None => {
                Local { value: ValueName::of(&name.text), flow: None, span: name.span, rollouts: None, pending: false }
            }
        };
        self.define(&name.text, local);
    }

    /// Lowers `name += op(...)` and `name += other`.
    fn append(&mut self, name: &Ident, value: &Expr) {
        if self.assigns_block(name) {
            return;
        }
        let span = name.span.to(value.span);
        let batch = match &value.kind {
            ExprKind::Call { .. } => {
                let batch = self.fresh_batch(&format!("{}.new", name.text));
                let made = self.op_named(&batch, value, span);
                match made {
                    Some(made) if made.flow == Flow::Preferences => Some(made.value),
                    Some(made) => {
                        self.out.push(
                            Diagnostic::error(
                                Code::WrongKind,
                                value.span,
                                format!("expected preferences, found {}", made.flow.noun()),
                            )
                            .label("only preferences are appended")
                            .help(format!("write `{} += label(...)`", name.text)),
                        );
                        None
                    }
                    None => None,
                }
            }
            _ => self.check().local_ref(Flow::Preferences, value).map(|local| self.local(&local)),
        };
        self.make_set(name);
        match self.locals.map.get(&name.text) {
            Some(Local { flow: Some(Flow::Preferences), .. }) => {}
            Some(Local { flow: Some(other), span: at, .. }) => {
                self.out.push(
                    Diagnostic::error(
                        Code::WrongKind,
                        name.span,
                        format!("expected preferences, found {}", other.noun()),
                    )
                    .label(format!("`{}` is {}", name.text, other.noun()))
                    .also(*at, "assigned here"),
                );
                return;
            }
            Some(Local { flow: None, .. }) | None => return,
        }
        let before = self.local(&name.text);
        let after = self.fresh(&name.text);
        let made = Stage::new(Op::Append, &[&after]).with("preferences", before).with("batch", batch);
        self.push(made, span);
        if let Some(local) = self.locals.map.get_mut(&name.text) {
            local.value = after;
            local.pending = false;
        }
    }

    /// Makes the empty set to which the first `+=` of a name appends.
    pub(super) fn make_set(&mut self, name: &Ident) {
        if self.locals.map.contains_key(&name.text) || self.program.scope.global(name).is_some() {
            return;
        }
        let value = self.fresh(&name.text);
        self.push(Stage::new(Op::Preferences, &[&value]), name.span);
        let local = Local { value, flow: Some(Flow::Preferences), span: name.span, rollouts: None, pending: true };
        self.locals.map.insert(name.text.clone(), local);
    }

    /// Returns the name of a value that the file does not name: `prefs.new`, then `prefs.new@1`, ...
    pub(super) fn fresh_batch(&mut self, name: &str) -> ValueName {
        let value = self.fresh(name);
        if value.version() == Some(0) { ValueName::of(name) } else { value }
    }

    /// Returns the value of a variable.
    pub(super) fn local(&self, name: &str) -> ValueName {
        self.locals.map.get(name).map_or_else(|| ValueName::of(name), |local| local.value.clone())
    }

    /// Reports an assignment to a declaration.
    fn assigns_block(&mut self, name: &Ident) -> bool {
        let scope = &self.program.scope;
        let Some(global) = scope.global(name) else { return false };
        let (declared, noun) = match (scope.blocks.get(global), scope.params.get(global)) {
            (Some(decl), _) => (decl.name, decl.kind.map_or("a block", |kind| kind.noun())),
            (None, Some(param)) => (param.name, "a parameter"),
            (None, None) => return false,
        };
        self.out.push(
            Diagnostic::error(Code::AssignedBlock, name.span, format!("`{}` is {noun}, not a variable", name.text))
                .label("assigned here")
                .also(declared, "declared here")
                .help("use another name"),
        );
        true
    }

    /// Checks that a variable that a loop carries holds the same kind of value in every iteration.
    fn same_in_next_iteration(&mut self, name: &Ident, earlier: &Local, made: Option<&Made>) {
        let Some(made) = made else { return };
        let alike = match (&earlier.rollouts, &made.rollouts) {
            (Some(earlier), Some(made)) => earlier.alike(made),
            (earlier, made) => earlier.is_none() && made.is_none(),
        };
        if self.depth > 0 && earlier.flow.is_some() && (earlier.flow != Some(made.flow) || !alike) {
            self.out.push(
                Diagnostic::error(
                    Code::ChangesInLoop,
                    name.span,
                    format!("`{}` holds something else than before", name.text),
                )
                .label("what is assigned here is of another kind or origin")
                .also(earlier.span, "assigned here before")
                .help("use another name"),
            );
        }
    }

    /// Makes the stage of an operation whose result is named in the file.
    fn op(&mut self, name: &str, value: &Expr, span: Span) -> Option<Made> {
        let (schema, args) = self.op_args(value)?;
        self.makes_something(schema, value)?;
        let output = self.fresh_local(name);
        self.lower_op(schema, &args, &output, span)
    }

    /// Makes the stage of an operation whose result is named only in the plan.
    fn op_named(&mut self, output: &ValueName, value: &Expr, span: Span) -> Option<Made> {
        let (schema, args) = self.op_args(value)?;
        self.makes_something(schema, value)?;
        self.lower_op(schema, &args, output, span)
    }

    /// Returns the kind of an operation's result; reports an operation without one.
    fn makes_something(&mut self, schema: &ops::OpSchema, value: &Expr) -> Option<Flow> {
        if schema.gives.is_none() {
            let name = schema.name;
            self.out.push(
                Diagnostic::error(Code::WrongType, value.span, format!("`{name}` makes nothing that has a name"))
                    .label("assigned here")
                    .help(format!("write `{name}(...)` on a line of its own")),
            );
        }
        schema.gives
    }

    /// Returns the operation and its checked arguments.
    pub(super) fn op_args(&mut self, value: &Expr) -> Option<(&'static ops::OpSchema, crate::hir::Args)> {
        let made = || ops::all().iter().filter(|schema| schema.gives.is_some());
        let names = || -> Vec<&str> { made().map(|schema| schema.name).collect() };
        let ExprKind::Call { callee, args } = &value.kind else {
            if !matches!(value.kind, ExprKind::Error) {
                self.out.push(
                    Diagnostic::error(
                        Code::WrongType,
                        value.span,
                        format!("expected an operation, found {}", crate::check::describe(&value.kind)),
                    )
                    .label("a pipeline assigns what an operation makes")
                    .help(format!("write a call of {}", suggest::one_of(&names()))),
                );
            }
            return None;
        };
        let word = path_text(callee);
        let at = callee.first()?.span.to(callee.last()?.span);
        let Some(schema) = ops::find(&word) else {
            let error = Diagnostic::error(Code::UnknownOp, at, format!("no operation is called `{word}`"))
                .label("unknown operation");
            // A loss is lowered, because nearly all objectives are losses to descend.
            let declared = callee.first().and_then(|name| self.program.scope.item(name));
            let called = matches!(declared, Some(Item::Objective(_)))
                || crate::stdlib::home(&word).is_some_and(|module| module == "std/losses");
            let function = functions::find(&word).is_some() && suggest::nearest(&word, names()).is_none();
            self.out.push(if called || function {
                let verb = if called { "descend" } else { "ascend" };
                error.help(format!("`{word}` belongs in an objective: `{verb} P on {word}(...)`"))
            } else {
                let help = suggest::worth(self.out.len()).then(|| suggest::help(&word, &names()));
                error.maybe_help(help.flatten())
            });
            return None;
        };
        let owner = crate::check::Owner { what: format!("`{word}`"), noun: "argument", declared: at };
        let mut check = self.check();
        let given = check.given_args(args, &owner);
        let args = check.fields(&owner, schema.args, &given);
        Some((schema, args))
    }
}
