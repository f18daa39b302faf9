//! Labelled pairs in objectives: finds the set of an expression's rows, and makes the expression under the other label.
//!
//! A pair with a soft label stands for the expectation over the label. In reductions over rows of such a set, a
//! quantity `q(chosen, rejected)` counts as `p q(chosen, rejected) + (1 - p) q(rejected, chosen)`.

use super::{Axis, BatchRef, Expr, Leaf, Side};

impl Expr {
    /// Returns the preference set whose pairs are the rows of an expression; `None` for a scalar.
    pub fn pairs(&self) -> Option<&str> {
        match self {
            Expr::Leaf { leaf } => leaf.batch().filter(|batch| batch.side.is_some()).map(|batch| batch.value.as_str()),
            Expr::Binary { left, right, .. } => left.pairs().or_else(|| right.pairs()),
            Expr::Const { .. } | Expr::Estimate { .. } | Expr::Reduce { axis: Axis::Row, .. } => None,
            Expr::Unary { arg, .. } | Expr::Clip { arg, .. } | Expr::Reduce { arg, .. } => arg.pairs(),
            Expr::StopGrad { arg } | Expr::Named { arg, .. } => arg.pairs(),
        }
    }

    /// Returns the expression of a row with the sides of the pair exchanged. Scalars in it do not change.
    pub fn swapped(&self) -> Expr {
        let of = |arg: &Expr| Box::new(arg.swapped());
        match self {
            Expr::Leaf { leaf } => Expr::Leaf { leaf: leaf.swapped() },
            Expr::Unary { op, arg } => Expr::Unary { op: *op, arg: of(arg) },
            Expr::Binary { op, left, right } => Expr::Binary { op: *op, left: of(left), right: of(right) },
            Expr::Clip { arg, low, high } => Expr::Clip { arg: of(arg), low: *low, high: *high },
            Expr::Reduce { reduction, axis: Axis::Token, arg } => {
                Expr::Reduce { reduction: *reduction, axis: Axis::Token, arg: of(arg) }
            }
            Expr::StopGrad { arg } => Expr::StopGrad { arg: of(arg) },
            Expr::Const { .. } | Expr::Estimate { .. } | Expr::Named { .. } | Expr::Reduce { axis: Axis::Row, .. } => {
                self.clone()
            }
        }
    }
}

impl Leaf {
    /// Returns the rows on which it is computed.
    pub fn batch(&self) -> Option<&BatchRef> {
        match self {
            Leaf::Logp { batch, .. } | Leaf::Entropy { batch, .. } | Leaf::Kl { batch, .. } => Some(batch),
            Leaf::TokenReward { batch, .. } | Leaf::Reward { batch, .. } | Leaf::Score { batch, .. } => Some(batch),
            Leaf::Size { .. } => None,
        }
    }

    /// Returns the leaf of the other side.
    fn swapped(&self) -> Leaf {
        let mut other = self.clone();
        match &mut other {
            Leaf::Logp { batch, .. } | Leaf::Entropy { batch, .. } | Leaf::Kl { batch, .. } => batch.swap(),
            Leaf::TokenReward { batch, .. } | Leaf::Reward { batch, .. } | Leaf::Score { batch, .. } => batch.swap(),
            Leaf::Size { .. } => {}
        }
        other
    }
}

impl BatchRef {
    fn swap(&mut self) {
        self.side = self.side.map(|side| match side {
            Side::Chosen => Side::Rejected,
            Side::Rejected => Side::Chosen,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forward::{forwards, forwards_where};
    use crate::{BinaryOp, Reduction};

    fn leaf(side: Side) -> Expr {
        let batch = BatchRef { value: "b".into(), side: Some(side) };
        Expr::Leaf { leaf: Leaf::Logp { policy: "pi".into(), batch } }
    }

    fn reduce(axis: Axis, arg: Expr) -> Expr {
        Expr::Reduce { reduction: Reduction::Mean, axis, arg: Box::new(arg) }
    }

    fn minus(left: Expr, right: Expr) -> Expr {
        Expr::Binary { op: BinaryOp::Sub, left: Box::new(left), right: Box::new(right) }
    }

    #[test]
    fn sides_are_exchanged_and_scalars_stay() {
        let [chosen, rejected] = [Side::Chosen, Side::Rejected].map(|side| reduce(Axis::Token, leaf(side)));
        let scalar = Expr::Named { name: "mean".into(), arg: Box::new(reduce(Axis::Row, chosen.clone())) };
        let row =
            |a: &Expr, b: &Expr| minus(Expr::StopGrad { arg: Box::new(minus(a.clone(), b.clone())) }, scalar.clone());
        assert_eq!(row(&chosen, &rejected).swapped(), row(&rejected, &chosen));
        assert_eq!(row(&chosen, &rejected).pairs(), Some("b"));
        assert_eq!(scalar.pairs(), None);
    }

    #[test]
    fn a_soft_set_is_read_on_both_sides() {
        let objective = reduce(Axis::Row, reduce(Axis::Token, leaf(Side::Chosen)));
        let sides = |found: Vec<crate::Forward>| found.iter().filter_map(|f| f.batch.side).collect::<Vec<_>>();
        assert_eq!(sides(forwards(&objective)), [Side::Chosen]);
        assert_eq!(sides(forwards_where(&objective, &|set| set == "b")), [Side::Chosen, Side::Rejected]);
        assert_eq!(sides(forwards_where(&objective, &|set| set == "c")), [Side::Chosen]);
    }
}
