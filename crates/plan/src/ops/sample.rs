//! `sample`: responses of a policy to prompts drawn from data.

use crate::Stage;
use crate::cost::Spent;
use crate::flow::{Flow, int};
use crate::memory::{Room, Walk};

use super::Info;

pub(super) const INFO: Info = Info {
    version: 1,
    random: true,
    source: false,
    leaves: false,
    player: false,
    reads_responses: false,
    objective: false,
    batch: Some("count"),
    rows,
    cost,
    room,
};

fn rows(stage: &Stage, _: &Flow<'_>) -> u64 {
    int(stage, "count")
}

fn cost<'a>(stage: &'a Stage, flow: &Flow<'a>, times: u64) -> Spent {
    flow.generates(stage, "prompts", int(stage, "count"), int(stage, "max_new"), times)
}

fn room<'a>(walk: &mut Walk<'a>, stage: &'a Stage, _: &[&str]) -> Room {
    Room::while_working(walk.sampled(stage, "policy", int(stage, "count")))
}
