//! Objectives in a plan: a scalar expression over leaves that the players compute.
//!
//! Every quantity has axes: none (a scalar), `[sample]` or `[pair]` (one value for each row of a batch), and with
//! `token` one value for each response token of each row. `value` names are plan values; a leaf names them directly
//! (they are also inputs of the stage that holds the expression).

use serde::{Deserialize, Serialize};

use super::ValueName;

/// A node of an objective.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "node", rename_all = "snake_case")]
pub enum Expr {
    /// A number.
    Const {
        value: f64,
    },
    /// A player's value for a batch.
    Leaf {
        leaf: Leaf,
    },
    Unary {
        op: UnaryOp,
        arg: Box<Expr>,
    },
    Binary {
        op: BinaryOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// Limits the argument to `low..high`.
    Clip {
        arg: Box<Expr>,
        low: f64,
        high: f64,
    },
    /// Reduces one axis. `Axis::Token` leaves rows; `Axis::Row` leaves a scalar (the argument then
    /// has no token axis). Padding never counts.
    Reduce {
        reduction: Reduction,
        axis: Axis,
        arg: Box<Expr>,
    },
    /// The argument without gradient.
    StopGrad {
        arg: Box<Expr>,
    },
    /// A scalar that is logged under this metric name; its value and gradient are the argument's.
    Named {
        name: String,
        arg: Box<Expr>,
    },
    /// Inserted by the compiler around the argument of a row reduction whose rows were sampled from the moved player.
    /// It has the value of `arg`; its gradient also has the score-function term `sum_t A_t grad log policy(y_t)`, with
    /// advantages A made from `arg` by `estimator`. `arg` is `[sample]` (one advantage for each sequence) or
    /// `[sample, token]` (reward-to-go; the node then gives the sum over tokens, so its axes are always `[sample]`).
    Estimate {
        estimator: Estimator,
        policy: ValueName,
        rollouts: ValueName,
        arg: Box<Expr>,
    },
}

impl Expr {
    /// Returns the expressions that this one is made of, from left to right.
    pub fn children(&self) -> impl DoubleEndedIterator<Item = &Expr> {
        let (first, second) = match self {
            Expr::Const { .. } | Expr::Leaf { .. } => (None, None),
            Expr::Binary { left, right, .. } => (Some(left), Some(right)),
            Expr::Unary { arg, .. }
            | Expr::Clip { arg, .. }
            | Expr::Reduce { arg, .. }
            | Expr::StopGrad { arg }
            | Expr::Named { arg, .. }
            | Expr::Estimate { arg, .. } => (Some(arg), None),
        };
        [first, second].into_iter().flatten().map(|child| &**child)
    }

    /// Returns this expression with `change` applied to each of its children.
    pub fn map(self, mut change: impl FnMut(Expr) -> Expr) -> Expr {
        let mut of = |child: Box<Expr>| Box::new(change(*child));
        match self {
            Expr::Const { .. } | Expr::Leaf { .. } => self,
            Expr::Unary { op, arg } => Expr::Unary { op, arg: of(arg) },
            Expr::Binary { op, left, right } => Expr::Binary { op, left: of(left), right: of(right) },
            Expr::Clip { arg, low, high } => Expr::Clip { arg: of(arg), low, high },
            Expr::Reduce { reduction, axis, arg } => Expr::Reduce { reduction, axis, arg: of(arg) },
            Expr::StopGrad { arg } => Expr::StopGrad { arg: of(arg) },
            Expr::Named { name, arg } => Expr::Named { name, arg: of(arg) },
            Expr::Estimate { estimator, policy, rollouts, arg } => {
                Expr::Estimate { estimator, policy, rollouts, arg: of(arg) }
            }
        }
    }

    /// Returns this expression with other names of values.
    pub(crate) fn renamed(self, now: &impl Fn(&ValueName) -> ValueName) -> Expr {
        match self.map(|child| child.renamed(now)) {
            Expr::Leaf { leaf } => Expr::Leaf { leaf: leaf.renamed(now) },
            Expr::Estimate { estimator, policy, rollouts, arg } => {
                Expr::Estimate { estimator, policy: now(&policy), rollouts: now(&rollouts), arg }
            }
            other @ (Expr::Const { .. }
            | Expr::Unary { .. }
            | Expr::Binary { .. }
            | Expr::Clip { .. }
            | Expr::Reduce { .. }
            | Expr::StopGrad { .. }
            | Expr::Named { .. }) => other,
        }
    }

    /// Returns this expression and all expressions inside it, each before its children, from left to right.
    pub fn nodes(&self) -> impl Iterator<Item = &Expr> {
        let mut open = vec![self];
        std::iter::from_fn(move || {
            let next = open.pop()?;
            open.extend(next.children().rev());
            Some(next)
        })
    }

    /// Returns all leaves, from left to right.
    pub fn leaves(&self) -> impl Iterator<Item = &Leaf> {
        self.nodes().filter_map(|node| if let Expr::Leaf { leaf } = node { Some(leaf) } else { None })
    }
}

/// A quantity computed by a player (or an oracle) on a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Leaf {
    /// Log-probability of each response token: `[row, token]`, in nats.
    Logp { policy: ValueName, batch: BatchRef },
    /// Exact entropy of the next-token distribution at each response position: `[row, token]`, nats.
    Entropy { policy: ValueName, batch: BatchRef },
    /// Exact KL(p || q) of the next-token distributions at each response position: `[row, token]`, nats.
    Kl { p: ValueName, q: ValueName, batch: BatchRef },
    /// Reward of each response token, from a token head: `[row, token]`.
    TokenReward { reward_model: ValueName, batch: BatchRef },
    /// Reward of each response, from a sequence head: `[row]`.
    Reward { reward_model: ValueName, batch: BatchRef },
    /// The oracle's own score of each response, without gradient: `[row]`.
    Score { oracle: ValueName, batch: BatchRef },
    /// Number of pairs in a preference set: a scalar.
    Size { preferences: ValueName },
}

impl Leaf {
    /// Returns the rows on which it is computed.
    pub fn batch(&self) -> Option<&BatchRef> {
        match self {
            Leaf::Logp { batch, .. }
            | Leaf::Entropy { batch, .. }
            | Leaf::Kl { batch, .. }
            | Leaf::TokenReward { batch, .. }
            | Leaf::Reward { batch, .. }
            | Leaf::Score { batch, .. } => Some(batch),
            Leaf::Size { .. } => None,
        }
    }

    /// Returns the same for a change.
    pub(crate) fn batch_mut(&mut self) -> Option<&mut BatchRef> {
        match self {
            Leaf::Logp { batch, .. }
            | Leaf::Entropy { batch, .. }
            | Leaf::Kl { batch, .. }
            | Leaf::TokenReward { batch, .. }
            | Leaf::Reward { batch, .. }
            | Leaf::Score { batch, .. } => Some(batch),
            Leaf::Size { .. } => None,
        }
    }

    /// Returns this leaf with other names of values.
    fn renamed(self, now: &impl Fn(&ValueName) -> ValueName) -> Leaf {
        let of = |batch: BatchRef| BatchRef { value: now(&batch.value), ..batch };
        match self {
            Leaf::Logp { policy, batch } => Leaf::Logp { policy: now(&policy), batch: of(batch) },
            Leaf::Entropy { policy, batch } => Leaf::Entropy { policy: now(&policy), batch: of(batch) },
            Leaf::Kl { p, q, batch } => Leaf::Kl { p: now(&p), q: now(&q), batch: of(batch) },
            Leaf::TokenReward { reward_model, batch } => {
                Leaf::TokenReward { reward_model: now(&reward_model), batch: of(batch) }
            }
            Leaf::Reward { reward_model, batch } => Leaf::Reward { reward_model: now(&reward_model), batch: of(batch) },
            Leaf::Score { oracle, batch } => Leaf::Score { oracle: now(&oracle), batch: of(batch) },
            Leaf::Size { preferences } => Leaf::Size { preferences: now(&preferences) },
        }
    }

    /// Returns the values of the policies and reward models that compute it. An oracle has no gradient and is not one.
    pub fn players(&self) -> impl Iterator<Item = &ValueName> {
        let (first, second) = match self {
            Leaf::Logp { policy, .. } | Leaf::Entropy { policy, .. } => (Some(policy), None),
            Leaf::Kl { p, q, .. } => (Some(p), Some(q)),
            Leaf::TokenReward { reward_model, .. } | Leaf::Reward { reward_model, .. } => (Some(reward_model), None),
            Leaf::Score { .. } | Leaf::Size { .. } => (None, None),
        };
        [first, second].into_iter().flatten()
    }

    /// Returns every value of the plan that it reads.
    pub fn values(&self) -> impl Iterator<Item = &ValueName> {
        let other = match self {
            Leaf::Score { oracle, .. } => Some(oracle),
            Leaf::Size { preferences } => Some(preferences),
            Leaf::Logp { .. }
            | Leaf::Entropy { .. }
            | Leaf::Kl { .. }
            | Leaf::TokenReward { .. }
            | Leaf::Reward { .. } => None,
        };
        let batch = self.batch().map(|batch| &batch.value);
        self.players().chain(other).chain(batch)
    }
}

/// The rows a leaf is computed on: rollouts, or one side of a preference set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BatchRef {
    /// A value of kind rollouts (no side) or preferences (with side).
    pub value: ValueName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Chosen,
    Rejected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnaryOp {
    Neg,
    Exp,
    Log,
    LogSigmoid,
    Softplus,
    Square,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Min,
    Max,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    Mean,
    Sum,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    Token,
    Row,
}

/// The way in which advantages are made from per-sample returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Estimator {
    /// The return itself, less the mean over the batch of the other samples.
    Reinforce,
    /// Less the mean of the other samples of the same prompt (leave one out).
    Rloo { group: usize },
    /// Less the mean of the prompt's samples, divided by their standard deviation.
    Grpo { group: usize },
}
