//! The forwards of a step: the players' outputs for batches, made before the objective is evaluated.
//!
//! Passes list them (`passes/`). A step without a list makes each forward when its objective first needs it; the
//! results are the same.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use super::{Axis, BatchRef, Expr, Leaf, ValueName};

/// A player's forward over a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    pub gives: Gives,
    /// The value of a policy or a reward model.
    pub player: ValueName,
    pub batch: BatchRef,
    /// The value of the `forward` stage that made it, if there is one; also an input of the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<ValueName>,
}

/// The part of a forward's output that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gives {
    /// Log-probability of each response token, `[row, token]`, nats.
    Logp,
    /// Log-probabilities of all next tokens, `[row, token, vocabulary]`, nats.
    LogProbs,
    /// Rewards, `[row, token]` or `[row]` by the model's head.
    Rewards,
}

impl Gives {
    /// Returns the word in plans.
    pub fn word(self) -> &'static str {
        match self {
            Gives::Logp => "logp",
            Gives::LogProbs => "log_probs",
            Gives::Rewards => "rewards",
        }
    }
}

impl Forward {
    /// Tells whether this and another are the same work, except perhaps for the part that is kept.
    pub fn same(&self, other: &Forward) -> bool {
        self.player == other.player && self.batch == other.batch
    }
}

impl Display for Forward {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}({}, {})", self.gives.word(), self.player, self.batch)
    }
}

/// Returns the forwards that an objective needs if all labels are hard, each once. They are in the order in which the
/// objective is read from its end to its start, which is the order in which the gradients of several forwards of one
/// player are added.
pub fn forwards(objective: &Expr) -> Vec<Forward> {
    forwards_where(objective, &|_| false)
}

/// Returns the forwards that an objective needs if some preference sets hold soft labels: each forward over one side of
/// such a set is also needed for the other side (`pairs.rs`).
pub fn forwards_where(objective: &Expr, soft: &dyn Fn(&ValueName) -> bool) -> Vec<Forward> {
    let mut found = Vec::new();
    visit(objective, soft, &mut found);
    found
}

fn visit(expr: &Expr, soft: &dyn Fn(&ValueName) -> bool, found: &mut Vec<Forward>) {
    match expr {
        Expr::Const { .. } => {}
        Expr::Leaf { leaf } => match leaf {
            Leaf::Logp { policy, batch } => add(found, Gives::Logp, policy, batch),
            Leaf::Entropy { policy, batch } => add(found, Gives::LogProbs, policy, batch),
            Leaf::Kl { p, q, batch } => {
                add(found, Gives::LogProbs, q, batch);
                add(found, Gives::LogProbs, p, batch);
            }
            Leaf::TokenReward { reward_model, batch } | Leaf::Reward { reward_model, batch } => {
                add(found, Gives::Rewards, reward_model, batch);
            }
            Leaf::Score { .. } | Leaf::Size { .. } => {}
        },
        Expr::Estimate { policy, rollouts, arg, .. } => {
            add(found, Gives::Logp, policy, &BatchRef { value: rollouts.clone(), side: None });
            visit(arg, soft, found);
        }
        Expr::Reduce { axis: Axis::Row, arg, .. } => {
            visit(arg, soft, found);
            if arg.pairs().is_some_and(soft) {
                visit(&arg.swapped(), soft, found);
            }
        }
        Expr::Unary { .. }
        | Expr::Binary { .. }
        | Expr::Clip { .. }
        | Expr::Reduce { axis: Axis::Token, .. }
        | Expr::StopGrad { .. }
        | Expr::Named { .. } => expr.children().rev().for_each(|child| visit(child, soft, found)),
    }
}

fn add(found: &mut Vec<Forward>, gives: Gives, player: &ValueName, batch: &BatchRef) {
    let new = Forward { gives, player: player.clone(), batch: batch.clone(), from: None };
    match found.iter_mut().find(|known| known.same(&new)) {
        Some(known) => known.gives = known.gives.max(gives),
        None => found.push(new),
    }
}
