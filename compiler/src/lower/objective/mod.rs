//! `ascend P on E`, `descend P on E [within C(prefs)]`: turns E into an expression over leaves.
//!
//! `values.rs`: terms and operators; `args.rs`, `functions.rs`, `reduce.rs`: calls; `axes.rs`: the axes of a value;
//! `constraint.rs`: `within`; `estimator.rs`: gradients through the player's own samples.

mod args;
mod axes;
mod constraint;
mod estimator;
mod frozen;
mod functions;
mod named;
mod reduce;
mod values;

use std::collections::BTreeSet;

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Expr as Ast, ExprKind, Ident};
use pbpo_plan::{Estimator, Expr, Leaf, Op, Stage, ValueName};

use super::Lower;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::schema::Kind;
use axes::Typed;

impl Lower<'_> {
    /// Lowers one step of a player along an objective.
    pub(super) fn climb(&mut self, span: Span, ascend: bool, player: &Ident, objective: &Ast, within: Option<&Ast>) {
        if let Some(game) = self.game(objective) {
            self.mover(player);
            self.solve(span, ascend, player, &game, within);
            return;
        }
        if self.game_within(objective) {
            return;
        }
        let kind = self.mover(player);
        let name = self.program.scope.global(player).unwrap_or(&player.text).to_owned();
        self.need(&name);
        let built = if self.no_objective(objective) { None } else { self.value(objective) };
        let scalar = built.and_then(|built| self.scalar(built, objective.span));
        if self.is_linear(&name) {
            return self.worst(span, ascend, player, scalar, within);
        }
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
            let cancels = estimator::read_by(&scalar, &before);
            self.no_gradient(&name, kind, objective, cancels);
        }
        let mut made = Stage::new(if ascend { Op::Ascend } else { Op::Descend }, &[]).with("player", before.clone());
        for (port, value) in inputs(&scalar, &before) {
            made = made.with(&port, value);
        }
        made.objective = Some(scalar);
        let after = self.step(&name);
        made.name = after.to_string();
        made.outputs = vec![after];
        self.push(made, span);
    }

    /// Returns the next value of a player.
    pub(in crate::lower) fn step(&mut self, name: &str) -> ValueName {
        let after = self.fresh(name);
        if let Some(value) = self.players.get_mut(name) {
            value.clone_from(&after);
        }
        after
    }

    /// Reports an unknown name in the place of an objective. Returns true if it did.
    fn no_objective(&mut self, objective: &Ast) -> bool {
        let ExprKind::Path(path) = &objective.kind else { return false };
        let [name] = path.as_slice() else { return false };
        let scope = &self.program.scope;
        let known = scope.global(name).is_some() || self.locals.assigned.contains_key(&name.text);
        if known || self.locals.map.contains_key(&name.text) || scope.doubtful.contains(&name.text) {
            return false;
        }
        let message = format!("no objective is called `{}`", name.text);
        let error = Diagnostic::error(Code::UnknownName, name.span, message).label("an expression belongs here");
        self.out.push(match crate::stdlib::home(&name.text) {
            Some(module) => {
                error.help(format!("import it, `use {module} {{ {0} }}`, and call it: `{0}(...)`", name.text))
            }
            None => error.help(format!("declare it, `objective {0}(...) = ...`, and call it: `{0}(...)`", name.text)),
        });
        true
    }

    /// Returns the kind of the moved player; reports an error if it cannot be moved.
    fn mover(&mut self, player: &Ident) -> Option<Kind> {
        let decl = self.program.scope.block(player);
        let (kind, follows) = decl.map_or((None, None), |(_, decl)| (decl.kind, decl.follows));
        match kind {
            Some(Kind::Policy) => match follows {
                None => Some(Kind::Policy),
                Some(follows) => {
                    let leader = self.leader(self.program.scope.global(player).unwrap_or(&player.text));
                    self.out.push(
                        Diagnostic::error(
                            Code::MovesFollower,
                            player.span,
                            format!("`{}` follows `{leader}`", player.text),
                        )
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
                let scope = &self.program.scope;
                let param = scope.global(player).is_some_and(|name| scope.params.contains_key(name));
                if param || self.locals.get(&player.text).is_some() {
                    self.check().named_block(Kind::Policy, player);
                } else if decl.is_none() {
                    self.check().unknown_block(&[Kind::Policy, Kind::RewardModel], player);
                }
                None
            }
        }
    }

    /// Checks the value of an objective's definition, which must be a single number or have rows.
    pub(super) fn objective_value(&mut self, expr: &Ast) {
        self.value(expr);
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

    /// Reports that an objective has no gradient. `cancels` is true if the player's terms cancel.
    fn no_gradient(&mut self, name: &str, kind: Kind, objective: &Ast, cancels: bool) {
        let help = match kind {
            Kind::Policy if cancels => {
                format!("name a frozen policy there: `policy ref {{ follows = {name}, update = sft }}`")
            }
            Kind::Policy => format!("use `logp({name}, y)` or the like, or rollouts sampled from `{name}`"),
            _ => format!("use `{name}(y)` or the like"),
        };
        let (span, why) = if cancels {
            (objective.span, format!("`{name}` is compared with itself"))
        } else {
            self.frozen(name, objective).unwrap_or((objective.span, format!("no gradient in `{name}`")))
        };
        let message = format!("this does not depend on `{name}`");
        self.out.push(Diagnostic::error(Code::NoGradient, span, message).label(why).help(help));
    }

    /// Puts the policy's estimator around the uses of its own samples.
    fn estimate(&mut self, name: &str, value: &ValueName, scalar: Expr, span: Span) -> Expr {
        let mut own: Vec<(ValueName, i64, Span)> = Vec::new();
        for leaf in scalar.leaves() {
            let batches = reads(leaf).into_iter().filter_map(|(_, value)| Some((value, self.sampled.get(value)?)));
            for (value, (rollouts, at)) in batches.filter(|(_, (rollouts, _))| rollouts.policy.as_deref() == Some(name))
            {
                own.push((value.clone(), rollouts.per_prompt, *at));
            }
        }
        if own.is_empty() {
            return scalar;
        }
        own.dedup();
        let estimator = self.estimator(name);
        let names: BTreeSet<ValueName> = own.iter().map(|(value, ..)| value.clone()).collect();
        if let Some(batch) = estimator::surrogate(&scalar, value, &names) {
            let sampled = own.iter().find(|(own, ..)| own == batch).map(|(_, _, at)| *at);
            self.ratio_of_samples(name, span, sampled);
        }
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

    /// Reports an objective that contains the gradient through its samples, if an estimator also adds that gradient.
    fn ratio_of_samples(&mut self, name: &str, span: Span, sampled: Option<Span>) {
        let error = Diagnostic::error(
            Code::RatioOfSamples,
            span,
            format!("a ratio of probabilities on samples of `{name}` itself"),
        )
        .label("the gradient through the samples would count twice");
        let error = match sampled {
            Some(at) => error.also(at, format!("sampled from `{name}` here")),
            None => error,
        };
        self.out.push(error.help(format!(
            "leave the ratio out: the estimator of `{name}` is around its own samples; or sample from a frozen copy, \
             `policy old {{ follows = {name}, update = each_episode }}`"
        )));
    }

    fn group_mismatch(&mut self, name: &str, group: usize, per_prompt: i64, sampled: Span, span: Span) {
        if self.block(name).choice("estimator").is_none() {
            return;
        }
        let error =
            Diagnostic::error(Code::GroupMismatch, span, format!("the estimator of `{name}` needs groups of {group}"))
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
        let group = estimator
            .and_then(|choice| choice.args.int("group"))
            .and_then(|group| usize::try_from(group).ok())
            .unwrap_or(4);
        match estimator.map(|choice| choice.name) {
            Some("reinforce") => Estimator::Reinforce,
            Some("grpo") => Estimator::Grpo { group },
            _ => Estimator::Rloo { group },
        }
    }
}

/// Returns the values that an objective reads, with unique ports, without the player itself.
fn inputs<'e>(expr: &'e Expr, player: &'e ValueName) -> Vec<(String, ValueName)> {
    let (mut ports, mut seen) = (Vec::<(String, ValueName)>::new(), BTreeSet::from([player]));
    for leaf in expr.leaves() {
        for (kind, value) in reads(leaf) {
            if !seen.insert(value) {
                continue;
            }
            let before = ports.iter().filter(|(port, _)| port.split('.').next() == Some(kind)).count();
            let port = if before == 0 { kind.to_owned() } else { format!("{kind}.{}", before + 1) };
            ports.push((port, value.clone()));
        }
    }
    ports
}

/// Returns the values that a leaf reads, with their kinds.
fn reads(leaf: &Leaf) -> Vec<(&'static str, &ValueName)> {
    fn of(batch: &pbpo_plan::BatchRef) -> (&'static str, &ValueName) {
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
