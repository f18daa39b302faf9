//! The exact track: stages of worlds and of the players in them, and the step that solves the game.
//!
//! The operations are those of the practical track, on other values, with one difference: in `ascend pi on gap(r, pi,
//! ref) within C(prefs)` the gap is between policies, not between samples, and the worst reward in the set is found
//! within the step, which is one stage, `solve`.

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Expr as Ast, ExprKind, Ident};
use pbpo_plan::ops::sample::InWorld;
use pbpo_plan::ops::{exploration, keep, policy, reward_model, world};
use pbpo_plan::{Op, Stage, ValueName};

use super::Lower;
use super::prelude::whole;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::hir::Args;
use crate::schema::Kind;
use crate::scope::Rollouts;

/// The terms of `gap(r, pi, ref)` between policies.
pub(super) struct Game<'e> {
    pub reward: &'e Ident,
    pub policy: &'e Ident,
    pub against: &'e Ident,
}

impl Lower<'_> {
    /// Tells whether a block belongs to the exact track.
    pub(super) fn in_world(&self, name: &str) -> bool {
        self.block(name).name("world").is_some()
    }

    pub(super) fn is_world(&self, name: &str) -> bool {
        self.program.scope.blocks.get(name).is_some_and(|decl| decl.kind == Some(Kind::World))
    }

    /// Makes the stage of a world.
    pub(super) fn world(&mut self, name: &str) {
        let args = self.block(name);
        let settings = || {
            Some(world::Settings {
                instance: args.choice("of")?.tagged("of")?,
                norm: args.float("norm")?,
                misspecified: args.float("misspecified")?,
                per_step: args.word("reward")? == "token",
            })
        };
        let made = Stage::new(Op::World, &[&ValueName::of(name)]).with_settings(&settings());
        self.add(name, made);
        self.idle_fields(name);
    }

    /// Makes the stage of a block in a world, without its settings.
    fn citizen(&mut self, op: Op, name: &str) -> Stage {
        let value = self.fresh(name);
        self.players.insert(name.to_owned(), value.clone());
        let world = self.block(name).name("world").unwrap_or_default().to_owned();
        self.need(&world);
        Stage::new(op, &[&value]).with("world", ValueName::of(&world))
    }

    pub(super) fn exact_policy(&mut self, name: &str) {
        self.points_need_a_bandit(name);
        let made = self.citizen(Op::Policy, name);
        let class = self.block(name).choice("class").and_then(|class| class.tagged("is"));
        self.add(name, made.with_settings(&class.map(|class| policy::InWorld { class })));
    }

    pub(super) fn exact_reward_model(&mut self, name: &str) {
        self.steps_need_tokens(name);
        let made = self.citizen(Op::RewardModel, name);
        let settings = self.block(name).settings::<reward_model::InWorld>();
        self.add(name, made.with_settings(&settings));
    }

    pub(super) fn exact_exploration(&mut self, name: &str) {
        self.steps_need_tokens(name);
        if let Some(of) = self.searched(name) {
            self.need(&of);
        }
        let made = self.citizen(Op::Exploration, name);
        let args = self.block(name);
        let settings = || {
            Some(exploration::InWorld {
                bonus: args.setting("bonus")?,
                ridge: args.float("ridge")?,
                covariance: args.setting("covariance")?,
                search: args.choice("search")?.tagged("is")?,
            })
        };
        let made = made.with_settings(&settings());
        self.add(name, made);
    }

    /// Returns the player for which an exploration searches.
    fn searched(&self, exploration: &str) -> Option<String> {
        self.block(exploration).choice("search")?.args.name("of").map(str::to_owned)
    }

    /// Lowers `sample(pi, world, count = n)`.
    pub(super) fn exact_sample(&mut self, args: &Args, output: &ValueName, span: Span) -> Option<Rollouts> {
        let (policy, world) = (args.name("policy")?.to_owned(), args.name("prompts")?.to_owned());
        let count = args.int("count")?;
        self.need(&policy);
        self.need(&world);
        self.acts_in(&policy, &world, args.span("policy").unwrap_or(span));
        let made = Stage::new(Op::Sample, &[output])
            .with("policy", self.player(&policy))
            .with("prompts", ValueName::of(&world))
            .with_settings(&InWorld { count: whole(count) });
        self.push(made, span);
        let drawn = Some(output.clone());
        Some(Rollouts { policy: Some(policy), prompts: Some(world), count, per_prompt: 1, drawn })
    }

    /// Lowers `explore(e, world, against = y)`.
    pub(super) fn exact_explore(&mut self, args: &Args, output: &ValueName, span: Span) -> Option<Rollouts> {
        let exploration = args.name("exploration")?.to_owned();
        let world = args.name("prompts")?.to_owned();
        let local = self.locals.get(args.name("against")?)?.clone();
        self.need(&exploration);
        self.acts_in(&exploration, &world, args.span("exploration").unwrap_or(span));
        let next = self.fresh(&exploration);
        let mut made = Stage::new(Op::Explore, &[output, &next])
            .with("exploration", self.player(&exploration))
            .with("against", local.value);
        if let Some(of) = self.searched(&exploration) {
            made = made.with("of", self.player(&of));
        }
        self.push(made, span);
        self.players.insert(exploration, next);
        local.rollouts.map(|rollouts| Rollouts { policy: None, ..rollouts })
    }

    /// Returns the game of an objective, if it is one between policies.
    pub(super) fn game<'e>(&self, objective: &'e Ast) -> Option<Game<'e>> {
        let ExprKind::Call { callee, args } = &objective.kind else { return None };
        let name = |at: usize, kind: Kind| {
            let ExprKind::Path(path) = &args.get(at)?.value.kind else { return None };
            let [name] = path.as_slice() else { return None };
            (self.program.scope.peek(name)?.kind == Some(kind)).then_some(name)
        };
        if !matches!(callee.as_slice(), [word] if word.text == "gap") || args.len() != 3 {
            return None;
        }
        let (reward, policy) = (name(0, Kind::RewardModel)?, name(1, Kind::Policy)?);
        Some(Game { reward, policy, against: name(2, Kind::Policy)? })
    }

    /// Returns the reward model that a step changes beside its player.
    pub(super) fn game_reward(&self, objective: &Ast) -> Option<&str> {
        self.game(objective).and_then(|game| self.program.scope.global(game.reward))
    }

    /// Lowers `ascend pi on gap(r, pi, ref) within C(prefs)`: the policy that is best against the worst reward.
    pub(super) fn solve(&mut self, span: Span, ascend: bool, player: &Ident, game: &Game<'_>, within: Option<&Ast>) {
        let names = [game.policy, game.against, game.reward].map(|name| {
            let scope = &self.program.scope;
            scope.block(name).map_or_else(|| name.text.clone(), |(global, _)| global.to_owned())
        });
        let [policy, against, reward] = &names;
        names.iter().for_each(|name| self.need(name));
        if let Some(world) = self.block(reward).name("world").map(str::to_owned) {
            self.acts_in(policy, &world, game.policy.span);
            self.acts_in(against, &world, game.against.span);
        }
        let moved = self.program.scope.global(player) == Some(policy.as_str());
        if moved && !ascend {
            self.lowers_its_gap(span, &player.text);
        }
        if self.elsewhere(reward) || !moved {
            self.not_a_game(span, &player.text, game);
        }
        let Some(within) = within else { return self.no_set(span) };
        let Some((constraint, prefs)) = self.constraint(within) else { return };
        let on = self.block(&constraint).name("on").map(str::to_owned);
        if let Some(on) = on.filter(|on| on != reward) {
            self.other_model(&constraint, &on, reward, within);
        }
        let keep = self.block(&constraint).choice("keep").and_then(|keep| keep.tagged("is"));
        let (before, old) = (self.player(policy), self.player(reward));
        let (after, next) = (self.fresh(policy), self.fresh(reward));
        let made = Stage::new(Op::Solve, &[&after, &next])
            .with("policy", before)
            .with("against", self.player(against))
            .with("reward_model", old)
            .with("preferences", prefs)
            .with_settings(&keep.map(|keep| keep::Settings { keep }));
        self.players.insert(policy.clone(), after);
        self.players.insert(reward.clone(), next);
        self.push(made, span);
    }

    /// Lowers `regret(pi, y0, y1)`.
    pub(super) fn regret(&mut self, args: &Args, output: &ValueName, span: Span) {
        let policy = args.name("policy").unwrap_or_default().to_owned();
        self.need(&policy);
        if self.elsewhere(&self.leader(&policy)) {
            let at = args.span("policy").unwrap_or(span);
            self.out.push(
                Diagnostic::error(Code::WrongKind, at, format!("`{policy}` is of no world"))
                    .label("its regret is not known")
                    .help("measure it with `evaluate`"),
            );
        }
        let side = |port: &str| args.name(port).map(|name| self.local(name));
        let made = Stage::new(Op::Regret, &[output])
            .with("policy", self.player(&policy))
            .with("first", side("first"))
            .with("second", side("second"));
        self.push(made, span);
    }
}
