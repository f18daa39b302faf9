//! Soft labels: losses against published formulas, gradients against those of hard labels, and a whole run.

mod common;
#[path = "common/objectives.rs"]
mod objectives;
#[path = "common/tiny.rs"]
mod tiny;

use std::collections::HashMap;
use std::sync::Arc;

use burn::tensor::Device;
use objectives::{
    assert_close, batch, binary, compare, directional, leaf, logp, number, ratio, reduce, reward, rows_mean, unary,
    value_of,
};
use pbpo_plan::{Axis, BinaryOp, Expr, Leaf, Reduction, Side, UnaryOp, ValueName};
use pbpo_runtime::execute;
use pbpo_runtime::model::Head;
use pbpo_runtime::objective::{Evaluator, Leaves, Moved};
use pbpo_runtime::shared::Shared;
use pbpo_runtime::state::RunState;
use pbpo_runtime::tokenizer::EOS;
use pbpo_runtime::value::{Pair, Preferences, Rollouts, Value, tracked};

const PROBABILITIES: [f64; 3] = [0.9, 0.625, 1.0];

/// Makes three pairs; `labels` are the probabilities that the first response is preferred.
fn world(labels: [f64; 3]) -> HashMap<ValueName, Value> {
    let data = common::data(&["ab", "c"]);
    let rows = vec![common::row(&[3, 4], &[5, EOS]), common::row(&[5], &[3, 3, EOS]), common::row(&[5], &[4])];
    let sides = [(1, 2), (2, 0), (1, 0)];
    let pairs = sides.iter().zip(labels).map(|((a, b), p)| Pair::new(rows[*a].clone(), rows[*b].clone(), p));
    common::values(vec![
        ("prefs", Value::Preferences(Preferences::new(common::source(&data), pairs.collect()))),
        ("pi", common::policy(&data, 1)),
        ("ref", common::policy(&data, 2)),
        ("r", common::reward(&data, Head::Token, 3)),
        ("y", Value::Rollouts(Arc::new(Rollouts { source: common::source(&data), rows, per_prompt: 1 }))),
    ])
}

fn moved(values: &HashMap<ValueName, Value>, player: &str) -> Moved {
    Moved { value: ValueName::of(player), model: tracked(&values[player].player().unwrap().model) }
}

/// Rows of a quantity, without its expectation.
fn rows(values: &HashMap<ValueName, Value>, expr: &Expr) -> Vec<f64> {
    let mut leaves = Leaves::new(values, moved(values, "pi"), &Device::flex());
    let mut evaluator = Evaluator::new(&mut leaves);
    let value = evaluator.eval(expr).unwrap();
    let rows: Vec<f32> = evaluator.matrix(&value).into_data_as::<f32>().try_into_vec().unwrap();
    rows.into_iter().map(f64::from).collect()
}

fn minus(left: Expr, right: Expr) -> Expr {
    binary(BinaryOp::Sub, left, right)
}
fn times(factor: f64, arg: Expr) -> Expr {
    binary(BinaryOp::Mul, number(factor), arg)
}
fn chosen(of: impl Fn(pbpo_plan::BatchRef) -> Expr) -> Expr {
    of(batch("prefs", Some(Side::Chosen)))
}
fn rejected(of: impl Fn(pbpo_plan::BatchRef) -> Expr) -> Expr {
    of(batch("prefs", Some(Side::Rejected)))
}
fn margin() -> Expr {
    minus(chosen(ratio), rejected(ratio))
}
fn reward_margin() -> Expr {
    let of = |b| reward(Head::Token, b);
    minus(chosen(of), rejected(of))
}
fn nll() -> Expr {
    rows_mean(unary(UnaryOp::Softplus, unary(UnaryOp::Neg, reward_margin())))
}
fn dpo(beta: f64) -> Expr {
    unary(UnaryOp::Neg, rows_mean(unary(UnaryOp::LogSigmoid, times(beta, margin()))))
}
fn ipo(tau: f64) -> Expr {
    rows_mean(unary(UnaryOp::Square, minus(margin(), number(1.0 / (2.0 * tau)))))
}
fn sppo(eta: f64) -> Expr {
    let off = |ratio, target| rows_mean(unary(UnaryOp::Square, minus(ratio, number(target))));
    binary(BinaryOp::Add, off(chosen(ratio), eta / 2.0), off(rejected(ratio), -eta / 2.0))
}

fn log_sigmoid(x: f64) -> f64 {
    -(-x).exp().ln_1p()
}

fn mean(rows: &[f64], of: impl Fn(f64, f64) -> f64) -> f64 {
    rows.iter().zip(PROBABILITIES).map(|(x, p)| of(*x, p)).sum::<f64>() / rows.len() as f64
}

fn is(found: f64, wanted: f64) {
    assert!((found / wanted - 1.0).abs() < 1e-5, "{found} and {wanted}");
}

#[test]
fn losses_are_those_of_the_field() {
    let values = world(PROBABILITIES);
    let value = |expr: &Expr, player: &str| value_of(&values, expr, moved(&values, player));
    // The value is the cross-entropy of the oracle's probability and the model's.
    let margins = rows(&values, &reward_margin());
    is(value(&nll(), "r"), mean(&margins, |m, p| -p * log_sigmoid(m) - (1.0 - p) * log_sigmoid(-m)));
    // Conservative DPO (TRL's `label_smoothing`), with 1 - p instead of its constant.
    let margins = rows(&values, &margin());
    let conservative = |m: f64, p: f64| -log_sigmoid(0.3 * m) * p - log_sigmoid(-0.3 * m) * (1.0 - p);
    is(value(&dpo(0.3), "pi"), mean(&margins, conservative));
    // IPO regresses on (2 p - 1) / (2 tau): the rest is the label's variance, which does not depend on parameters.
    let target = |p: f64| (2.0 * p - 1.0) / (2.0 * 0.5);
    let variance = |p: f64| 4.0 * p * (1.0 - p) / (2.0 * 0.5_f64).powi(2);
    is(value(&ipo(0.5), "pi"), mean(&margins, |m, p| (m - target(p)).powi(2) + variance(p)));
    // SPPO's own loss has win rates: (ratio - eta (p - 1/2))^2 (arXiv 2405.00675, eq. 4.2).
    let (eta, sides) = (2.0, [rows(&values, &chosen(ratio)), rows(&values, &rejected(ratio))]);
    let wins = mean(&sides[0], |x, p| (x - eta * (p - 0.5)).powi(2));
    let losses = mean(&sides[1], |x, p| (x - eta * (0.5 - p)).powi(2));
    is(value(&sppo(eta), "pi"), wins + losses + mean(&margins, |_, p| 2.0 * eta * eta * p * (1.0 - p)));
}

#[test]
fn gradients_follow_finite_differences() {
    let values = world(PROBABILITIES);
    let size = leaf(Leaf::Size { preferences: ValueName::of("prefs") });
    let penalty = binary(BinaryOp::Mul, times(0.4, size), nll());
    let game = binary(BinaryOp::Add, rows_mean(reward(Head::Token, batch("y", None))), penalty);
    assert_close("gap + beta |D| nll", compare(&values, &game, "r"));
    assert_close("dpo", compare(&values, &dpo(0.5), "pi"));
    assert_close("ipo", compare(&values, &ipo(0.5), "pi"));
    // This objective uses only the chosen side.
    assert_close("sft", compare(&values, &rows_mean(chosen(|b| logp("pi", b))), "pi"));
}

/// The gradient is the mean over all ways to draw the labels, weighted by their probability.
#[test]
fn a_soft_batch_has_the_expected_gradient_of_hard_ones() {
    let entropy =
        |b| reduce(Reduction::Mean, Axis::Token, leaf(Leaf::Entropy { policy: ValueName::of("pi"), batch: b }));
    let clipped = Expr::Clip { arg: Box::new(margin()), low: -10.0, high: 0.0 };
    let centred = minus(margin(), rows_mean(margin()));
    let cases = [
        ("dpo", dpo(0.5)),
        ("ipo", ipo(0.2)),
        ("one side", rows_mean(chosen(|b| logp("pi", b)))),
        ("other words of a side", rows_mean(binary(BinaryOp::Mul, chosen(entropy), rejected(|b| logp("pi", b))))),
        ("clip", rows_mean(clipped)),
        ("stop", rows_mean(binary(BinaryOp::Mul, Expr::StopGrad { arg: Box::new(margin()) }, chosen(ratio)))),
    ];
    let soft = world(PROBABILITIES);
    let pi = soft["pi"].player().unwrap().policy().unwrap();
    for (name, objective) in cases {
        let mut expected = 0.0;
        for labels in 0..8_u8 {
            let first = [0, 1, 2].map(|i| f64::from(labels >> i & 1));
            let chance: f64 = first.iter().zip(PROBABILITIES).map(|(l, p)| l * p + (1.0 - l) * (1.0 - p)).product();
            expected += chance * directional(&world(first), &objective, pi.model);
        }
        let found = directional(&soft, &objective, pi.model);
        assert!(expected.abs() > 1e-4, "{name}: {expected}");
        assert!((found / expected - 1.0).abs() < 1e-4, "{name}: {found} and {expected}");
    }
    // A scalar within a row has the same value in all rows: here the sum of both is zero for any labels.
    assert!(value_of(&soft, &rows_mean(centred), moved(&soft, "pi")).abs() < 1e-6);
}

/// Hard labels are not evaluated with their sides exchanged, where the logarithm would be undefined.
#[test]
fn hard_labels_are_looked_at_once() {
    let positive = world([1.0; 3]);
    let signs = rows(&positive, &margin()).iter().map(|m| f64::from(u8::from(*m > 0.0))).collect::<Vec<_>>();
    let log = rows_mean(unary(UnaryOp::Log, margin()));
    let hard = world([signs[0], signs[1], signs[2]]);
    assert!(value_of(&hard, &log, moved(&hard, "pi")).is_finite());
    let soft = world([0.5 + 0.4 * (signs[0] - 0.5), signs[1], signs[2]]);
    assert!(!value_of(&soft, &log, moved(&soft, "pi")).is_finite());
}

#[test]
fn the_likelier_response_is_the_chosen_one() {
    let [a, b] = [common::row(&[3], &[4]), common::row(&[3], &[5])];
    let pair = |p| Pair::new(a.clone(), b.clone(), p);
    assert_eq!((pair(0.25).chosen, pair(0.25).probability), (b.clone(), 0.75));
    assert_eq!((pair(0.5).chosen, pair(0.5).probability), (a.clone(), 0.5));
    assert_eq!((pair(0.0), pair(1.0).chosen), (Pair::new(b.clone(), a.clone(), 1.0), a.clone()));
}

/// A whole game: each label is the sigmoid of the scores' difference, mixed with the chance of a flip.
#[test]
fn a_game_is_played_with_the_oracles_own_probabilities() {
    let text = tiny::TINY.replace("scale = 8.0", "scale = 2.0, flip = 0.1, labels = soft");
    let (mut told, mut state) = (tiny::Told::default(), RunState::default());
    execute(&tiny::plan(&text, &[]), &Device::flex(), &mut told, &mut state, &mut Shared::default()).unwrap();
    let all = state.env.values.values().filter_map(|value| match value {
        Value::Preferences(pairs) => Some(pairs),
        _ => None,
    });
    let all = all.max_by_key(|pairs| pairs.len()).unwrap();
    let source = all.source.as_ref().unwrap();
    assert_eq!((all.len(), told.pairs.len()), (32, 32));
    let mut levels = std::collections::BTreeSet::new();
    for pair in all.pairs() {
        let score = |row: &pbpo_runtime::batch::Row| source.score(row.item, &row.response).unwrap();
        let (better, worse) = (score(&pair.chosen), score(&pair.rejected));
        let p = 1.0 / (1.0 + (-2.0 * (better - worse)).exp());
        assert!((f64::from(pair.probability) - (0.9 * p + 0.1 * (1.0 - p))).abs() < 1e-6);
        assert!(better >= worse);
        levels.insert(pair.probability.to_bits());
    }
    assert!(levels.len() > 2, "{levels:?}");
    // The likelier response is always the chosen one; the step's cross-entropy cannot fall below the entropy.
    assert_eq!(told.last("oracle/labels"), 16.0);
    let entropy = |p: f64| -p * p.ln() - (1.0 - p) * (1.0 - p).ln();
    assert!(told.last("confidence/nll") > entropy(0.9));
    assert!(told.last("rm/accuracy") > 0.0);
}
