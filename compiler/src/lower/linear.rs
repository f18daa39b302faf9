//! Reward models that are linear in frozen features: each `descend` is one stage that solves for the worst reward.

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Expr as Ast, Ident};
use pbpo_plan::ops::{keep, linear_model};
use pbpo_plan::{BinaryOp, Expr, Leaf, Op, Reduction, Stage, ValueName};

use super::Lower;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::hir::Args;

impl Lower<'_> {
    /// Tells whether a block is a reward model on frozen features.
    pub(super) fn is_linear(&self, name: &str) -> bool {
        self.block(name).name("features").is_some()
    }

    pub(super) fn linear_model(&mut self, name: &str) {
        let features = self.block(name).name("features").unwrap_or_default().to_owned();
        self.need(&features);
        let value = self.fresh(name);
        let settings = self.block(name).settings::<linear_model::Settings>();
        let made =
            Stage::new(Op::LinearModel, &[&value]).with("features", ValueName::of(&features)).with_settings(&settings);
        self.players.insert(name.to_owned(), value);
        self.add(name, made);
    }

    /// Lowers `descend s on gap(s, y, y0) within C(prefs)`: the worst reward of the set.
    pub(super) fn worst(
        &mut self,
        span: Span,
        ascend: bool,
        player: &Ident,
        objective: Option<Expr>,
        within: Option<&Ast>,
    ) {
        let name = self.program.scope.global(player).unwrap_or(&player.text).to_owned();
        let before = self.player(&name);
        let after = self.step(&name);
        let Some(objective) = objective else { return };
        let (Some((y, y0)), Some(within), false) = (gap(&objective, &before), within, ascend) else {
            return self.steps_are_solved(span, &player.text);
        };
        let Some((constraint, prefs)) = self.constraint(within) else { return };
        if let Some(on) = self.block(&constraint).name("on").map(str::to_owned).filter(|on| *on != name) {
            return self.other_model(&constraint, &on, &name, within);
        }
        let keep = self.block(&constraint).choice("keep").and_then(|keep| keep.tagged("is"));
        let made = Stage::new(Op::Worst, &[&after])
            .with("player", before)
            .with("first", y)
            .with("second", y0)
            .with("preferences", prefs)
            .with_settings(&keep.map(|keep| keep::Settings { keep }));
        self.push(made, span);
    }

    fn steps_are_solved(&mut self, span: Span, player: &str) {
        self.out.push(
            Diagnostic::error(Code::WrongKind, span, format!("`{player}` is linear: its worst reward is solved"))
                .label("this is not its gap under a constraint")
                .help(format!("write `descend {player} on gap({player}, y, y0) within CONSTRAINT(prefs)`")),
        );
    }

    /// Lowers `distance(r, s, y)`.
    pub(super) fn distance(&mut self, args: &Args, output: &ValueName, span: Span) {
        let mut made = Stage::new(Op::Distance, &[output]);
        for port in ["first", "second"] {
            let model = args.name(port).unwrap_or_default().to_owned();
            self.need(&model);
            if self.in_world(&model) {
                let at = args.span(port).unwrap_or(span);
                self.out.push(
                    Diagnostic::error(Code::WrongKind, at, format!("`{model}` is of a world"))
                        .label("responses of networks are compared here")
                        .help("in a world the figure `rm/distance` is there anyway"),
                );
            }
            made = made.with(port, self.player(&model));
        }
        let rollouts = args.name("rollouts").map(|name| self.local(name));
        self.push(made.with("rollouts", rollouts), span);
    }
}

/// Returns the two batches of `mean(s(y)) - mean(s(y0))`.
fn gap(objective: &Expr, model: &ValueName) -> Option<(ValueName, ValueName)> {
    let Expr::Named { arg, .. } = objective else { return None };
    let Expr::Binary { op: BinaryOp::Sub, left, right } = &**arg else { return None };
    let side = |side: &Expr| {
        let Expr::Reduce { reduction: Reduction::Mean, arg, .. } = side else { return None };
        let Expr::Leaf { leaf: Leaf::Reward { reward_model, batch } } = &**arg else { return None };
        (reward_model == model && batch.side.is_none()).then(|| batch.value.clone())
    };
    Some((side(left)?, side(right)?))
}
