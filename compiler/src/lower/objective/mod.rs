//! `ascend P on E`, `descend P on E [within C(prefs)]`: E becomes an expression over leaves.
//!
//! `axes.rs`: which axes a value has; `functions.rs`: the functions; `constraint.rs`: `within`;
//! `estimator.rs`: gradients through the player's own samples.

mod axes;
mod constraint;
mod estimator;
mod functions;

use std::collections::BTreeSet;

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Arg, BinaryOp as Written, Expr as Ast, ExprKind, Ident};

use super::{Lower, stage};
use crate::check::path_text;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::hir::Constant;
use crate::plan::{BinaryOp, Estimator, Expr, Leaf, UnaryOp};
use crate::schema::{Kind, functions as table};
use crate::suggest;
use axes::{Typed, combine};

impl Lower<'_> {
    /// One step of a player along an objective.
    pub(super) fn climb(&mut self, span: Span, ascend: bool, player: &Ident, objective: &Ast, within: Option<&Ast>) {
        let kind = self.mover(player);
        let name = player.text.clone();
        self.need(&name);
        let built = self.value(objective);
        let scalar = built.and_then(|built| self.scalar(built, objective.span));
        let scalar = match within {
            Some(within) => self.within(&name, ascend, scalar, within),
            None => scalar,
        };
        let (Some(kind), Some(scalar)) = (kind, scalar) else {
            self.step(&name);
            return;
        };
        let before = self.player(&name);
        let scalar = if kind == Kind::Policy { self.estimate(&name, &before, scalar, objective.span) } else { scalar };
        if !estimator::depends(&scalar, &before) {
            self.no_gradient(&name, kind, objective.span);
        }
        let mut made = stage(if ascend { "ascend" } else { "descend" }, &[]).with("player", before.clone());
        for (port, value) in inputs(&scalar, &before) {
            made = made.with(&port, value);
        }
        made.objective = Some(scalar);
        let after = self.step(&name);
        made.name.clone_from(&after);
        made.outputs = vec![after];
        self.push(made, span);
    }

    /// The next value of a player.
    fn step(&mut self, name: &str) -> String {
        let after = self.fresh(name);
        if let Some(value) = self.players.get_mut(name) {
            value.clone_from(&after);
        }
        after
    }

    /// The kind of the player that is moved; says so where it can't be.
    fn mover(&mut self, player: &Ident) -> Option<Kind> {
        let decl = self.program.scope.block(&player.text);
        let (kind, follows) = decl.map_or((None, None), |decl| (decl.kind, decl.follows));
        match kind {
            Some(Kind::Policy) => match follows {
                None => Some(Kind::Policy),
                Some(follows) => {
                    let leader = self.leader(&player.text);
                    self.out.push(
                        Diagnostic::error(Code::MovesFollower, player.span, format!("`{}` follows `{leader}`", player.text))
                            .label("a follower can't be moved")
                            .also(follows, "it follows another policy by this")
                            .help(format!("move `{leader}`")),
                    );
                    None
                }
            },
            Some(Kind::RewardModel) => Some(Kind::RewardModel),
            Some(_) => {
                self.check().named_block(Kind::Policy, player);
                None
            }
            None => {
                let local = self.locals.get(&player.text).is_some() || self.program.scope.params.contains_key(&player.text);
                if local {
                    self.check().named_block(Kind::Policy, player);
                } else if decl.is_none() {
                    self.check().unknown_block(&[Kind::Policy, Kind::RewardModel], player);
                }
                None
            }
        }
    }

    fn scalar(&mut self, built: Typed, span: Span) -> Option<Expr> {
        if built.row.is_none() && built.token.is_none() {
            return Some(built.expr);
        }
        self.out.push(
            Diagnostic::error(Code::NotScalar, span, "an objective is a single number")
                .label(format!("this has axes {}", built.axes()))
                .help("write `mean(...)` around it"),
        );
        None
    }

    fn no_gradient(&mut self, name: &str, kind: Kind, span: Span) {
        let help = match kind {
            Kind::Policy => format!("use `logp({name}, y)` or the like, or rollouts sampled from `{name}`"),
            _ => format!("use `{name}(y)` or the like"),
        };
        self.out.push(
            Diagnostic::error(Code::NoGradient, span, format!("this does not depend on `{name}`"))
                .label(format!("no gradient in `{name}`"))
                .help(help),
        );
    }

    /// Puts the policy's estimator around what its own samples are used for.
    fn estimate(&mut self, name: &str, value: &str, scalar: Expr, span: Span) -> Expr {
        let mut own: Vec<(String, i64, Span)> = Vec::new();
        estimator::leaves(&scalar, &mut |leaf| {
            let batches = reads(leaf).into_iter().filter_map(|(_, value)| Some((value, self.sampled.get(value)?)));
            for (value, (rollouts, at)) in batches.filter(|(_, (rollouts, _))| rollouts.policy.as_deref() == Some(name)) {
                own.push((value.to_owned(), rollouts.per_prompt, *at));
            }
        });
        own.dedup();
        let estimator = self.estimator(name);
        let names: BTreeSet<String> = own.iter().map(|(value, ..)| value.clone()).collect();
        let mut insert = estimator::Insert { own: &names, policy: value, estimator, used: BTreeSet::new() };
        let scalar = insert.scalar(scalar);
        let used = insert.used;
        if let Estimator::Rloo { group } | Estimator::Grpo { group } = estimator {
            for (_, per_prompt, at) in own.iter().filter(|(value, ..)| used.contains(value)) {
                if i64::try_from(group) != Ok(*per_prompt) {
                    self.group_mismatch(name, group, *per_prompt, *at, span);
                }
            }
        }
        scalar
    }

    fn group_mismatch(&mut self, name: &str, group: usize, per_prompt: i64, sampled: Span, span: Span) {
        if self.block(name).choice("estimator").is_none() {
            return;
        }
        let error = Diagnostic::error(Code::GroupMismatch, span, format!("the estimator of `{name}` needs groups of {group}"))
            .label(format!("uses rollouts in groups of {per_prompt}"))
            .also(sampled, "assigned here")
            .help(format!("write `per_prompt = {group}` there, or another `estimator` in `{name}`"));
        self.out.push(match self.block(name).span("estimator") {
            Some(at) => error.also(at, format!("its estimator has groups of {group}")),
            None => error,
        });
    }

    fn estimator(&self, name: &str) -> Estimator {
        let estimator = self.block(name).choice("estimator");
        let group = estimator.and_then(|choice| choice.args.int("group")).and_then(|group| usize::try_from(group).ok()).unwrap_or(4);
        match estimator.map(|choice| choice.name) {
            Some("reinforce") => Estimator::Reinforce,
            Some("grpo") => Estimator::Grpo { group },
            _ => Estimator::Rloo { group },
        }
    }

    /// The value of an expression, with its axes.
    fn value(&mut self, expr: &Ast) -> Option<Typed> {
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
            ExprKind::Binary { op, left, right } => {
                let (a, b) = (self.value(left), self.value(right));
                let op = match op {
                    Written::Add => BinaryOp::Add,
                    Written::Sub => BinaryOp::Sub,
                    Written::Mul => BinaryOp::Mul,
                    Written::Div => BinaryOp::Div,
                };
                self.binary(op, (a?, left.span), (b?, right.span), expr.span)
            }
            ExprKind::Call { callee, args } => self.call(callee, args, expr.span),
            ExprKind::Record { .. } | ExprKind::List(_) => {
                self.out.push(
                    Diagnostic::error(Code::WrongType, expr.span, format!("expected an expression, found {}", crate::check::describe(&expr.kind)))
                        .label("not part of an objective"),
                );
                None
            }
            ExprKind::Error => None,
        }
    }

    /// Two values with one operator between them.
    fn binary(&mut self, op: BinaryOp, left: (Typed, Span), right: (Typed, Span), span: Span) -> Option<Typed> {
        let ((a, a_span), (b, b_span)) = (left, right);
        let (row, token) = match combine(&a, &b) {
            Ok(axes) => axes,
            Err(help) => {
                self.out.push(
                    Diagnostic::error(Code::AxesMismatch, b_span, format!("{} does not go with {}", b.axes(), a.axes()))
                        .label(format!("{}", b.axes()))
                        .also(a_span, format!("{}", a.axes()))
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
                    self.out.push(Diagnostic::error(Code::NotFinite, span, "this is not a finite number").label("beyond what can be computed with"));
                    return None;
                }
                Expr::Const { value }
            }
            _ => Expr::Binary { op, left: Box::new(a.expr), right: Box::new(b.expr) },
        };
        Some(Typed { expr, row, token })
    }

    /// A name in an expression: only a parameter has a value by itself.
    fn name_value(&mut self, path: &[Ident], expr: &Ast) -> Option<Typed> {
        let name = path_text(path);
        if let Some(local) = self.locals.get(&name) {
            let flow = local.flow?;
            let example = match flow {
                crate::schema::Flow::Rollouts => format!("use a function of it: `r({name})`, `logp(pi, {name})`"),
                crate::schema::Flow::Preferences => format!("use a function of it: `chosen({name})`, `size({name})`"),
                crate::schema::Flow::Report => "a report can't be part of an objective".into(),
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
            && !self.program.scope.blocks.contains_key(&name.text)
            && !self.program.scope.params.contains_key(&name.text)
            && let Some(error) = crate::check::unassigned(&self.locals, name)
        {
            self.out.push(error);
            return None;
        }
        match self.check().constant(expr)? {
            Constant::Number(number) => Some(Typed::number(number.value)),
            Constant::Bool(_) | Constant::Text(_) => {
                self.check().number(expr);
                None
            }
        }
    }

    /// A function, or a reward model used as one.
    fn call(&mut self, callee: &[Ident], args: &[Arg], span: Span) -> Option<Typed> {
        let word = path_text(callee);
        let at = callee.first()?.span.to(callee.last()?.span);
        if let Some(decl) = self.program.scope.block(&word) {
            let (kind, declared) = (decl.kind?, decl.name);
            if kind == Kind::RewardModel {
                return self.reward_call(&word, args, span);
            }
            let error = Diagnostic::error(Code::WrongKind, at, format!("`{word}` is {}, not a function", kind.noun())).also(declared, "declared here");
            self.out.push(match kind {
                Kind::Policy => error.help(format!("write `logp({word}, y)`")),
                Kind::Oracle => error.help(format!("write `score({word}, y)`")),
                _ => error.label("only a reward model is used as a function"),
            });
            return None;
        }
        if let Some(schema) = table::find(&word) {
            return self.function(schema, args, at, span);
        }
        if !self.program.scope.doubtful.contains(&word) {
            let models = self.program.scope.of_kind(Kind::RewardModel);
            let names = table::FUNCTIONS.iter().map(|function| function.name).chain(models);
            let nearest = suggest::nearest(&word, names).map(|near| format!("did you mean `{near}`?"));
            self.out.push(
                Diagnostic::error(Code::UnknownFunction, at, format!("no function is called `{word}`"))
                    .label("unknown function")
                    .help(nearest.unwrap_or_else(|| format!("use a function of objectives, or declare `reward_model {word} {{ ... }}`"))),
            );
        }
        None
    }
}

/// The values that an objective reads, with unique ports; the player itself is not among them.
fn inputs(expr: &Expr, player: &str) -> Vec<(String, String)> {
    let (mut ports, mut seen) = (Vec::<(String, String)>::new(), BTreeSet::from([player.to_owned()]));
    estimator::leaves(expr, &mut |leaf| {
        for (kind, value) in reads(leaf) {
            if !seen.insert(value.to_owned()) {
                continue;
            }
            let before = ports.iter().filter(|(port, _)| port.split('.').next() == Some(kind)).count();
            let port = if before == 0 { kind.to_owned() } else { format!("{kind}.{}", before + 1) };
            ports.push((port, value.to_owned()));
        }
    });
    ports
}

/// The values that a leaf reads, with their kinds.
fn reads(leaf: &Leaf) -> Vec<(&'static str, &str)> {
    fn of(batch: &crate::plan::BatchRef) -> (&'static str, &str) {
        (if batch.side.is_some() { "preferences" } else { "rollouts" }, &batch.value)
    }
    match leaf {
        Leaf::Logp { policy, batch } | Leaf::Entropy { policy, batch } => vec![("policy", policy), of(batch)],
        Leaf::Kl { p, q, batch } => vec![("policy", p), ("policy", q), of(batch)],
        Leaf::TokenReward { reward_model, batch } | Leaf::Reward { reward_model, batch } => {
            vec![("reward_model", reward_model), of(batch)]
        }
        Leaf::Score { oracle, batch } => vec![("oracle", oracle), of(batch)],
        Leaf::Size { preferences } => vec![("preferences", preferences)],
    }
}
