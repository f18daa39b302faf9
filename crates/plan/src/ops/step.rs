//! What `ascend` and `descend` have in common: one step of a player's optimizer.

use crate::cost::Spent;
use crate::flow::Flow;
use crate::forward::forwards;
use crate::memory::{Estimate, Room};
use crate::{Stage, ValueName};

pub(super) fn cost<'a>(stage: &'a Stage, flow: &Flow<'a>, times: u64) -> Spent {
    let mut spent = Spent { optimizer_steps: times, ..Spent::default() };
    let player = stage.input("player");
    for forward in stage.objective.as_ref().map(forwards).unwrap_or_default() {
        let Some(batch) = flow.stage(&forward.batch.value) else { continue };
        let (prompt, response) = flow.row(batch);
        let tokens = flow.rows(batch) * (prompt + response) * times;
        if player == Some(&forward.player) {
            spent.trained += tokens;
        } else {
            spent.scored += tokens;
        }
    }
    spent
}

pub(super) fn room<'a>(estimate: &mut Estimate<'a>, stage: &'a Stage, ends: &[&ValueName]) -> Room {
    estimate.step(stage, ends)
}
