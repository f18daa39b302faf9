//! Gradients through a policy's own samples.
//!
//! The mean over rows that were sampled from the moved policy depends on the policy through the sampling. The argument
//! of each such mean (or sum) over rows is wrapped in [`Expr::Estimate`], which has the same value and the right
//! gradient. Means are first distributed over sums and constant factors, so that each term gets a separate estimate; a
//! term that is a sum over tokens is wrapped token by token, which credits each token with the terms after it.

use std::collections::BTreeSet;

use pbpo_plan::{Axis, BatchRef, BinaryOp, Estimator, Expr, Leaf, Reduction, UnaryOp, ValueName};

/// A transformation that puts estimates into an expression.
pub(super) struct Insert<'a> {
    /// Rollouts that were sampled from the policy.
    pub own: &'a BTreeSet<ValueName>,
    /// The policy's value.
    pub policy: &'a ValueName,
    pub estimator: Estimator,
    /// Own rollouts that got an estimate.
    pub used: BTreeSet<ValueName>,
}

impl Insert<'_> {
    /// Transforms an expression of any axes: estimates go around the arguments of row reductions inside it.
    pub fn scalar(&mut self, expr: Expr) -> Expr {
        match expr {
            Expr::Reduce { reduction, axis: Axis::Row, arg } => match self.own_batch(&arg) {
                Some(batch) => self.rows(reduction, *arg, &batch),
                None => Expr::Reduce { reduction, axis: Axis::Row, arg: self.boxed(*arg) },
            },
            Expr::Reduce { axis: Axis::Token, .. }
            | Expr::Unary { .. }
            | Expr::Binary { .. }
            | Expr::Clip { .. }
            | Expr::Named { .. } => expr.map(|child| self.scalar(child)),
            // These have no gradient inside, or must not have one.
            Expr::Const { .. } | Expr::Leaf { .. } | Expr::StopGrad { .. } | Expr::Estimate { .. } => expr,
        }
    }

    fn boxed(&mut self, expr: Expr) -> Box<Expr> {
        Box::new(self.scalar(expr))
    }

    /// Returns the reduction of rows of an own batch, distributed as far as it is linear.
    fn rows(&mut self, reduction: Reduction, expr: Expr, batch: &ValueName) -> Expr {
        match expr {
            Expr::Unary { op: UnaryOp::Neg, arg } => {
                Expr::Unary { op: UnaryOp::Neg, arg: Box::new(self.rows(reduction, *arg, batch)) }
            }
            Expr::Binary { op: op @ (BinaryOp::Add | BinaryOp::Sub), left, right } => {
                // A mean of a scalar is the scalar; a sum of a scalar would be a multiple of it.
                if reduction == Reduction::Mean || (has_row(&left) && has_row(&right)) {
                    let mut side = |expr: Box<Expr>| {
                        Box::new(if has_row(&expr) { self.rows(reduction, *expr, batch) } else { self.scalar(*expr) })
                    };
                    let (left, right) = (side(left), side(right));
                    Expr::Binary { op, left, right }
                } else {
                    self.wrap(reduction, Expr::Binary { op, left, right }, batch)
                }
            }
            Expr::Binary { op: BinaryOp::Mul, left, right } if !has_row(&left) => Expr::Binary {
                op: BinaryOp::Mul,
                left: self.boxed(*left),
                right: Box::new(self.rows(reduction, *right, batch)),
            },
            Expr::Binary { op: op @ (BinaryOp::Mul | BinaryOp::Div), left, right } if !has_row(&right) => {
                Expr::Binary { op, left: Box::new(self.rows(reduction, *left, batch)), right: self.boxed(*right) }
            }
            Expr::StopGrad { .. } => Expr::Reduce { reduction, axis: Axis::Row, arg: Box::new(expr) },
            other => self.wrap(reduction, other, batch),
        }
    }

    /// Wraps one term in its estimate.
    fn wrap(&mut self, reduction: Reduction, term: Expr, batch: &ValueName) -> Expr {
        self.used.insert(batch.clone());
        let arg = match term {
            Expr::Reduce { reduction: Reduction::Sum, axis: Axis::Token, arg } => arg,
            other => Box::new(other),
        };
        let arg = self.boxed(*arg);
        let (policy, rollouts) = (self.policy.clone(), batch.clone());
        let estimate = Expr::Estimate { estimator: self.estimator, policy, rollouts, arg };
        Expr::Reduce { reduction, axis: Axis::Row, arg: Box::new(estimate) }
    }

    /// Returns the own batch of an expression's rows. All its rows are of one batch, because axes were checked.
    fn own_batch(&self, expr: &Expr) -> Option<ValueName> {
        rows_of(expr)
            .filter(|batch| batch.side.is_none() && self.own.contains(&batch.value))
            .map(|batch| batch.value.clone())
    }
}

/// Returns the own rollouts for which an objective is a surrogate of the gradient through them, as in PPO: it has the
/// policy's probabilities in a ratio, `exp(logp(pi, y) - ...)`, or in a clipped `min` or `max`. With an estimate around
/// it, the gradient would count twice.
pub(super) fn surrogate<'e>(expr: &'e Expr, policy: &ValueName, own: &BTreeSet<ValueName>) -> Option<&'e ValueName> {
    ratio(
        expr,
        &|leaf| match leaf {
            Leaf::Logp { policy: read, batch }
                if read == policy && batch.side.is_none() && own.contains(&batch.value) =>
            {
                Some(&batch.value)
            }
            _ => None,
        },
        true,
    )
}

/// Finds a ratio. `positive` is false in a denominator, where a ratio is inverted.
fn ratio<'e>(expr: &'e Expr, is: &impl Fn(&'e Leaf) -> Option<&'e ValueName>, positive: bool) -> Option<&'e ValueName> {
    match expr {
        Expr::Const { .. } | Expr::Leaf { .. } | Expr::StopGrad { .. } => None,
        Expr::Unary { op: UnaryOp::Exp, arg } => above(arg, is, positive).or_else(|| ratio(arg, is, positive)),
        Expr::Binary { op: BinaryOp::Div, left, right } => {
            ratio(left, is, positive).or_else(|| ratio(right, is, !positive))
        }
        Expr::Binary { op: BinaryOp::Min | BinaryOp::Max, left, right } => {
            let clips = [left, right].into_iter().any(|side| clipped(side));
            let inside = || above(left, is, positive).or_else(|| above(right, is, positive));
            if clips { inside() } else { None }
                .or_else(|| ratio(left, is, positive))
                .or_else(|| ratio(right, is, positive))
        }
        Expr::Unary { .. }
        | Expr::Binary { .. }
        | Expr::Clip { .. }
        | Expr::Reduce { .. }
        | Expr::Named { .. }
        | Expr::Estimate { .. } => expr.children().find_map(|child| ratio(child, is, positive)),
    }
}

/// Returns a leaf that enters an expression of rows with a positive sign.
fn above<'e>(expr: &'e Expr, is: &impl Fn(&'e Leaf) -> Option<&'e ValueName>, positive: bool) -> Option<&'e ValueName> {
    match expr {
        Expr::Leaf { leaf } => is(leaf).filter(|_| positive),
        Expr::Const { .. } | Expr::StopGrad { .. } | Expr::Reduce { axis: Axis::Row, .. } => None,
        Expr::Unary { op: UnaryOp::Neg, arg } => above(arg, is, !positive),
        Expr::Binary { op: BinaryOp::Sub, left, right } => {
            above(left, is, positive).or_else(|| above(right, is, !positive))
        }
        Expr::Binary { op: BinaryOp::Mul | BinaryOp::Div, left, right } => {
            let sign = |side: &Expr| matches!(side, Expr::Const { value } if *value < 0.0);
            above(left, is, positive ^ sign(right)).or_else(|| above(right, is, positive ^ sign(left)))
        }
        Expr::Unary { .. }
        | Expr::Binary { .. }
        | Expr::Clip { .. }
        | Expr::Reduce { .. }
        | Expr::Named { .. }
        | Expr::Estimate { .. } => expr.children().find_map(|child| above(child, is, positive)),
    }
}

fn clipped(expr: &Expr) -> bool {
    match expr {
        Expr::Clip { .. } => true,
        Expr::StopGrad { .. } => false,
        Expr::Const { .. }
        | Expr::Leaf { .. }
        | Expr::Unary { .. }
        | Expr::Binary { .. }
        | Expr::Reduce { .. }
        | Expr::Named { .. }
        | Expr::Estimate { .. } => expr.children().any(clipped),
    }
}

/// Returns the batch of a value's rows; `None` for a scalar.
fn rows_of(expr: &Expr) -> Option<&BatchRef> {
    match expr {
        Expr::Const { .. } | Expr::Reduce { axis: Axis::Row, .. } => None,
        Expr::Leaf { leaf } => leaf.batch(),
        Expr::Unary { .. }
        | Expr::Binary { .. }
        | Expr::Clip { .. }
        | Expr::Reduce { axis: Axis::Token, .. }
        | Expr::StopGrad { .. }
        | Expr::Named { .. }
        | Expr::Estimate { .. } => expr.children().find_map(rows_of),
    }
}

fn has_row(expr: &Expr) -> bool {
    rows_of(expr).is_some()
}

/// Tells whether the gradient of an expression in a player can differ from 0, judging by its form.
pub(super) fn depends(expr: &Expr, player: &ValueName) -> bool {
    // `logp(pi, y) - logp(pi, y)` is always 0, and so is the KL of a policy to itself.
    reaches(expr, player, &|expr| match expr {
        Expr::Binary { op: BinaryOp::Sub | BinaryOp::Div, left, right } => left == right,
        Expr::Leaf { leaf: Leaf::Kl { p, q, .. } } => p == q,
        _ => false,
    })
}

/// Tells whether a player is read outside of parts without gradient.
pub(super) fn read_by(expr: &Expr, player: &ValueName) -> bool {
    reaches(expr, player, &|_| false)
}

/// Tells whether there is a leaf of a player outside of all expressions for which `skips` is true.
fn reaches(expr: &Expr, player: &ValueName, skips: &impl Fn(&Expr) -> bool) -> bool {
    match expr {
        _ if skips(expr) => false,
        Expr::Const { .. } | Expr::StopGrad { .. } => false,
        Expr::Leaf { leaf } => leaf.players().any(|read| read == player),
        Expr::Estimate { policy, arg, .. } => policy == player || reaches(arg, player, skips),
        Expr::Unary { .. } | Expr::Binary { .. } | Expr::Clip { .. } | Expr::Reduce { .. } | Expr::Named { .. } => {
            expr.children().any(|child| reaches(child, player, skips))
        }
    }
}
