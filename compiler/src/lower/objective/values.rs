//! Expressions of an objective, term by term: numbers, names, operators, calls.

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Arg, BinaryOp as Written, Expr as Ast, ExprKind, Ident};
use pbpo_plan::{BinaryOp, Expr, UnaryOp};

use super::axes::{Typed, combine};
use crate::check::{describe, path_text, unassigned};
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::hir::Constant;
use crate::lower::Lower;
use crate::schema::{Flow, Kind, functions as table};
use crate::suggest;

/// Returns the call that is meant by `b.chosen`.
pub(super) fn pair_part(flow: Option<Flow>, batch: &str, part: &str) -> Option<String> {
    let known = flow == Some(Flow::Preferences) && matches!(part, "chosen" | "rejected" | "size");
    known.then(|| format!("write `{part}({batch})`"))
}

impl Lower<'_> {
    /// Returns the value of an expression, with its axes.
    pub(super) fn value(&mut self, expr: &Ast) -> Option<Typed> {
        match &expr.kind {
            ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::Text(_) => {
                self.check().number(expr).map(|number| Typed::number(number.value))
            }
            ExprKind::Path(path) => self.name_value(path, expr),
            ExprKind::Neg(arg) => {
                let arg = self.value(arg)?;
                Some(match arg.constant() {
                    Some(value) => Typed::number(-value),
                    None => arg.map(|arg| Expr::Unary { op: UnaryOp::Neg, arg }),
                })
            }
            ExprKind::Not(_) => {
                self.check().logic(expr.span);
                None
            }
            ExprKind::Binary { op, .. } if op.is_logical() => {
                self.check().logic(expr.span);
                None
            }
            ExprKind::Binary { op, left, right } => {
                let (a, b) = (self.value(left), self.value(right));
                let op = match op {
                    Written::Add => BinaryOp::Add,
                    Written::Sub => BinaryOp::Sub,
                    Written::Mul => BinaryOp::Mul,
                    _ => BinaryOp::Div,
                };
                self.binary(op, (a?, left.span), (b?, right.span), expr.span)
            }
            ExprKind::Call { callee, args } => self.call(callee, args, expr.span),
            ExprKind::Record { .. } | ExprKind::List(_) => {
                self.out.push(
                    Diagnostic::error(
                        Code::WrongType,
                        expr.span,
                        format!("expected an expression, found {}", describe(&expr.kind)),
                    )
                    .label("not part of an objective"),
                );
                None
            }
            ExprKind::Error => None,
        }
    }

    /// Lowers two values with an operator between them.
    pub(super) fn binary(
        &mut self,
        op: BinaryOp,
        left: (Typed, Span),
        right: (Typed, Span),
        span: Span,
    ) -> Option<Typed> {
        let ((a, a_span), (b, b_span)) = (left, right);
        let (row, token) = match combine(&a, &b) {
            Ok(axes) => axes,
            Err(help) => {
                self.out.push(
                    Diagnostic::error(
                        Code::AxesMismatch,
                        b_span,
                        format!("{} does not go with {}", b.axes(), a.axes()),
                    )
                    .label(b.axes())
                    .also(a_span, a.axes())
                    .help(help),
                );
                return None;
            }
        };
        let expr = match (a.constant(), b.constant()) {
            (Some(x), Some(y)) => {
                let value = match op {
                    BinaryOp::Add => x + y,
                    BinaryOp::Sub => x - y,
                    BinaryOp::Mul => x * y,
                    BinaryOp::Div => x / y,
                    BinaryOp::Min => x.min(y),
                    BinaryOp::Max => x.max(y),
                };
                if !value.is_finite() {
                    self.out.push(
                        Diagnostic::error(Code::NotFinite, span, "this is not a finite number")
                            .label("beyond what can be computed with"),
                    );
                    return None;
                }
                Expr::Const { value }
            }
            _ => Expr::Binary { op, left: Box::new(a.expr), right: Box::new(b.expr) },
        };
        Some(Typed { expr, row, token })
    }

    /// Lowers a name in an expression; only a parameter has a value by itself.
    fn name_value(&mut self, path: &[Ident], expr: &Ast) -> Option<Typed> {
        let name = path_text(path);
        let declared = path.first().is_some_and(|first| self.program.scope.global(first).is_some());
        if let Some(local) = self.locals.get(&name).filter(|_| !declared) {
            let flow = local.flow?;
            let example = match flow {
                Flow::Rollouts => format!("use a function of it: `r({name})`, `logp(pi, {name})`"),
                Flow::Preferences => format!("use a function of it: `chosen({name})`, `size({name})`"),
                Flow::Report => "a report can't be part of an objective".into(),
            };
            self.out.push(
                Diagnostic::error(Code::WrongType, expr.span, format!("expected a number, found {}", flow.noun()))
                    .label(format!("`{name}` is {}", flow.noun()))
                    .also(local.span, "assigned here")
                    .help(example),
            );
            return None;
        }
        if let [name] = path
            && !declared
            && let Some(error) = unassigned(&self.locals, name)
        {
            self.out.push(error);
            return None;
        }
        if let [batch, part] = path
            && let Some(local) = self.locals.get(&batch.text)
        {
            let help = pair_part(local.flow, &batch.text, &part.text);
            return self.check().wrong_type(expr, "a number", help);
        }
        match self.check().constant(expr)? {
            Constant::Number(number) => Some(Typed::number(number.value)),
            Constant::Bool(_) | Constant::Text(_) => {
                self.check().number(expr);
                None
            }
        }
    }

    /// Lowers a call of a function, or of a reward model used as one.
    fn call(&mut self, callee: &[Ident], args: &[Arg], span: Span) -> Option<Typed> {
        let word = path_text(callee);
        let at = callee.first()?.span.to(callee.last()?.span);
        let called = callee.first().filter(|_| callee.len() == 1).and_then(|name| self.program.scope.block(name));
        if let Some((global, decl)) = called {
            let (global, kind, declared) = (global.to_owned(), decl.kind?, decl.name);
            if kind == Kind::RewardModel {
                return self.reward_call(&global, args, span);
            }
            if kind == Kind::Objective {
                return self.objective_call(&global, args, span);
            }
            let error = Diagnostic::error(Code::WrongKind, at, format!("`{word}` is {}, not a function", kind.noun()))
                .also(declared, "declared here");
            self.out.push(match kind {
                Kind::Policy => error.help(format!("write `logp({word}, y)`")),
                Kind::Oracle => error.help(format!("write `score({word}, y)`")),
                _ => error.label("only a reward model or an objective is used as a function"),
            });
            return None;
        }
        if let Some(schema) = table::find(&word) {
            return self.function(schema, args, at, span);
        }
        if !self.program.scope.doubtful.contains(&word) {
            let scope = &self.program.scope;
            let functions = || table::all().iter().map(|function| function.name);
            let declared = || {
                let models = scope.of_kind(Kind::RewardModel, at.file);
                models.into_iter().chain(scope.of_items(Kind::Objective, at.file))
            };
            let worth = suggest::worth(self.out.len());
            let home = crate::stdlib::home(&word);
            let import = home.map(|module| format!("import it: `use {module} {{ {word} }}`"));
            let nearest = || suggest::nearest(&word, functions().chain(declared()));
            let nearest = || worth.then(nearest).flatten().map(|near| format!("did you mean `{near}`?"));
            self.out.push(
                Diagnostic::error(Code::UnknownFunction, at, format!("no function is called `{word}`"))
                    .label("unknown function")
                    .help(import.or_else(nearest).unwrap_or_else(|| {
                        format!("use a function of objectives, or declare `reward_model {word} {{ ... }}`")
                    })),
            );
        }
        None
    }
}
