//! `ascend` and `descend`: one optimizer step of a player along its objective's gradient.

use burn::module::Module;
use burn::tensor::Tensor;
use pbpo_compiler::plan::{BatchRef, Side, Stage};

use super::Op;
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::model::recompute::add;
use crate::objective::{Evaluator, Leaves, Moved, forwards};
use crate::value::{Mover, Policy, Reward, Value, tracked};

pub struct Ascend;
pub struct Descend;

impl Op for Ascend {
    fn run(&self, stage: &Stage, env: &Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        step(stage, env, context, 1.0)
    }
}

impl Op for Descend {
    fn run(&self, stage: &Stage, env: &Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        step(stage, env, context, -1.0)
    }
}

/// Moves the player up (`sign` 1) or down (-1).
fn step(stage: &Stage, env: &Env, context: &mut Context<'_>, sign: f64) -> Result<Vec<Value>, Fault> {
    let name = stage.input("player").unwrap_or_default().to_owned();
    let objective = stage.objective.as_ref().ok_or_else(|| Fault::new("the plan gives no objective"))?;
    let player = env.get(stage, "player")?;
    let moved = match player {
        Value::Policy(p) => Moved::Policy { value: name.clone(), model: tracked(&p.model) },
        Value::Reward(r) => Moved::Reward { value: name.clone(), model: tracked(&r.model) },
        other => return Err(Fault::new(format!("{} can't be moved", other.kind()))),
    };
    let is_policy = matches!(moved, Moved::Policy { .. });
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
    let (value, norm) = match (leaves.into_moved(), player) {
        (Moved::Policy { model, .. }, Value::Policy(p)) => {
            let mut optimizer = p
                .optimizer
                .clone()
                .ok_or_else(|| Fault::new(format!("`{name}` follows another policy and has no optimizer")))?;
            let (model, norm) = {
                let mut own = forwards::gradients(&model, gradients, apart);
                add(&model, &mut own, pulled);
                optimizer.step(model, own, None)?
            };
            let policy = Policy { model: model.valid(), optimizer: Some(optimizer), ..(**p).clone() };
            (Value::Policy(Box::new(policy)), norm)
        }
        (Moved::Reward { model, .. }, Value::Reward(r)) => {
            let Mover::Steps(mut optimizer) = r.mover.clone() else {
                return Err(Fault::new(format!("`{name}` is solved and has no optimizer")));
            };
            let head = model.head.id;
            let (model, norm) = {
                let mut own = forwards::gradients(&model, gradients, apart);
                add(&model, &mut own, pulled);
                optimizer.step(model, own, Some(head))?
            };
            let reward = Reward { model: model.valid(), mover: Mover::Steps(optimizer), ..(**r).clone() };
            (Value::Reward(Box::new(reward)), norm)
        }
        _ => return Err(Fault::new(format!("`{name}` can't be moved"))),
    };
    context.record(&format!("{prefix}/grad_norm"), norm);
    Ok(vec![value])
}

/// The field's name of a named term, where it has one.
fn metric_name(term: &str, is_policy: bool) -> String {
    match (term, is_policy) {
        ("gap", true) => "game/value".into(),
        ("gap", false) => "game/rm_gap".into(),
        ("nll", _) => "confidence/nll".into(),
        ("kl" | "entropy", _) => format!("objective/{term}"),
        _ => term.into(),
    }
}

/// 1 for each positive entry, 1/2 for each 0 (a pair of equal responses).
pub fn share_positive(x: Tensor<2>) -> Tensor<2> {
    x.sign().add_scalar(1.0).mul_scalar(0.5)
}

/// Accuracy and margin on the labelled pairs that the step looked at: of the reward model
/// (`rm/*`), or of a policy's implicit reward against a reference (`rewards/*`, up to the factor beta).
fn record_pairs(stage: &Stage, env: &Env, leaves: &mut Leaves<'_>, context: &mut Context<'_>) -> Result<(), Fault> {
    let side = |value: &str, side| BatchRef { value: value.to_owned(), side: Some(side) };
    let sets: Vec<&str> = stage
        .inputs
        .iter()
        .map(|(_, v)| v.as_str())
        .filter(|v| matches!(env.values.get(*v), Some(Value::Preferences(_))))
        .collect();
    for (_, player) in &stage.inputs {
        let Some(Value::Reward(r)) = env.values.get(player) else { continue };
        for set in &sets {
            let chosen = leaves.known_reward(player, &side(set, Side::Chosen), r.model.kind);
            let rejected = leaves.known_reward(player, &side(set, Side::Rejected), r.model.kind);
            if let (Some(chosen), Some(rejected)) = (chosen, rejected) {
                let margin = chosen.clone() - rejected;
                let scalar = |t: Tensor<2>| f64::from(t.mean().into_scalar::<f32>());
                context.record("rm/accuracy", scalar(share_positive(margin.clone())));
                context.record("rm/margin", scalar(margin));
                context.record("rm/mean_reward", scalar(chosen));
            }
        }
    }
    for set in sets {
        leaves.record_implicit(set, context)?;
    }
    Ok(())
}
