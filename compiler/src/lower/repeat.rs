//! Loops: the values that they carry from one iteration to the next, and the stages before them.

use std::collections::BTreeMap;

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Body as Braces, Expr, ExprKind, Ident, Number, Stmt};
use pbpo_plan::ops::follow::Update;
use pbpo_plan::ops::{refresh, repeat};
use pbpo_plan::{Body, Carry, Op, Stage, ValueName};

use super::Lower;
use super::prelude::whole;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::schema::{Kind, Range};
use crate::scope::Local;
use crate::scope::Rollouts;
use crate::units::Unit;

/// The largest number of iterations of one loop.
const MOST_ITERATIONS: f64 = 1e9;

impl Lower<'_> {
    /// Lowers `repeat COUNT [episodes] { ... }`.
    pub(super) fn repeat(&mut self, span: Span, count: &Expr, unit: Option<&Ident>, body: &Braces) {
        let outermost = self.depth == 0;
        let (count, unit) = self.count(count, unit);
        if outermost {
            self.evaluate_before(&body.stmts);
            self.make_sets(&body.stmts);
        }
        let mut changed = Vec::new();
        self.changes(&body.stmts, &mut changed);
        if outermost {
            self.refreshed(&mut changed);
        }
        let mut before = BTreeMap::new();
        self.before(&body.stmts, &mut before);
        let outer = std::mem::take(&mut self.stages);
        let mut carries: Vec<(String, Carry)> = Vec::new();
        for name in changed {
            let Some(from) = self.current(&name) else { continue };
            let enter = self.fresh(&name);
            self.assign_current(&name, enter.clone());
            // What comes back and goes out is known after the body.
            carries.push((name, Carry { back: enter.clone(), out: from.clone(), from, enter }));
        }
        self.depth += 1;
        if outermost {
            self.refresh(&carries, span);
        }
        for stmt in &body.stmts {
            self.stmt(stmt);
        }
        self.depth -= 1;
        for (name, carry) in &mut carries {
            carry.back = self.current(name).unwrap_or_else(|| carry.enter.clone());
        }
        // Variables of the body end with it; earlier ones continue.
        for (name, before) in before {
            let ended = self.locals.map.remove(name);
            if let Some(local) = before {
                let pending = ended.map_or(local.pending, |ended| ended.pending);
                let rollouts = local.rollouts.map(|rollouts| Rollouts { drawn: None, ..rollouts });
                self.locals.map.insert(name.to_owned(), Local { pending, rollouts, ..local });
            }
        }
        for (name, carry) in &mut carries {
            carry.out = self.fresh(name);
            self.assign_current(name, carry.out.clone());
        }
        let stages = std::mem::replace(&mut self.stages, outer);
        self.push_repeat(span, count, unit, stages, carries);
    }

    fn push_repeat(
        &mut self,
        span: Span,
        count: i64,
        unit: &str,
        stages: Vec<pbpo_plan::Stage>,
        carries: Vec<(String, Carry)>,
    ) {
        let outs: Vec<ValueName> = carries.iter().map(|(_, carry)| carry.out.clone()).collect();
        let carried: Vec<(String, ValueName)> =
            carries.iter().map(|(name, carry)| (name.clone(), carry.from.clone())).collect();
        let body = Body::new(stages, carries.into_iter().map(|(_, carry)| carry).collect());
        let mut made = Stage::new(Op::Repeat, &outs.iter().collect::<Vec<_>>())
            .with_settings(&repeat::Settings { count: whole(count), unit: unit.to_owned() });
        if made.name.is_empty() {
            made.name = self.fresh("repeat").to_string();
        }
        let captured = body.captured().into_iter().filter(|value| !carried.iter().any(|(_, from)| from == *value));
        let captured: Vec<(String, ValueName)> = captured.map(|value| (value.to_string(), value.clone())).collect();
        made.inputs = carried;
        made.inputs.extend(captured);
        made.body = Some(Box::new(body));
        self.push(made, span);
    }

    /// Returns the number of iterations, and the unit `episodes` or an empty text.
    fn count(&mut self, count: &Expr, unit: Option<&Ident>) -> (i64, &'static str) {
        if let Some(unit) = unit.filter(|unit| unit.text != "episodes") {
            self.out.push(
                Diagnostic::error(Code::WrongUnit, unit.span, format!("a repeat counts episodes, not `{}`", unit.text))
                    .label("the wrong unit")
                    .help("write `episodes`, or no unit"),
            );
        }
        let written = matches!(&count.kind, ExprKind::Number(number) if number.unit.is_some());
        let name = if written || unit.is_some() { "episodes" } else { "" };
        // The checks of quantities would offer every unit.
        if let ExprKind::Number(Number { unit: Some(unit), .. }) = &count.kind
            && Unit::parse(&unit.text).is_none()
        {
            self.out.push(
                Diagnostic::error(Code::UnknownUnit, unit.span, format!("no unit is called `{}`", unit.text))
                    .label("a repeat counts episodes")
                    .write("episodes"),
            );
            return (1, name);
        }
        let count = self.check().int("repeat", Some(Unit::Episodes), Range::new(1.0, MOST_ITERATIONS), count);
        (count.unwrap_or(1), name)
    }

    /// Returns the current value of a player or of a variable.
    fn current(&self, name: &str) -> Option<ValueName> {
        self.players.get(name).cloned().or_else(|| self.locals.map.get(name).map(|local| local.value.clone()))
    }

    fn assign_current(&mut self, name: &str, value: ValueName) {
        if let Some(player) = self.players.get_mut(name) {
            *player = value;
        } else if let Some(local) = self.locals.map.get(name).cloned() {
            self.define(name, Local { value, ..local });
        }
    }

    /// Collects the earlier values of the variables that statements assign.
    fn before<'e>(&self, stmts: &'e [Stmt], found: &mut BTreeMap<&'e str, Option<Local>>) {
        for stmt in stmts {
            match stmt {
                Stmt::Assign { name, .. } | Stmt::Append { name, .. } => {
                    found.entry(&name.text).or_insert_with(|| self.locals.map.get(&name.text).cloned());
                }
                Stmt::Repeat { body, .. } => self.before(&body.stmts, found),
                Stmt::Climb { .. } | Stmt::Call { .. } => {}
            }
        }
    }

    /// Collects the names whose value statements change, in the order of their first change.
    fn changes(&self, stmts: &[Stmt], changed: &mut Vec<String>) {
        for stmt in stmts {
            let name = match stmt {
                Stmt::Climb { player, objective, .. } => {
                    if let Some(reward) = self.game_reward(objective) {
                        add(changed, reward);
                    }
                    self.program.scope.global(player)
                }
                Stmt::Append { name, .. } => Some(name.text.as_str()),
                Stmt::Assign { name, value, .. } => {
                    if let Some(exploration) = self.explored(value) {
                        add(changed, exploration);
                    }
                    Some(name.text.as_str())
                }
                Stmt::Repeat { body, .. } => {
                    self.changes(&body.stmts, changed);
                    None
                }
                Stmt::Call { .. } => None,
            };
            if let Some(name) = name.filter(|name| self.current(name).is_some()) {
                add(changed, name);
            }
        }
    }

    /// Returns the exploration that a call of `explore` changes.
    fn explored(&self, value: &Expr) -> Option<&str> {
        let ExprKind::Call { callee, args } = &value.kind else { return None };
        if callee.first()?.text != "explore" {
            return None;
        }
        let named = |arg: &&pbpo_grammar::ast::Arg| arg.name.as_ref().is_none_or(|name| name.text == "exploration");
        let ExprKind::Path(path) = &args.iter().find(named)?.value.kind else { return None };
        let name = self.program.scope.global(path.first()?)?;
        let kind = self.program.scope.blocks.get(name)?.kind;
        (kind == Some(Kind::Exploration)).then_some(name)
    }

    /// Puts the followers of changing policies first, because they are refreshed first.
    fn refreshed(&self, changed: &mut Vec<String>) {
        let followers: Vec<String> = self
            .program
            .scope
            .order
            .iter()
            .filter(|name| self.players.contains_key(*name) && self.follows_changing(name, changed))
            .cloned()
            .collect();
        changed.splice(0..0, followers);
    }

    fn follows_changing(&self, name: &str, changed: &[String]) -> bool {
        let args = self.block(name);
        let update = args.word("update").is_some_and(|update| update != "sft");
        update && args.name("follows").is_some_and(|leader| changed.iter().any(|name| name == leader))
    }

    /// Makes the stages that update followers at the start of an iteration.
    fn refresh(&mut self, carries: &[(String, Carry)], span: Span) {
        let names: Vec<String> = carries.iter().map(|(name, _)| name.clone()).collect();
        for name in &names {
            if !self.follows_changing(name, &names) {
                continue;
            }
            let args = self.block(name);
            let Some(update) = args.word("update").and_then(Update::find) else { continue };
            let judge = args.choice("update").map(|update| &update.args);
            let by = judge.and_then(|judge| judge.name("by")).map(str::to_owned);
            let prompts = judge.and_then(|judge| judge.name("prompts")).map(str::to_owned);
            let count = judge.and_then(|judge| judge.int("count"));
            let at = args.span("update").unwrap_or(span);
            let (follower, leader) = (self.player(name), self.player(&self.leader(name)));
            let value = self.fresh(name);
            let mut made = Stage::new(Op::Refresh, &[&value])
                .with("follower", follower)
                .with("policy", leader)
                .with_settings(&refresh::Settings { update, count: count.map(whole) });
            if let (Some(by), Some(prompts)) = (by, prompts) {
                made = made.with("reward_model", self.player(&by)).with("prompts", ValueName::of(&prompts));
            }
            self.push(made, at);
            self.players.insert(name.clone(), value);
        }
    }

    /// Makes every evaluation of a loop once before it, on the players that enter it.
    fn evaluate_before(&mut self, stmts: &[Stmt]) {
        for stmt in stmts {
            match stmt {
                Stmt::Assign { name, value, .. } => {
                    let evaluates = matches!(&value.kind, ExprKind::Call { callee, .. } if callee.first().is_some_and(|c| c.text == "evaluate"));
                    if !evaluates {
                        continue;
                    }
                    if let Some((_, args)) = self.op_args(value) {
                        let output = self.fresh_batch(&format!("{}.before", name.text));
                        self.evaluate(&args, &output, &name.text, true, name.span.to(value.span));
                    }
                }
                Stmt::Repeat { body, .. } => self.evaluate_before(&body.stmts),
                Stmt::Append { .. } | Stmt::Climb { .. } | Stmt::Call { .. } => {}
            }
        }
    }

    /// Makes the empty sets to which `+=` in a loop appends.
    fn make_sets(&mut self, stmts: &[Stmt]) {
        for stmt in stmts {
            match stmt {
                Stmt::Append { name, .. } if self.program.scope.global(name).is_none() => self.make_set(name),
                Stmt::Repeat { body, .. } => self.make_sets(&body.stmts),
                Stmt::Append { .. } | Stmt::Assign { .. } | Stmt::Climb { .. } | Stmt::Call { .. } => {}
            }
        }
    }
}

fn add(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|other| other == name) {
        names.push(name.to_owned());
    }
}
