//! Properties of an objective for lints: signs of its terms, its estimates, and its direction.

use pbpo_plan::{BinaryOp, Expr, Leaf, Side, UnaryOp, ValueName};

/// Returns the sign with which the gap enters an objective.
pub(super) fn sign_of_gap(expr: &Expr, sign: f64) -> Option<f64> {
    match expr {
        Expr::Named { name, .. } if name == "gap" => Some(sign),
        Expr::Unary { op: UnaryOp::Neg, arg } => sign_of_gap(arg, -sign),
        Expr::Binary { op: BinaryOp::Add, left, right } => sign_of_gap(left, sign).or_else(|| sign_of_gap(right, sign)),
        Expr::Binary { op: BinaryOp::Sub, left, right } => {
            sign_of_gap(left, sign).or_else(|| sign_of_gap(right, -sign))
        }
        Expr::Binary { op: BinaryOp::Mul, left, right } => match (&**left, &**right) {
            (Expr::Const { value }, other) | (other, Expr::Const { value }) => {
                sign_of_gap(other, sign * value.signum())
            }
            _ => None,
        },
        _ => None,
    }
}

/// Returns the policies and rollouts of every estimate in an objective.
pub(super) fn estimates(objective: &Expr) -> impl Iterator<Item = (&ValueName, &ValueName)> {
    objective.nodes().filter_map(|node| match node {
        Expr::Estimate { policy, rollouts, .. } => Some((policy, rollouts)),
        _ => None,
    })
}

/// A value, and its derivatives in a player's log-probabilities or rewards of chosen and of rejected responses.
#[derive(Clone, Copy, Debug, Default)]
struct Slope {
    value: f64,
    chosen: f64,
    rejected: f64,
}

impl Slope {
    /// Returns a function of it, with that value and derivative.
    fn chain(self, value: f64, by: f64) -> Slope {
        Slope { value, chosen: self.chosen * by, rejected: self.rejected * by }
    }

    fn plus(self, other: Slope) -> Slope {
        let (chosen, rejected) = (self.chosen + other.chosen, self.rejected + other.rejected);
        Slope { value: self.value + other.value, chosen, rejected }
    }
}

/// Returns the difference between an objective's derivatives in the player's outputs for chosen and for rejected
/// responses. Returns `None` if it depends on the outputs of other models.
pub(super) fn pull(expr: &Expr, player: &ValueName) -> Option<f64> {
    let slope = slope(expr, player)?;
    let pull = slope.chosen - slope.rejected;
    pull.is_finite().then_some(pull)
}

/// Returns the slope at the start of training: all policies agree, so log-ratios are 0, and so are log-probabilities
/// here.
fn slope(expr: &Expr, player: &ValueName) -> Option<Slope> {
    Some(match expr {
        Expr::Const { value } => Slope { value: *value, ..Slope::default() },
        Expr::Leaf { leaf } => of_leaf(leaf, player)?,
        Expr::Unary { op, arg } => {
            let arg = slope(arg, player)?;
            let x = arg.value;
            let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
            match op {
                UnaryOp::Neg => arg.chain(-x, -1.0),
                UnaryOp::Exp => arg.chain(x.exp(), x.exp()),
                UnaryOp::Log => arg.chain(x.ln(), 1.0 / x),
                UnaryOp::LogSigmoid => arg.chain(sigmoid(x).ln(), sigmoid(-x)),
                UnaryOp::Softplus => arg.chain(x.exp().ln_1p(), sigmoid(x)),
                UnaryOp::Square => arg.chain(x * x, 2.0 * x),
            }
        }
        Expr::Binary { op, left, right } => {
            let (a, b) = (slope(left, player)?, slope(right, player)?);
            match op {
                BinaryOp::Add => a.plus(b),
                BinaryOp::Sub => a.plus(b.chain(-b.value, -1.0)),
                BinaryOp::Mul => a.chain(a.value * b.value, b.value).plus(b.chain(0.0, a.value)),
                BinaryOp::Div => {
                    a.chain(a.value / b.value, 1.0 / b.value).plus(b.chain(0.0, -a.value / (b.value * b.value)))
                }
                BinaryOp::Min => {
                    if a.value <= b.value {
                        a
                    } else {
                        b
                    }
                }
                BinaryOp::Max => {
                    if a.value >= b.value {
                        a
                    } else {
                        b
                    }
                }
            }
        }
        Expr::Clip { arg, low, high } => {
            let arg = slope(arg, player)?;
            arg.chain(arg.value.max(*low).min(*high), f64::from((*low..=*high).contains(&arg.value)))
        }
        Expr::StopGrad { arg } => slope(arg, player)?.chain(slope(arg, player)?.value, 0.0),
        Expr::Reduce { arg, .. } | Expr::Named { arg, .. } | Expr::Estimate { arg, .. } => slope(arg, player)?,
    })
}

fn of_leaf(leaf: &Leaf, player: &ValueName) -> Option<Slope> {
    let (speaker, batch) = match leaf {
        Leaf::Logp { policy, batch } => (policy, batch),
        Leaf::Reward { reward_model, batch } | Leaf::TokenReward { reward_model, batch } if reward_model == player => {
            (reward_model, batch)
        }
        Leaf::Entropy { .. } | Leaf::Kl { .. } => return Some(Slope::default()),
        // The size is positive, and its value does not matter here.
        Leaf::Size { .. } => return Some(Slope { value: 1.0, ..Slope::default() }),
        Leaf::Reward { .. } | Leaf::TokenReward { .. } | Leaf::Score { .. } => return None,
    };
    let own = |side: Side| f64::from(speaker == player && batch.side == Some(side));
    Some(Slope { value: 0.0, chosen: own(Side::Chosen), rejected: own(Side::Rejected) })
}
