//! Gradients of objectives against finite differences, and the estimator against enumeration.

mod common;
#[path = "common/objectives.rs"]
mod objectives;

use std::collections::HashMap;
use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::Device;
use objectives::{
    Nudge, assert_close, batch, binary, compare, direction, directional, leaf, logp, number, ratio, reduce, reward,
    rows_mean, unary,
};
use pbpo_plan::{Axis, BinaryOp, Estimator, Expr, Leaf, Reduction, Side, UnaryOp, ValueName};
use pbpo_runtime::batch::Row;
use pbpo_runtime::data::Data;
use pbpo_runtime::model::{Decoder, Head};
use pbpo_runtime::objective::{Evaluator, Leaves, Moved};
use pbpo_runtime::player::Model;
use pbpo_runtime::tokenizer::EOS;
use pbpo_runtime::value::{Pair, Preferences, Rollouts, Value, tracked};

// --- a world with two policies, a reward model, rollouts and pairs ---

fn world(head: Head) -> HashMap<ValueName, Value> {
    let data = common::data(&["ab", "c"]);
    let rows = vec![common::row(&[3, 4], &[5, EOS]), common::row(&[5], &[3, 3, EOS]), common::row(&[5], &[4])];
    let pair = |a: &Row, b: &Row| Pair::new(a.clone(), b.clone(), 1.0);
    let pairs = vec![pair(&rows[1], &rows[2]), pair(&rows[2], &rows[1]), pair(&rows[1], &rows[0])];
    common::values(vec![
        ("pi", common::policy(&data, 1)),
        ("ref", common::policy(&data, 2)),
        ("r", common::reward(&data, head, 3)),
        ("y", Value::Rollouts(Arc::new(Rollouts { source: common::source(&data), rows, per_prompt: 1 }))),
        ("prefs", Value::Preferences(Preferences::new(common::source(&data), pairs))),
    ])
}

#[test]
fn descent_of_a_reward_model_follows_finite_differences() {
    for head in [Head::Token, Head::Sequence] {
        let margin = binary(
            BinaryOp::Sub,
            reward(head, batch("prefs", Some(Side::Chosen))),
            reward(head, batch("prefs", Some(Side::Rejected))),
        );
        let nll = rows_mean(unary(UnaryOp::Softplus, unary(UnaryOp::Neg, margin)));
        let size = leaf(Leaf::Size { preferences: ValueName::of("prefs") });
        let penalty = binary(BinaryOp::Mul, binary(BinaryOp::Mul, number(0.4), size), nll);
        let objective = binary(BinaryOp::Add, rows_mean(reward(head, batch("y", None))), penalty);
        assert_close("gap + beta |D| nll", compare(&world(head), &objective, "r"));
    }
}

#[test]
fn ascent_of_a_policy_on_dpo_follows_finite_differences() {
    let margin =
        binary(BinaryOp::Sub, ratio(batch("prefs", Some(Side::Chosen))), ratio(batch("prefs", Some(Side::Rejected))));
    let objective = rows_mean(unary(UnaryOp::LogSigmoid, binary(BinaryOp::Mul, number(0.5), margin)));
    assert_close("dpo", compare(&world(Head::Token), &objective, "pi"));
}

/// A fresh token head is zero and all margins are exactly 0, but the gradient must not be 0.
#[test]
fn the_likelihood_has_its_gradient_at_a_margin_of_zero() {
    let mut values = world(Head::Token);
    let Some(Value::Player(r)) = values.get_mut("r") else { unreachable!() };
    let Model::Reward(model) = &mut r.model else { unreachable!() };
    model.head = Param::from_tensor(model.head.val().zeros_like());
    let side = |side| reward(Head::Token, batch("prefs", Some(side)));
    let margin = binary(BinaryOp::Sub, side(Side::Chosen), side(Side::Rejected));
    for (name, nll) in [
        ("softplus", unary(UnaryOp::Softplus, unary(UnaryOp::Neg, margin.clone()))),
        ("log_sigmoid", unary(UnaryOp::LogSigmoid, margin)),
    ] {
        assert_close(name, compare(&values, &rows_mean(nll), "r"));
    }
}

#[test]
fn every_operation_has_the_right_gradient() {
    let values = world(Head::Token);
    let y = || batch("y", None);
    let small = || binary(BinaryOp::Mul, number(0.1), logp("pi", y()));
    let kl = reduce(
        Reduction::Sum,
        Axis::Token,
        leaf(Leaf::Kl { p: ValueName::of("pi"), q: ValueName::of("ref"), batch: y() }),
    );
    let entropy = reduce(Reduction::Mean, Axis::Token, leaf(Leaf::Entropy { policy: ValueName::of("pi"), batch: y() }));
    let cases = vec![
        ("kl", kl),
        ("entropy", entropy),
        ("exp", unary(UnaryOp::Exp, small())),
        ("log", unary(UnaryOp::Log, unary(UnaryOp::Neg, small()))),
        ("softplus", unary(UnaryOp::Softplus, small())),
        ("square", unary(UnaryOp::Square, small())),
        ("div", binary(BinaryOp::Div, number(1.0), small())),
        ("product of two", binary(BinaryOp::Mul, small(), reward(Head::Token, y()))),
        ("min", binary(BinaryOp::Min, small(), number(-0.35))),
        ("max", binary(BinaryOp::Max, small(), number(-0.65))),
        ("clip", Expr::Clip { arg: Box::new(small()), low: -0.65, high: 10.0 }),
    ];
    for (name, case) in cases {
        assert_close(name, compare(&values, &rows_mean(case), "pi"));
    }
}

#[test]
fn stop_gradient_stops_it() {
    let arg = Box::new(logp("pi", batch("y", None)));
    let objective = binary(BinaryOp::Add, rows_mean(Expr::StopGrad { arg }), rows_mean(ratio(batch("y", None))));
    let (autodiff, differences) = compare(&world(Head::Token), &objective, "pi");
    assert!((autodiff / differences - 0.5).abs() < 0.02, "half of the dependence is stopped");
}

/// Every response of at most two tokens, with its probability under the policy.
fn all_responses(model: &Decoder, data: &Arc<Data>) -> Vec<(Row, f64)> {
    let mut rows = vec![common::row(&[3], &[EOS])];
    for first in (0..6).filter(|t| *t != EOS) {
        rows.extend((0..6).map(|second| common::row(&[3], &[first, second])));
    }
    let rollouts = Rollouts { source: common::source(data), rows: rows.clone(), per_prompt: 1 };
    let values = common::values(vec![("y", Value::Rollouts(Arc::new(rollouts)))]);
    let moved = Moved { value: ValueName::of("pi"), model: Model::Policy(tracked(model)) };
    let mut leaves = Leaves::new(&values, moved, &Device::flex());
    let mask = leaves.batch(&batch("y", None)).unwrap().mask();
    let logp = (leaves.logp(&ValueName::of("pi"), &batch("y", None)).unwrap() * mask).sum_dim(1);
    let logp: Vec<f32> = logp.into_data_as::<f32>().try_into_vec().unwrap();
    rows.into_iter().zip(logp.into_iter().map(|l| f64::from(l).exp())).collect()
}

/// The mean of the score-function estimates over all responses, weighted by their probability, is the
/// exact gradient of the expected reward (found by differences of the enumerated expectation).
#[test]
fn the_estimator_is_unbiased() {
    let data = common::data(&["a"]);
    let mut values =
        common::values(vec![("pi", common::policy(&data, 1)), ("r", common::reward(&data, Head::Token, 3))]);
    let pi = values["pi"].player().unwrap().policy().unwrap().model.clone();
    let token_rewards = || leaf(Leaf::TokenReward { reward_model: ValueName::of("r"), batch: batch("y", None) });

    let expected = |model: &Decoder| -> f64 {
        let all = all_responses(model, &data);
        let rows = all.iter().map(|(row, _)| row.clone()).collect();
        let rollouts = Rollouts { source: common::source(&data), rows, per_prompt: 1 };
        let mut values = values.clone();
        values.insert(ValueName::of("y"), Value::Rollouts(Arc::new(rollouts)));
        let moved = Moved { value: ValueName::of("pi"), model: Model::Policy(tracked(model)) };
        let mut leaves = Leaves::new(&values, moved, &Device::flex());
        let mut evaluator = Evaluator::new(&mut leaves);
        let rewards = evaluator.eval(&reduce(Reduction::Sum, Axis::Token, token_rewards())).unwrap();
        let rewards: Vec<f32> = evaluator.matrix(&rewards).into_data_as::<f32>().try_into_vec().unwrap();
        all.iter().zip(rewards).map(|((_, p), r)| p * f64::from(r)).sum()
    };
    let nudged = |scale: f64| expected(&pi.clone().map(&mut Nudge { rng: direction(), scale }));
    let central = |step: f64| (nudged(step) - nudged(-step)) / (2.0 * step);
    let exact = (4.0 * central(1e-3) - central(2e-3)) / 3.0;

    // With one sample and no baseline, the probability-weighted estimates sum to the exact gradient.
    let per_sequence = reduce(Reduction::Sum, Axis::Token, token_rewards());
    for (name, arg) in [("per token", token_rewards()), ("per sequence", per_sequence)] {
        let objective = rows_mean(Expr::Estimate {
            estimator: Estimator::Rloo { group: 1 },
            policy: ValueName::of("pi"),
            rollouts: ValueName::of("y"),
            arg: Box::new(arg),
        });
        let mut mean = 0.0;
        for (row, p) in all_responses(&pi, &data) {
            let rollouts = Rollouts { source: common::source(&data), rows: vec![row], per_prompt: 1 };
            values.insert(ValueName::of("y"), Value::Rollouts(Arc::new(rollouts)));
            mean += p * directional(&values, &objective, &pi);
        }
        assert!((mean / exact - 1.0).abs() < 0.02, "{name}: {mean} against {exact}");
    }
}
