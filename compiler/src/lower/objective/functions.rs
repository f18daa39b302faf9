//! The functions of objectives. Each has a line in `schema/functions.rs` and an arm in `build`.

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Arg as Written, Ident};
use pbpo_plan::{BatchRef, BinaryOp, Expr, Leaf, Reduction, Side, UnaryOp, ValueName};

use super::args::{Batch, Bound, batch, block, block_name, number, preferences, value};
use super::axes::{Row, Typed};
use super::reduce::{over_rows, sum_tokens};
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::lower::Lower;
use crate::schema::functions::{Function, FunctionSchema};

impl Lower<'_> {
    /// Lowers a call of a function.
    pub(super) fn function(
        &mut self,
        schema: &FunctionSchema,
        args: &[Written],
        at: Span,
        span: Span,
    ) -> Option<Typed> {
        if matches!(schema.function, Function::Chosen | Function::Rejected) {
            let error = Diagnostic::error(
                Code::WrongType,
                span,
                format!("expected a number, found the rows of `{}`", schema.name),
            );
            self.out.push(error.label("a batch").help(format!("use a function of it: `r({})`", schema.usage)));
            return None;
        }
        let over = self.over(schema, args);
        if !self.arity(schema.name, schema.usage, schema.args.len(), args, at) {
            return None;
        }
        let bound: Vec<Option<Bound>> =
            schema.args.iter().zip(args).map(|(kind, arg)| self.bind(*kind, &arg.value)).collect();
        let bound: Vec<Bound> = bound.into_iter().collect::<Option<_>>()?;
        self.build(schema, bound, over?, span)
    }

    /// Lowers `r(y)`.
    pub(super) fn reward_call(&mut self, model: &str, args: &[Written], span: Span) -> Option<Typed> {
        if !self.arity(model, &format!("{model}(y)"), 1, args, span) {
            return None;
        }
        let batch = self.batch(&args.first()?.value)?;
        Some(self.reward(model, batch))
    }

    /// Returns the expression of a function with valid arguments.
    fn build(&mut self, schema: &FunctionSchema, args: Vec<Bound>, over: Option<Ident>, span: Span) -> Option<Typed> {
        let mut args = args.into_iter();
        let unary = |op: UnaryOp, arg: Typed| arg.map(|arg| Expr::Unary { op, arg });
        Some(match schema.function {
            Function::Logp => sum_tokens(token_logp(block(&mut args)?, batch(&mut args)?)),
            Function::TokenLogp => token_logp(block(&mut args)?, batch(&mut args)?),
            Function::Ratio => {
                let (p, q, y) = (block(&mut args)?, block(&mut args)?, batch(&mut args)?);
                difference(sum_tokens(token_logp(p, y.copy())), sum_tokens(token_logp(q, y)))
            }
            Function::TokenRatio => {
                let (p, q, y) = (block(&mut args)?, block(&mut args)?, batch(&mut args)?);
                difference(token_logp(p, y.copy()), token_logp(q, y))
            }
            Function::TokenReward => {
                let (model, y) = (block_name(&mut args)?, batch(&mut args)?);
                self.token_reward(&model, y, span)?
            }
            Function::Kl => {
                let (p, q, y) = (block(&mut args)?, block(&mut args)?, batch(&mut args)?);
                named("kl", mean(sum_tokens(y.tokens(|batch| Leaf::Kl { p, q, batch }))))
            }
            Function::Entropy => {
                let (policy, y) = (block(&mut args)?, batch(&mut args)?);
                named("entropy", mean(sum_tokens(y.tokens(|batch| Leaf::Entropy { policy, batch }))))
            }
            Function::Gap => {
                let (model, y, y0) = (block_name(&mut args)?, batch(&mut args)?, batch(&mut args)?);
                let (a, b) = (self.reward(&model, y), self.reward(&model, y0));
                named("gap", difference(mean(a), mean(b)))
            }
            Function::Nll => {
                let (model, prefs) = (block_name(&mut args)?, preferences(&mut args)?);
                self.nll(&model, &prefs)
            }
            Function::Score => {
                let (oracle, y) = (block(&mut args)?, batch(&mut args)?);
                self.has_score(oracle.block(), span);
                y.rows(|batch| Leaf::Score { oracle, batch })
            }
            Function::Size => Typed::scalar(Expr::Leaf { leaf: Leaf::Size { preferences: preferences(&mut args)? } }),
            Function::Mean => self.reduce(Reduction::Mean, value(&mut args)?.0, over, span)?,
            Function::Sum => self.reduce(Reduction::Sum, value(&mut args)?.0, over, span)?,
            Function::Exp => unary(UnaryOp::Exp, value(&mut args)?.0),
            Function::Log => unary(UnaryOp::Log, value(&mut args)?.0),
            Function::LogSigmoid => unary(UnaryOp::LogSigmoid, value(&mut args)?.0),
            Function::Softplus => unary(UnaryOp::Softplus, value(&mut args)?.0),
            Function::Square => unary(UnaryOp::Square, value(&mut args)?.0),
            Function::Clip => {
                let (arg, low, high) = (value(&mut args)?.0, number(&mut args)?, number(&mut args)?);
                self.clip_range(low, high, span)?;
                arg.map(|arg| Expr::Clip { arg, low, high })
            }
            Function::Min => self.binary(BinaryOp::Min, value(&mut args)?, value(&mut args)?, span)?,
            Function::Max => self.binary(BinaryOp::Max, value(&mut args)?, value(&mut args)?, span)?,
            Function::StopGradient => value(&mut args)?.0.map(|arg| Expr::StopGrad { arg }),
            // These are batches, not values: see `function`.
            Function::Chosen | Function::Rejected => return None,
        })
    }

    fn clip_range(&mut self, low: f64, high: f64, span: Span) -> Option<()> {
        if low <= high {
            return Some(());
        }
        self.out.push(
            Diagnostic::error(Code::OutOfRange, span, "an empty range")
                .label(format!("{low} is above {high}"))
                .help(format!("write `clip(..., {high}, {low})`")),
        );
        None
    }

    /// Returns the reward of each row.
    fn reward(&self, model: &str, y: Batch) -> Typed {
        let reward_model = self.player(model);
        if self.block(model).word("head") == Some("token") {
            sum_tokens(y.tokens(|batch| Leaf::TokenReward { reward_model, batch }))
        } else {
            y.rows(|batch| Leaf::Reward { reward_model, batch })
        }
    }

    fn token_reward(&mut self, model: &str, y: Batch, span: Span) -> Option<Typed> {
        if self.block(model).word("head") == Some("sequence") || self.is_linear(model) {
            let help = if self.is_linear(model) { "" } else { &format!(", or `head = token` in `{model}`") };
            let error = Diagnostic::error(Code::NoTokenRewards, span, format!("`{model}` scores whole responses"))
                .label("token by token")
                .help(format!("write `{model}(y)`{help}"));
            self.out.push(match self.block(model).span("head") {
                Some(head) => error.also(head, "its head"),
                None => error,
            });
            return None;
        }
        let reward_model = self.player(model);
        Some(y.tokens(|batch| Leaf::TokenReward { reward_model, batch }))
    }

    /// Reports a score of a judge, which compares two responses and gives none to a single one.
    fn has_score(&mut self, oracle: &str, span: Span) {
        let Some(by) = self.block(oracle).word("by").filter(|by| matches!(*by, "chat" | "decision" | "recorded"))
        else {
            return;
        };
        let error = Diagnostic::error(Code::WrongKind, span, format!("`{oracle}` compares two responses"))
            .label("a score of one response is wanted")
            .help("use an oracle with a score: `btl`, `verifier` or `reward_model`");
        self.out.push(match self.block(oracle).span("by") {
            Some(at) => error.also(at, format!("`{by}` labels pairs")),
            None => error,
        });
    }

    /// Returns the mean negative log-likelihood of preferences under the Bradley-Terry model, a scalar.
    pub(super) fn nll(&self, model: &str, prefs: &ValueName) -> Typed {
        let side = |side| Batch {
            at: BatchRef { value: prefs.clone(), side: Some(side) },
            row: Row { value: prefs.clone(), name: prefs.to_string(), pair: true },
        };
        let margin = difference(self.reward(model, side(Side::Chosen)), self.reward(model, side(Side::Rejected)));
        let row = margin.row;
        let flipped = Expr::Unary { op: UnaryOp::Neg, arg: Box::new(margin.expr) };
        let loss = Expr::Unary { op: UnaryOp::Softplus, arg: Box::new(flipped) };
        named("nll", mean(Typed { expr: loss, row, token: None }))
    }
}

fn token_logp(policy: ValueName, y: Batch) -> Typed {
    y.tokens(|batch| Leaf::Logp { policy, batch })
}

fn mean(arg: Typed) -> Typed {
    over_rows(Reduction::Mean, arg)
}

fn named(name: &str, arg: Typed) -> Typed {
    arg.map(|arg| Expr::Named { name: name.to_owned(), arg })
}

/// Returns the difference of two values with the same axes.
fn difference(a: Typed, b: Typed) -> Typed {
    a.map(|left| Expr::Binary { op: BinaryOp::Sub, left, right: Box::new(b.expr) })
}
