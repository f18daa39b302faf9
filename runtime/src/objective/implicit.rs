//! The factor beta of a policy's implicit reward, `beta (log pi - log ref)`, read from the objective that moves the
//! policy.
//!
//! A loss on pairs is a function of an affine form `c (log-ratio) - k`. Beta is `c` in a log-sigmoid, a softplus or a
//! hinge (DPO, RPO, XPO, SLiC), and in a square that compares the form with rewards (REBEL: 1 / eta). In a square of
//! the form alone it is `c / (2 k)`: `1 / (2 beta)` is the target of IPO and of SPPO (as in TRL's `ipo` and
//! `sppo_hard`). An objective that gives no such factor, or several, has no beta, and none is guessed.

use std::collections::BTreeMap;

use pbpo_plan::{Axis, BinaryOp, Expr, Leaf, Reduction, Side, UnaryOp, ValueName};

/// Returns the factor, if the objective that moves `policy` has one.
pub fn beta(objective: &Expr, policy: &ValueName) -> Option<f64> {
    let mut found = Vec::new();
    collect(objective, policy, &mut found);
    let first = (*found.first()?)?;
    found.iter().all(|other| other.is_some_and(|other| (other - first).abs() <= 1e-9 * first.abs())).then_some(first)
}

/// Collects the factor of each function of log-ratios in an expression; `None` for a function without one.
fn collect(expr: &Expr, policy: &ValueName, found: &mut Vec<Option<f64>>) {
    let ratio = |arg: &Expr| Affine::of(arg, false).slope(policy).map(|slope| (slope, Affine::of(arg, false)));
    match expr {
        Expr::Const { .. } | Expr::Leaf { .. } => {}
        Expr::Unary { op: UnaryOp::Neg, arg } => collect(arg, policy, found),
        Expr::Unary { op, arg } => match ratio(arg) {
            Some((slope, form)) => found.push(match op {
                UnaryOp::LogSigmoid | UnaryOp::Softplus => slope,
                UnaryOp::Square => slope.and_then(|slope| form.target(slope)),
                UnaryOp::Exp | UnaryOp::Log | UnaryOp::Neg => None,
            }),
            None => collect(arg, policy, found),
        },
        Expr::Binary { op: BinaryOp::Max | BinaryOp::Min, left, right } => {
            let sides = [(left, right), (right, left)];
            match sides.into_iter().find_map(|(side, other)| ratio(side).map(|(slope, _)| (slope, other))) {
                Some((slope, other)) => found.push(slope.filter(|_| Affine::of(other, false).is_constant())),
                None => sides.into_iter().for_each(|(side, _)| collect(side, policy, found)),
            }
        }
        Expr::Binary { left, right, .. } => [left, right].into_iter().for_each(|side| collect(side, policy, found)),
        Expr::Clip { arg, .. } => match ratio(arg) {
            Some(_) => found.push(None),
            None => collect(arg, policy, found),
        },
        // `stop_gradient` contributes no gradient.
        Expr::StopGrad { .. } => {}
        Expr::Reduce { arg, .. } | Expr::Named { arg, .. } | Expr::Estimate { arg, .. } => collect(arg, policy, found),
    }
}

/// A sum of log-probabilities of whole responses, summed or averaged over their tokens, each with a constant factor,
/// and possibly other terms.
#[derive(Default)]
struct Affine {
    factors: BTreeMap<(ValueName, Option<Side>), f64>,
    constant: f64,
    /// True if there are other terms, such as a reward.
    more: bool,
}

impl Affine {
    /// Returns the form of an expression over rows, or over tokens inside a sum over tokens.
    fn of(expr: &Expr, tokens: bool) -> Self {
        match expr {
            Expr::Const { value } => Self { constant: *value, more: tokens && *value != 0.0, ..Self::default() },
            Expr::Leaf { leaf: Leaf::Logp { policy, batch } } if tokens => {
                Self { factors: [((policy.clone(), batch.side), 1.0)].into(), ..Self::default() }
            }
            Expr::Unary { op: UnaryOp::Neg, arg } => Self::of(arg, tokens).times(-1.0),
            Expr::Binary { op: BinaryOp::Add, left, right } => Self::of(left, tokens).plus(Self::of(right, tokens)),
            Expr::Binary { op: BinaryOp::Sub, left, right } => {
                Self::of(left, tokens).plus(Self::of(right, tokens).times(-1.0))
            }
            Expr::Binary { op: BinaryOp::Mul, left, right } => match (number(left), number(right)) {
                (Some(factor), _) => Self::of(right, tokens).times(factor),
                (_, Some(factor)) => Self::of(left, tokens).times(factor),
                _ => Self::unknown(),
            },
            Expr::Binary { op: BinaryOp::Div, left, right } => match (number(left), number(right)) {
                (Some(left), Some(right)) => Self { constant: left / right, more: tokens, ..Self::default() },
                (None, Some(divisor)) => Self::of(left, tokens).times(1.0 / divisor),
                _ => Self::unknown(),
            },
            // TRL averages log-ratios in its `ipo` and keeps beta as the factor of their sums.
            Expr::Reduce { reduction: Reduction::Sum | Reduction::Mean, axis: Axis::Token, arg } if !tokens => {
                Self::of(arg, true)
            }
            Expr::Named { arg, .. } => Self::of(arg, tokens),
            _ => Self::unknown(),
        }
    }

    fn unknown() -> Self {
        Self { more: true, ..Self::default() }
    }

    fn times(mut self, factor: f64) -> Self {
        self.factors.values_mut().for_each(|value| *value *= factor);
        self.constant *= factor;
        self
    }

    fn plus(mut self, other: Self) -> Self {
        for (of, factor) in other.factors {
            *self.factors.entry(of).or_default() += factor;
        }
        Self { constant: self.constant + other.constant, more: self.more || other.more, ..self }
    }

    fn is_constant(&self) -> bool {
        self.factors.is_empty() && !self.more
    }

    /// Returns the factor of `policy`'s log-ratio, chosen less rejected, or of one side. The outer `None` means that
    /// the policy does not occur; the inner one that it occurs, but not as a log-ratio.
    fn slope(&self, policy: &ValueName) -> Option<Option<f64>> {
        let of = |own: bool, side: Side| -> f64 {
            let mine = self.factors.iter().filter(|((name, at), _)| (name == policy) == own && *at == Some(side));
            mine.map(|(_, factor)| factor).sum()
        };
        if !self.factors.keys().any(|(name, side)| name == policy && side.is_some()) {
            return None;
        }
        let (chosen, rejected) = (of(true, Side::Chosen), of(true, Side::Rejected));
        let is_ratio = chosen == -of(false, Side::Chosen) && rejected == -of(false, Side::Rejected);
        let is_margin = chosen == -rejected || chosen == 0.0 || rejected == 0.0;
        Some((is_ratio && is_margin).then_some(chosen.abs().max(rejected.abs())))
    }

    /// Returns beta if the square of the form is taken.
    fn target(&self, slope: f64) -> Option<f64> {
        match (self.more, self.constant.abs()) {
            (true, _) => Some(slope),
            (false, 0.0) => None,
            (false, target) => Some(slope / (2.0 * target)),
        }
    }
}

/// Returns the value of an expression that consists of numbers.
fn number(expr: &Expr) -> Option<f64> {
    let form = Affine::of(expr, false);
    form.is_constant().then_some(form.constant)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pbpo_compiler::{Input, compile};

    /// Returns the beta of an objective with `pi`, `ref` and the batch `b`.
    fn beta_of(objective: &str) -> Option<f64> {
        let text = format!(
            "pbpo 1
use std/losses {{ dpo, ipo, ipo_sum, hinge, rpo, sppo, rebel, margin, simpo, xpo }}
data demos   {{ source = digits(split = train, count = 10, length = 3) }}
data prompts {{ source = digits(split = prompts, count = 10, length = 3) }}
policy pi {{
  model = llama {{ layers = 1, width = 16, heads = 2, context = 16 tokens }}
  init = imitate(demos, steps = 1, batch = 2, lr = 3e-3)
  optimizer = adamw {{ lr = 1e-3 }}
  sampling = {{ max_new = 5 tokens }}
}}
policy ref {{ follows = pi, update = each_episode }}
reward_model r {{ backbone = pi.init, head = sequence, optimizer = adamw {{ lr = 1e-2 }} }}
features phi {{ of = pi.init, project = 8 }}
exploration plain {{ features = phi, against = ref, search = none }}
oracle judge {{ by = btl {{ score = digits.score, scale = 8.0 }} }}
pipeline main {{
  repeat 1 {{
    y0 = sample(ref, prompts, count = 4)
    y1 = explore(plain, prompts, against = y0)
    prefs += label(y0, y1, by = judge)
    b = draw(prefs, count = 2)
    descend pi on {objective}
  }}
}}
"
        );
        let compiled = compile(Input::text("test.pbpo", &text), None, &[]);
        let plan = compiled.plan().unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics));
        let body = plan.body.stages().find_map(|stage| stage.body.as_deref()).unwrap();
        let step = body.stages().find(|stage| stage.op == pbpo_plan::Op::Descend).unwrap();
        beta(step.objective.as_ref().unwrap(), step.input("player").unwrap())
    }

    fn is(objective: &str, expected: Option<f64>) {
        let found = beta_of(objective);
        let near = match (found, expected) {
            (Some(found), Some(expected)) => (found - expected).abs() < 1e-9,
            (found, expected) => found == expected,
        };
        assert!(near, "{objective}: {found:?}, not {expected:?}");
    }

    #[test]
    fn beta_is_what_trl_calls_beta() {
        is("dpo(pi, ref, b, 0.1)", Some(0.1));
        is("hinge(pi, ref, b, 0.25)", Some(0.25));
        is("rpo(pi, ref, b, 0.3, 1.0)", Some(0.3));
        is("xpo(pi, ref, b, y0, 0.2, 0.5)", Some(0.2));
        // TRL: (log-ratio - 1 / (2 beta))^2 and (log-ratio -+ 0.5 / beta)^2.
        is("ipo(pi, ref, b, 0.4)", Some(0.4));
        is("ipo_sum(pi, ref, b, 0.4)", Some(0.4));
        is("sppo(pi, ref, b, 20.0)", Some(0.05));
        is("rebel(pi, ref, r, b, 4.0)", Some(0.25));
        // A custom objective.
        is("mean(softplus(-(0.7 * margin(pi, ref, b) - 0.2)))", Some(0.7));
    }

    #[test]
    fn no_beta_is_guessed() {
        is("simpo(pi, b, 2.0, 0.5)", None);
        is("mean(exp(-margin(pi, ref, b)))", None);
        is("mean(square(margin(pi, ref, b)))", None);
        is("dpo(pi, ref, b, 0.1) + dpo(pi, ref, b, 0.2)", None);
        is("-mean(log_sigmoid(0.1 * logp(pi, chosen(b)) - 0.2 * logp(ref, chosen(b))))", None);
    }
}
