//! The axes of a value: rows of one batch, and tokens of each row.

use pbpo_plan::{BatchRef, Expr, ValueName};

/// The rows of a batch: samples of rollouts, or pairs of preferences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The plan's name of the batch; different batches have different rows.
    pub value: ValueName,
    /// Its name in the file.
    pub name: String,
    pub pair: bool,
}

impl Row {
    /// Returns `sample` or `pair`.
    pub fn axis(&self) -> &'static str {
        if self.pair { "pair" } else { "sample" }
    }
}

/// An expression with its axes. A scalar has none.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    pub expr: Expr,
    pub row: Option<Row>,
    /// The batch (and side) for whose tokens it has values.
    pub token: Option<BatchRef>,
}

impl Typed {
    pub fn scalar(expr: Expr) -> Self {
        Self { expr, row: None, token: None }
    }

    pub fn number(value: f64) -> Self {
        Self::scalar(Expr::Const { value })
    }

    /// Makes another expression over the same axes.
    pub fn map(self, change: impl FnOnce(Box<Expr>) -> Expr) -> Self {
        Self { expr: change(Box::new(self.expr)), ..self }
    }

    pub fn constant(&self) -> Option<f64> {
        match self.expr {
            Expr::Const { value } => Some(value),
            _ => None,
        }
    }

    /// Returns the axes as text: `a scalar`, `[sample of y]`, `[pair of b, token]`.
    pub fn axes(&self) -> String {
        match (&self.row, &self.token) {
            (None, _) => "a scalar".into(),
            (Some(row), None) => format!("[{} of {}]", row.axis(), row.name),
            (Some(row), Some(_)) => format!("[{} of {}, token]", row.axis(), row.name),
        }
    }
}

type Axes = (Option<Row>, Option<BatchRef>);

/// Returns the axes of two values taken together: a scalar fits every value, other axes must be equal. Otherwise
/// returns advice as an error.
pub(super) fn combine(a: &Typed, b: &Typed) -> Result<Axes, &'static str> {
    match (&a.row, &b.row) {
        (None, _) => Ok((b.row.clone(), b.token.clone())),
        (_, None) => Ok((a.row.clone(), a.token.clone())),
        (Some(x), Some(y)) if x != y => Err("take the mean of each first: `mean(...)`"),
        _ if a.token == b.token => Ok((a.row.clone(), a.token.clone())),
        _ if a.token.is_some() && b.token.is_some() => {
            Err("the two sides of a pair have different tokens: `sum(... over token)` first")
        }
        _ => Err("sum the one with tokens first: `sum(... over token)`"),
    }
}
