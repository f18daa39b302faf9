//! Labelled pairs in objectives: finds the set of an expression's rows, and makes the expression under the other label.
//!
//! A pair with a soft label stands for the expectation over the label. In reductions over rows of such a set, a
//! quantity `q(chosen, rejected)` counts as `p q(chosen, rejected) + (1 - p) q(rejected, chosen)`.

use super::{Axis, BatchRef, Expr, Leaf, Side, ValueName};

impl Expr {
    /// Returns the preference set whose pairs are the rows of an expression; `None` for a scalar.
    pub fn pairs(&self) -> Option<&ValueName> {
        match self {
            Expr::Leaf { leaf } => leaf.batch().filter(|batch| batch.side.is_some()).map(|batch| &batch.value),
            Expr::Const { .. } | Expr::Estimate { .. } | Expr::Reduce { axis: Axis::Row, .. } => None,
            Expr::Unary { .. }
            | Expr::Binary { .. }
            | Expr::Clip { .. }
            | Expr::Reduce { axis: Axis::Token, .. }
            | Expr::StopGrad { .. }
            | Expr::Named { .. } => self.children().find_map(Expr::pairs),
        }
    }

    /// Returns the expression of a row with the sides of the pair exchanged. Scalars in it do not change.
    pub fn swapped(&self) -> Expr {
        self.clone().into_swapped()
    }

    fn into_swapped(self) -> Expr {
        match self {
            Expr::Leaf { leaf } => Expr::Leaf { leaf: leaf.swapped() },
            Expr::Const { .. } | Expr::Estimate { .. } | Expr::Named { .. } | Expr::Reduce { axis: Axis::Row, .. } => {
                self
            }
            Expr::Unary { .. }
            | Expr::Binary { .. }
            | Expr::Clip { .. }
            | Expr::Reduce { axis: Axis::Token, .. }
            | Expr::StopGrad { .. } => self.map(Expr::into_swapped),
        }
    }
}

impl Leaf {
    /// Returns the leaf of the other side.
    fn swapped(mut self) -> Leaf {
        if let Some(batch) = self.batch_mut() {
            batch.swap();
        }
        self
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
        let batch = BatchRef { value: ValueName::of("b"), side: Some(side) };
        Expr::Leaf { leaf: Leaf::Logp { policy: ValueName::of("pi"), batch } }
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
        assert_eq!(row(&chosen, &rejected).pairs(), Some(&ValueName::of("b")));
        assert_eq!(scalar.pairs(), None);
    }

    #[test]
    fn a_soft_set_is_read_on_both_sides() {
        let objective = reduce(Axis::Row, reduce(Axis::Token, leaf(Side::Chosen)));
        let sides = |found: Vec<crate::Forward>| found.iter().filter_map(|f| f.batch.side).collect::<Vec<_>>();
        assert_eq!(sides(forwards(&objective)), [Side::Chosen]);
        assert_eq!(sides(forwards_where(&objective, &|set| *set == *"b")), [Side::Chosen, Side::Rejected]);
        assert_eq!(sides(forwards_where(&objective, &|set| *set == *"c")), [Side::Chosen]);
    }
}
