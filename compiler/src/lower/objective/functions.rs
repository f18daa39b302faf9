//! The functions of objectives. A new one: a line in `schema/functions.rs`, an arm in `build`.

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Arg as Written, Expr as Ast, ExprKind, Ident};

use super::axes::{Row, Typed};
use crate::check::describe;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::lower::Lower;
use crate::plan::{Axis, BatchRef, BinaryOp, Expr, Leaf, Reduction, Side, UnaryOp};
use crate::schema::functions::{Arg, Function, FunctionSchema};
use crate::schema::Flow;
use crate::suggest;

/// A checked argument.
enum Bound {
    /// The plan's value of a player or an oracle, and the block's name.
    Block(String, String),
    Batch(BatchRef, Row),
    /// The plan's value of a preference set.
    Preferences(String),
    Value(Typed, Span),
    Number(f64),
}

/// The rows of a batch that a leaf is computed on.
struct Batch {
    at: BatchRef,
    row: Row,
}

impl Batch {
    /// One value a token.
    fn tokens(self, leaf: impl FnOnce(BatchRef) -> Leaf) -> Typed {
        let leaf = leaf(self.at.clone());
        Typed { expr: Expr::Leaf { leaf }, row: Some(self.row), token: Some(self.at) }
    }

    /// One value a row.
    fn rows(self, leaf: impl FnOnce(BatchRef) -> Leaf) -> Typed {
        Typed { expr: Expr::Leaf { leaf: leaf(self.at) }, row: Some(self.row), token: None }
    }
}

impl Lower<'_> {
    /// A call of a function.
    pub(super) fn function(&mut self, schema: &FunctionSchema, args: &[Written], at: Span, span: Span) -> Option<Typed> {
        if matches!(schema.function, Function::Chosen | Function::Rejected) {
            let error = Diagnostic::error(Code::WrongType, span, format!("expected a number, found the rows of `{}`", schema.name));
            self.out.push(error.label("a batch").help(format!("use a function of it: `r({})`", schema.usage)));
            return None;
        }
        let over = self.over(schema, args);
        if !self.arity(schema.name, schema.usage, schema.args.len(), args, at) {
            return None;
        }
        let bound: Vec<Option<Bound>> = schema.args.iter().zip(args).map(|(kind, arg)| self.bind(*kind, &arg.value)).collect();
        let bound: Vec<Bound> = bound.into_iter().collect::<Option<_>>()?;
        self.build(schema, bound, over?, span)
    }

    /// `r(y)`
    pub(super) fn reward_call(&mut self, model: &str, args: &[Written], span: Span) -> Option<Typed> {
        if !self.arity(model, &format!("{model}(y)"), 1, args, span) {
            return None;
        }
        let batch = self.batch(&args.first()?.value)?;
        Some(self.reward(model, batch))
    }

    /// The expression of a function whose arguments are right.
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
            // Batches, not values: see `function`.
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

    /// Reward of each row.
    fn reward(&self, model: &str, y: Batch) -> Typed {
        let reward_model = self.player(model);
        if self.block(model).word("head") == Some("token") {
            sum_tokens(y.tokens(|batch| Leaf::TokenReward { reward_model, batch }))
        } else {
            y.rows(|batch| Leaf::Reward { reward_model, batch })
        }
    }

    fn token_reward(&mut self, model: &str, y: Batch, span: Span) -> Option<Typed> {
        if self.block(model).word("head") == Some("sequence") {
            let error = Diagnostic::error(Code::NoTokenRewards, span, format!("`{model}` scores whole responses"))
                .label("token by token")
                .help(format!("write `{model}(y)`, or `head = token` in `{model}`"));
            self.out.push(match self.block(model).span("head") {
                Some(head) => error.also(head, "its head"),
                None => error,
            });
            return None;
        }
        let reward_model = self.player(model);
        Some(y.tokens(|batch| Leaf::TokenReward { reward_model, batch }))
    }

    /// Mean negative log-likelihood of preferences under the Bradley-Terry model: a scalar.
    pub(super) fn nll(&self, model: &str, prefs: &str) -> Typed {
        let side = |side| Batch {
            at: BatchRef { value: prefs.to_owned(), side: Some(side) },
            row: Row { value: prefs.to_owned(), name: prefs.to_owned(), pair: true },
        };
        let margin = difference(self.reward(model, side(Side::Chosen)), self.reward(model, side(Side::Rejected)));
        let row = margin.row;
        let flipped = Expr::Unary { op: UnaryOp::Neg, arg: Box::new(margin.expr) };
        let loss = Expr::Unary { op: UnaryOp::Softplus, arg: Box::new(flipped) };
        named("nll", mean(Typed { expr: loss, row, token: None }))
    }

    /// `mean` and `sum`: over everything (tokens are summed, then the rows), or over one axis.
    fn reduce(&mut self, reduction: Reduction, arg: Typed, over: Option<Ident>, span: Span) -> Option<Typed> {
        let Some(axis) = over else {
            if arg.row.is_none() {
                self.out.push(
                    Diagnostic::error(Code::WrongAxis, span, "there is nothing to reduce")
                        .label("this is a scalar already")
                        .help("remove it"),
                );
                return None;
            }
            let rows = if arg.token.is_some() { sum_tokens(arg) } else { arg };
            return Some(over_rows(reduction, rows));
        };
        match (axis.text.as_str(), &arg.row, &arg.token) {
            ("token", _, Some(_)) => {
                let expr = Expr::Reduce { reduction, axis: Axis::Token, arg: Box::new(arg.expr) };
                Some(Typed { expr, token: None, ..arg })
            }
            (name, Some(row), None) if name == row.axis() => Some(over_rows(reduction, arg)),
            (name, Some(row), Some(_)) if name == row.axis() => {
                self.wrong_axis(&axis, &arg, "reduce the tokens first: `sum(... over token)`")
            }
            _ => self.wrong_axis(&axis, &arg, "reduce over an axis that is there"),
        }
    }

    fn wrong_axis(&mut self, axis: &Ident, arg: &Typed, help: &str) -> Option<Typed> {
        let message = match axis.text.as_str() {
            "token" | "sample" | "pair" => format!("can't reduce over `{}` here", axis.text),
            other => format!("no axis is called `{other}`"),
        };
        let nearest = suggest::nearest(&axis.text, ["token", "sample", "pair"]).filter(|_| message.starts_with("no"));
        let help = nearest.map_or_else(|| help.to_owned(), |near| format!("did you mean `{near}`?"));
        self.out.push(Diagnostic::error(Code::WrongAxis, axis.span, message).label(format!("the argument is {}", arg.axes())).help(help));
        None
    }

    /// The `over AXIS` of a reduction. Nothing at all, if it is where none belongs.
    fn over(&mut self, schema: &FunctionSchema, args: &[Written]) -> Option<Option<Ident>> {
        let over = args.iter().find_map(|arg| arg.over.clone());
        if let Some(axis) = over.as_ref().filter(|_| !matches!(schema.function, Function::Mean | Function::Sum)) {
            self.out.push(
                Diagnostic::error(Code::WrongAxis, axis.span, format!("`{}` does not reduce", schema.name))
                    .label("only `mean` and `sum` are over an axis")
                    .help(format!("write `{}`", schema.usage)),
            );
            return None;
        }
        Some(over)
    }

    /// Whether the number of arguments is right, and none has a name.
    fn arity(&mut self, name: &str, usage: &str, wanted: usize, args: &[Written], at: Span) -> bool {
        if let Some(named) = args.iter().find_map(|arg| arg.name.as_ref()) {
            self.out.push(
                Diagnostic::error(Code::UnknownField, named.span, format!("`{name}` has no argument `{}`", named.text))
                    .label("functions of objectives have no named arguments")
                    .help(format!("write `{usage}`")),
            );
            return false;
        }
        if args.len() == wanted {
            return true;
        }
        let (code, place) = match args.get(wanted) {
            Some(extra) => (Code::TooManyArguments, extra.value.span),
            None => (Code::MissingField, at),
        };
        let plural = if wanted == 1 { "" } else { "s" };
        self.out.push(
            Diagnostic::error(code, place, format!("`{name}` takes {wanted} argument{plural}, found {}", args.len()))
                .label(if code == Code::MissingField { "too few arguments" } else { "no place for this one" })
                .help(format!("write `{usage}`")),
        );
        false
    }

    /// An argument, which must be of a kind.
    fn bind(&mut self, kind: Arg, expr: &Ast) -> Option<Bound> {
        match kind {
            Arg::Block(kind) => {
                let name = self.check().block_ref(kind, expr)?;
                self.need(&name);
                Some(Bound::Block(self.player(&name), name))
            }
            Arg::Batch => self.batch(expr).map(|batch| Bound::Batch(batch.at, batch.row)),
            Arg::Preferences => {
                let name = self.check().local_ref(Flow::Preferences, expr)?;
                Some(Bound::Preferences(self.local(&name)))
            }
            Arg::Value => self.value(expr).map(|value| Bound::Value(value, expr.span)),
            Arg::Number => self.check().number(expr).map(|number| Bound::Number(number.value)),
        }
    }

    /// Rollouts by name, or `chosen(prefs)`, `rejected(prefs)`.
    fn batch(&mut self, expr: &Ast) -> Option<Batch> {
        if let ExprKind::Call { callee, args } = &expr.kind {
            let side = match callee.first().map(|name| name.text.as_str()) {
                Some("chosen") => Side::Chosen,
                Some("rejected") => Side::Rejected,
                _ => {
                    let error = Diagnostic::error(Code::WrongType, expr.span, format!("expected rollouts, found {}", describe(&expr.kind)));
                    self.out.push(error.label("not a batch").help("write the name of rollouts, `chosen(prefs)` or `rejected(prefs)`"));
                    return None;
                }
            };
            let word = if side == Side::Chosen { "chosen" } else { "rejected" };
            if !self.arity(word, &format!("{word}(prefs)"), 1, args, expr.span) {
                return None;
            }
            let name = self.check().local_ref(Flow::Preferences, &args.first()?.value)?;
            let value = self.local(&name);
            return Some(Batch { at: BatchRef { value: value.clone(), side: Some(side) }, row: Row { value, name, pair: true } });
        }
        if let ExprKind::Path(path) = &expr.kind
            && let [name] = path.as_slice()
            && let Some(local) = self.locals.get(&name.text)
            && local.flow == Some(Flow::Preferences)
        {
            let text = &name.text;
            self.out.push(
                Diagnostic::error(Code::WrongKind, expr.span, "expected rollouts, found preferences")
                    .label(format!("`{text}` holds pairs"))
                    .also(local.span, "assigned here")
                    .help(format!("write `chosen({text})` or `rejected({text})`")),
            );
            return None;
        }
        let name = self.check().local_ref(Flow::Rollouts, expr)?;
        let value = self.local(&name);
        Some(Batch { at: BatchRef { value: value.clone(), side: None }, row: Row { value, name, pair: false } })
    }
}

impl Batch {
    fn copy(&self) -> Batch {
        Batch { at: self.at.clone(), row: self.row.clone() }
    }
}

fn token_logp(policy: String, y: Batch) -> Typed {
    y.tokens(|batch| Leaf::Logp { policy, batch })
}

fn sum_tokens(arg: Typed) -> Typed {
    let expr = Expr::Reduce { reduction: Reduction::Sum, axis: Axis::Token, arg: Box::new(arg.expr) };
    Typed { expr, token: None, ..arg }
}

fn over_rows(reduction: Reduction, arg: Typed) -> Typed {
    Typed::scalar(Expr::Reduce { reduction, axis: Axis::Row, arg: Box::new(arg.expr) })
}

fn mean(arg: Typed) -> Typed {
    over_rows(Reduction::Mean, arg)
}

fn named(name: &str, arg: Typed) -> Typed {
    arg.map(|arg| Expr::Named { name: name.to_owned(), arg })
}

/// Two values with the same axes.
fn difference(a: Typed, b: Typed) -> Typed {
    a.map(|left| Expr::Binary { op: BinaryOp::Sub, left, right: Box::new(b.expr) })
}

fn block(args: &mut impl Iterator<Item = Bound>) -> Option<String> {
    match args.next()? {
        Bound::Block(value, _) => Some(value),
        _ => None,
    }
}

fn block_name(args: &mut impl Iterator<Item = Bound>) -> Option<String> {
    match args.next()? {
        Bound::Block(_, name) => Some(name),
        _ => None,
    }
}

fn batch(args: &mut impl Iterator<Item = Bound>) -> Option<Batch> {
    match args.next()? {
        Bound::Batch(at, row) => Some(Batch { at, row }),
        _ => None,
    }
}

fn preferences(args: &mut impl Iterator<Item = Bound>) -> Option<String> {
    match args.next()? {
        Bound::Preferences(value) => Some(value),
        _ => None,
    }
}

fn value(args: &mut impl Iterator<Item = Bound>) -> Option<(Typed, Span)> {
    match args.next()? {
        Bound::Value(value, span) => Some((value, span)),
        _ => None,
    }
}

fn number(args: &mut impl Iterator<Item = Bound>) -> Option<f64> {
    match args.next()? {
        Bound::Number(value) => Some(value),
        _ => None,
    }
}
