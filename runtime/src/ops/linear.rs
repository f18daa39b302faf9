//! `linear_model`: a reward that is linear in frozen features. `worst`: moves it to the worst reward of a confidence
//! set, in closed form or by the exact solvers of `pbpo-exact`.
//!
//! Each step computes the features of all preferences again; they are not kept between steps.

use std::sync::Arc;

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use pbpo_exact::likelihood::{Preferences, fit_in_ball};
use pbpo_exact::linalg::Covariance;
use pbpo_exact::set::Set;
use pbpo_exact::{dot, minus};
use pbpo_plan::Stage;
use pbpo_plan::ops::{keep, linear_model};

use super::{Op, config};
use crate::batch::Row;
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::exact::kept;
use crate::model::{Head, RewardModel};
use crate::player::{Linear, Model, Mover, Player};
use crate::value::{Features, Value};

pub struct MakeLinear;
pub struct Worst;

impl Op for MakeLinear {
    fn run(&self, stage: &Stage, env: &mut Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let linear_model::Settings { bound, ridge } = config(stage)?;
        let features = env.features(stage, "features")?.clone();
        let kind = if features.mean_pool { Head::Mean } else { Head::Sequence };
        let model = RewardModel::new(features.model.clone(), kind, f64::INFINITY, &context.device);
        let tokenizer = features.tokenizer.clone();
        let linear = Linear { fitted: vec![0.0; features.dim], features, ridge, bound };
        let (model, mover) = (Model::Reward(model), Mover::Solved(linear));
        Ok(vec![Value::Player(Box::new(Player { model, mover, tokenizer, base: None, sampling: None }))])
    }
}

impl Op for Worst {
    fn run(&self, stage: &Stage, env: &mut Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let keep::Settings { keep } = config(stage)?;
        let mut player = env.player(stage, "player")?.clone();
        let (Mover::Solved(linear), Model::Reward(model)) = (&mut player.mover, &mut player.model) else {
            return Err(Fault::new("the worst reward of a network has no closed form"));
        };
        let Seen { data, covariance, gap, difference } = Seen::of(linear, stage, env, &context.device)?;
        let fit = fit_in_ball(&data, linear.ridge, linear.bound, &linear.fitted);
        let set = Set::new(kept(keep, linear.bound), &data, &fit, &covariance, difference);
        let worst = set.worst(&gap);
        context.record("rm/objective", worst.value);
        context.record("game/rm_gap", worst.reward);
        context.record("set/size", set.size());
        // Means over pairs are recorded only if there are pairs.
        if !data.is_empty() {
            let pairs = data.len() as f64;
            context.record("confidence/nll", data.nll(&worst.theta, 0.0) / pairs);
            let right = data.toward.chunks(data.width).filter(|z| dot(z, &worst.theta) > 0.0).count();
            context.record("rm/accuracy", right as f64 / pairs);
        }
        model.head = Param::from_tensor(head(&linear.features, &worst.theta, &context.device));
        linear.fitted = fit.theta.clone();
        Ok(vec![Value::Player(Box::new(player))])
    }
}

/// The data of a step, as features.
struct Seen {
    data: Preferences,
    covariance: Covariance,
    /// `mean phi(y) - mean phi(y0)`, `[d]`.
    gap: Vec<f64>,
    /// A bound on the norm of differences: twice the largest norm of phi in this step.
    difference: f64,
}

impl Seen {
    fn of(linear: &Linear, stage: &Stage, env: &Env, device: &Device) -> Result<Self, Fault> {
        let pairs = env.preferences(stage, "preferences")?;
        let mut largest: f64 = 0.0;
        let mut phi = |rows: Vec<&Row>| -> Result<Vec<Vec<f64>>, Fault> {
            let rows = linear.features.of(&rows, device)?;
            largest = rows.iter().map(|phi| dot(phi, phi).sqrt()).fold(largest, f64::max);
            Ok(rows)
        };
        let (chosen, rejected) = (
            phi(pairs.pairs().map(|pair| &pair.chosen).collect())?,
            phi(pairs.pairs().map(|pair| &pair.rejected).collect())?,
        );
        let mut mean = |port: &str| -> Result<Vec<f64>, Fault> {
            let rows = phi(env.rollouts(stage, port)?.rows.iter().collect())?;
            if rows.is_empty() {
                return Err(Fault::new("there are no responses whose rewards could be compared"));
            }
            let sum = |i: usize| rows.iter().map(|row| row[i]).sum::<f64>();
            Ok((0..linear.features.dim).map(|i| sum(i) / rows.len() as f64).collect())
        };
        let gap = minus(&mean("first")?, &mean("second")?);
        let (mut data, mut covariance) =
            (Preferences::new(linear.features.dim), Covariance::new(&[linear.features.dim], linear.ridge));
        for ((chosen, rejected), pair) in chosen.iter().zip(&rejected).zip(pairs.pairs()) {
            data.push_soft(chosen, rejected, f64::from(pair.probability));
            covariance.add(&minus(chosen, rejected));
        }
        Ok(Self { data, covariance, gap, difference: 2.0 * largest })
    }
}

/// Returns the head `[width, 1]` whose rewards are `<theta, phi>`: hidden states are projected and divided by the root
/// of their width in phi, so the head is theta projected back.
fn head(features: &Arc<Features>, theta: &[f64], device: &Device) -> Tensor<2> {
    let width = features.model.config.width;
    let row = |i: usize| match &features.projection {
        Some(p) => p[i * features.dim..(i + 1) * features.dim].iter().zip(theta).map(|(p, t)| f64::from(*p) * t).sum(),
        None => theta[i],
    };
    let weights: Vec<f32> = (0..width).map(|i| (row(i) / (width as f64).sqrt()) as f32).collect();
    Tensor::from_data(TensorData::new(weights, [width, 1]), device)
}
