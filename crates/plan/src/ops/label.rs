//! `label`: pairs of responses with what an oracle says of them.

use crate::cost::Spent;
use crate::flow::Flow;
use crate::memory::{Estimate, Room, Working};
use crate::{Stage, ValueName};

use super::{Info, unset};

pub(super) const INFO: Info = Info {
    version: 1,
    random: true,
    source: false,
    leaves: true,
    player: false,
    reads_responses: false,
    objective: false,
    batch: None,
    settings: unset,
    rows,
    cost,
    room,
};

fn rows(stage: &Stage, flow: &Flow<'_>) -> u64 {
    flow.from(stage, "first").map_or(0, |first| flow.rows(first))
}

fn cost<'a>(stage: &'a Stage, flow: &Flow<'a>, times: u64) -> Spent {
    Spent { labelled_pairs: rows(stage, flow) * times, ..Spent::default() }
}

/// Pairs that a local reward model scores.
fn room<'a>(estimate: &mut Estimate<'a>, stage: &'a Stage, _: &[&ValueName]) -> Room {
    let (Some(model), Some(first)) = (estimate.input(stage, "oracle"), stage.input("first")) else {
        return Room::default();
    };
    let batch = estimate.rows(first, &model.shape);
    let tokens = (batch.rows * batch.length).min(model.shape.reads(batch.length, estimate.sizes.limits));
    let activations = model.shape.read(tokens, batch.length, model.number());
    Room::while_working(Working { activations, ..Working::default() })
}
