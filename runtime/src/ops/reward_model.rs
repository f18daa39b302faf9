//! `reward_model`: a player that scores; its backbone is a copy of a model.

use burn::module::Module;
use pbpo_plan::Stage;
use pbpo_plan::ops::reward_model::{self, Settings};

use super::{Op, config};
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::model::{Head, RewardModel};
use crate::optimizer::Optimizer;
use crate::player::{Model, Mover, Player};
use crate::value::Value;

pub struct MakeRewardModel;

impl Op for MakeRewardModel {
    fn run(&self, stage: &Stage, env: &mut Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let Settings { head, bound, optimizer } = config(stage)?;
        let head = match head {
            reward_model::Head::Sequence => Head::Sequence,
            reward_model::Head::Token => Head::Token,
        };
        let init = env.init(stage, "init")?;
        // A frozen backbone has no gradient: none is computed, counted in the norm or used to clip the head's.
        let frozen = optimizer.backbone_lr == Some(0.0);
        let backbone = init.model.clone();
        let backbone = if frozen { backbone.no_grad().frozen() } else { backbone };
        let mut model = RewardModel::new(backbone, head, bound, &context.device);
        if let Some(score) = &init.score {
            model.take(score)?;
            let text = match init.model.config.reward_bound {
                Some(own) if own == bound => None,
                Some(own) => Some(format!(
                    "the checkpoint's rewards had the bound {own}, here it is {bound}: they come out otherwise"
                )),
                None => Some(format!("scores of the checkpoint beyond `bound` ({bound}) are squeezed towards it")),
            };
            text.map_or(Ok(()), |text| context.notice_once(&stage.name, text))?;
        }
        Ok(vec![Value::Player(Box::new(Player {
            model: Model::Reward(model),
            mover: Mover::Steps(Optimizer::new(optimizer)),
            tokenizer: init.tokenizer.clone(),
            base: init.base.clone(),
            sampling: None,
        }))])
    }
}
