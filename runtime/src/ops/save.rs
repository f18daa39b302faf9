//! `save`: writes a player as a checkpoint of the run directory.

use pbpo_plan::Stage;
use pbpo_plan::ops::save::Settings;

use super::{Op, config};
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::event::Checkpoint;
use crate::value::Value;

pub struct Save;

impl Op for Save {
    fn run(&self, stage: &Stage, env: &mut Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let Settings { every, keep } = config(stage)?;
        let (every, keep) = (every as usize, keep.map(|keep| keep as usize));
        let player = env.player(stage, "player")?;
        // Trained players are saved when the run ends, for any `every`; a follower is saved only here.
        let follows = !player.is_moved();
        let last = follows && context.counters.episode == context.counters.episodes;
        if last || context.counters.episode.is_multiple_of(every.max(1)) {
            let name = super::block(stage, "player");
            let step = context.step();
            context.save(&Checkpoint { stage: &stage.name, name, step, keep, player })?;
        }
        Ok(Vec::new())
    }
}
