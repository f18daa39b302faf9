//! `within C(prefs)`: keeps the moved reward model plausible.

use pbpo_grammar::ast::{Expr as Ast, ExprKind};
use pbpo_plan::ops::draw;
use pbpo_plan::{BinaryOp, Expr, Leaf, Op, Stage, UnaryOp, ValueName};

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::lower::Lower;
use crate::lower::prelude::whole;
use crate::schema::{Flow, Kind};

impl Lower<'_> {
    /// Returns the objective under a constraint. `lagrangian` adds `beta` times the negative log-likelihood of the
    /// preferences (over all pairs: times their number); `mle` replaces the objective by it.
    pub(super) fn within(&mut self, player: &str, ascend: bool, objective: Option<Expr>, within: &Ast) -> Option<Expr> {
        let (constraint, prefs) = self.constraint(within)?;
        let on = self.block(&constraint).name("on").map(str::to_owned)?;
        if on != player {
            self.other_model(&constraint, &on, player, within);
            return None;
        }
        let batch = self.fresh_batch(&format!("{constraint}.batch"));
        let count = self.block(&constraint).int("batch");
        self.push(
            Stage::new(Op::Draw, &[&batch])
                .with("preferences", prefs.clone())
                .with_settings(&draw::Settings { count: whole(count.unwrap_or(0)) }),
            within.span,
        );
        let nll = self.nll(player, &batch).expr;
        let keep = self.block(&constraint).choice("keep")?.clone();
        if matches!(keep.name, "ellipsoid" | "likelihood" | "dual") {
            self.needs_world(&constraint, keep.name, within);
            return None;
        }
        if keep.name == "mle" {
            return Some(if ascend { Expr::Unary { op: UnaryOp::Neg, arg: Box::new(nll) } } else { nll });
        }
        let beta = Expr::Const { value: keep.args.float("beta").unwrap_or(0.0) };
        let weight = match keep.args.word("nll") {
            Some("sum") => product(beta, Expr::Leaf { leaf: Leaf::Size { preferences: prefs } }),
            _ => beta,
        };
        let op = if ascend { BinaryOp::Sub } else { BinaryOp::Add };
        Some(Expr::Binary { op, left: Box::new(objective?), right: Box::new(product(weight, nll)) })
    }

    /// Returns the constraint, and the plan's value of its preferences.
    pub(in crate::lower) fn constraint(&mut self, within: &Ast) -> Option<(String, ValueName)> {
        let (name, args) = match &within.kind {
            ExprKind::Call { callee, args } => (callee.first()?, args.as_slice()),
            ExprKind::Path(path) => (path.first()?, &[] as &[_]),
            ExprKind::Error => return None,
            _ => {
                let error = Diagnostic::error(Code::WrongType, within.span, "expected a constraint of preferences");
                self.out.push(error.label("not a constraint").help("write `within CONSTRAINT(prefs)`"));
                return None;
            }
        };
        let known = self.check().named_block(Kind::Constraint, name);
        match args {
            [arg] if arg.name.is_none() => {
                let prefs = self.check().local_ref(Flow::Preferences, &arg.value)?;
                known.map(|known| (known, self.local(&prefs)))
            }
            _ => {
                if known.is_some() {
                    self.out.push(
                        Diagnostic::error(
                            Code::MissingField,
                            within.span,
                            format!("`{}` needs the preferences to hold to", name.text),
                        )
                        .label("of which preferences?")
                        .help(format!("write `within {}(prefs)`", name.text)),
                    );
                }
                None
            }
        }
    }

    /// Reports a set that is solved exactly for a model that moves by gradients.
    fn needs_world(&mut self, constraint: &str, keep: &str, within: &Ast) {
        let error = Diagnostic::error(Code::WrongKind, within.span, format!("`{keep}` needs a linear reward model"))
            .label("this one moves by gradients")
            .help("write `keep = mle`, or declare it on frozen features: `reward_model r { features = ... }`");
        self.out.push(match self.block(constraint).span("keep") {
            Some(at) => error.also(at, "declared here"),
            None => error,
        });
    }

    pub(in crate::lower) fn other_model(&mut self, constraint: &str, on: &str, player: &str, within: &Ast) {
        let error = Diagnostic::error(
            Code::OtherModelsConstraint,
            within.span,
            format!("`{constraint}` is a constraint on `{on}`"),
        )
        .label(format!("`{player}` is moved here"));
        let model = self.program.blocks.get(player).is_some_and(|block| block.kind == Kind::RewardModel);
        let error = if model {
            error.help(format!("move `{on}`, or declare a constraint with `on = {player}`"))
        } else {
            error.help(format!("write it where `{on}` is moved: `descend {on} on ... within {constraint}(prefs)`"))
        };
        self.out.push(match self.block(constraint).span("on") {
            Some(at) => error.also(at, "declared here"),
            None => error,
        });
    }
}

fn product(left: Expr, right: Expr) -> Expr {
    Expr::Binary { op: BinaryOp::Mul, left: Box::new(left), right: Box::new(right) }
}
