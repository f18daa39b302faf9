//! `ascend` and `descend`: one optimizer step of a player along its objective's gradient.

use burn::module::Module;
use burn::tensor::Tensor;
use pbpo_plan::{BatchRef, Side, Stage, ValueName};

use super::Op;
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::model::recompute::add;
use crate::objective::{Evaluator, Leaves, Moved, forwards, implicit};
use crate::optimizer;
use crate::player::{Mover, Player};
use crate::value::{Value, tracked};

pub struct Ascend;
pub struct Descend;

impl Op for Ascend {
    fn run(&self, stage: &Stage, env: &mut Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        step(stage, env, context, 1.0)
    }
}

impl Op for Descend {
    fn run(&self, stage: &Stage, env: &mut Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        step(stage, env, context, -1.0)
    }
}

/// Moves the player up (`sign` 1) or down (-1).
fn step(stage: &Stage, env: &mut Env, context: &mut Context<'_>, sign: f64) -> Result<Vec<Value>, Fault> {
    let name = super::named(stage, "player")?.clone();
    let objective = stage.objective.as_ref().ok_or_else(|| Fault::new("the plan gives no objective"))?;
    let player = env.player(stage, "player")?;
    if !matches!(player.mover, Mover::Steps(_)) {
        return Err(unmoved(&name));
    }
    let is_policy = player.policy().is_some();
    let moved = Moved { value: name.clone(), model: tracked(&player.model) };
    let mut leaves = Leaves::new(&env.values, moved, &context.device);
    let listed = leaves.listed(objective, &stage.forwards);
    let apart = leaves.prepare(&listed)?;
    let mut evaluator = Evaluator::new(&mut leaves);
    let value = evaluator.eval(objective)?;
    let value = evaluator.matrix(&value);
    let named = std::mem::take(&mut evaluator.named);
    let reached = f64::from(value.clone().into_scalar::<f32>());
    if !reached.is_finite() {
        return Err(Fault::new(format!("the objective is {reached}"))
            .help("lower the learning rate, bound the reward model, or clip the objective's terms"));
    }
    let gradients = value.mul_scalar(-sign).backward();

    let prefix = if is_policy { "policy" } else { "rm" };
    context.record(&format!("{prefix}/objective"), reached);
    for (term, value) in named {
        context.record(&metric_name(&term, is_policy), f64::from(value.into_scalar::<f32>()));
    }
    record_pairs(stage, env, &mut leaves, context)?;

    let pulled = leaves.pull(&gradients)?;
    let model = leaves.into_moved().model;
    let mut own = forwards::gradients(&model, gradients, apart);
    add(&model, &mut own, pulled);
    let norm = optimizer::norm(&model, &own)?;
    context.record(&format!("{prefix}/grad_norm"), f64::from(norm));
    let Value::Player(player) = env.take(stage, "player")? else { return Err(unmoved(&name)) };
    let Player { model: old, mover: Mover::Steps(mut steps), tokenizer, base, sampling } = *player else {
        return Err(unmoved(&name));
    };
    // The old weights are dropped before the step, which then changes its unshared tensors in place.
    drop(old);
    let head = model.head();
    let model = steps.step(model, own, norm, head).valid();
    Ok(vec![Value::Player(Box::new(Player { model, mover: Mover::Steps(steps), tokenizer, base, sampling }))])
}

fn unmoved(player: &ValueName) -> Fault {
    Fault::new(format!("`{player}` can't be moved: it has no optimizer"))
}

/// Returns the usual name in the literature of a named term, if it has one.
fn metric_name(term: &str, is_policy: bool) -> String {
    match (term, is_policy) {
        ("gap", true) => "game/value".into(),
        ("gap", false) => "game/rm_gap".into(),
        ("nll", _) => "confidence/nll".into(),
        ("kl" | "entropy", _) => format!("objective/{term}"),
        _ => term.into(),
    }
}

/// Returns 1 for each positive entry, 1/2 for each 0 (a pair of equal responses), else 0.
pub fn share_positive(x: Tensor<2>) -> Tensor<2> {
    x.sign().add_scalar(1.0).mul_scalar(0.5)
}

/// Records accuracy and margin on the step's labelled pairs: of the reward model (`rm/*`), or of a policy's implicit
/// reward against a reference (`rewards/*`).
fn record_pairs(stage: &Stage, env: &Env, leaves: &mut Leaves<'_>, context: &mut Context<'_>) -> Result<(), Fault> {
    let side = |value: &ValueName, side| BatchRef { value: value.clone(), side: Some(side) };
    let sets: Vec<&ValueName> = stage
        .inputs
        .iter()
        .map(|(_, v)| v)
        .filter(|v| matches!(env.values.get(*v), Some(Value::Preferences(_))))
        .collect();
    for (_, player) in &stage.inputs {
        let Some(model) = env.values.get(player).and_then(Value::player).and_then(Player::reward_model) else {
            continue;
        };
        for set in &sets {
            let chosen = leaves.known_reward(player, &side(set, Side::Chosen), model.kind);
            let rejected = leaves.known_reward(player, &side(set, Side::Rejected), model.kind);
            if let (Some(chosen), Some(rejected)) = (chosen, rejected) {
                let margin = chosen.clone() - rejected;
                let scalar = |t: Tensor<2>| f64::from(t.mean().into_scalar::<f32>());
                context.record("rm/accuracy", scalar(share_positive(margin.clone())));
                context.record("rm/margin", scalar(margin));
                context.record("rm/mean_reward", scalar(chosen));
            }
        }
    }
    let objective = stage.objective.as_ref();
    let beta = objective.zip(stage.input("player")).and_then(|(objective, player)| implicit::beta(objective, player));
    for set in sets {
        leaves.record_implicit(set, beta, context)?;
    }
    Ok(())
}
