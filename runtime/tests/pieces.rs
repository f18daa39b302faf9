//! Batches in pieces give the values and gradients of one graph.

mod common;

use std::collections::HashMap;
use std::sync::Arc;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use pbpo_hub::config::ModelConfig;
use pbpo_plan::memory::Limits;
use pbpo_plan::{Axis, BatchRef, BinaryOp, Expr, Leaf, Reduction, Side, ValueName};
use pbpo_runtime::batch::Batch;
use pbpo_runtime::model::disk::floats;
use pbpo_runtime::model::lora::Lora;
use pbpo_runtime::model::recompute::add;
use pbpo_runtime::model::{Decoder, Head, Linear};
use pbpo_runtime::objective::pieces::Size;
use pbpo_runtime::objective::{Evaluator, Leaves, Moved, forwards};
use pbpo_runtime::player::Model;
use pbpo_runtime::rng::stream;
use pbpo_runtime::tokenizer::EOS;
use pbpo_runtime::value::{Pair, Preferences, Rollouts, Value, tracked};

type Found = Vec<Option<Vec<f32>>>;

/// Collects every gradient of a module, in order; `None` for parameters without one.
struct All<'a> {
    gradients: &'a GradientsParams,
    found: Found,
}

impl ModuleVisitor for All<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found.push(self.gradients.get::<D>(param.id).map(floats));
    }
}

fn mean(leaf: Leaf) -> Expr {
    let reduce = |reduction, axis, arg| Expr::Reduce { reduction, axis, arg: Box::new(arg) };
    // Squares make the objective's gradient differ from position to position.
    let leaf = Expr::Leaf { leaf };
    let square = Expr::Binary { op: BinaryOp::Mul, left: Box::new(leaf.clone()), right: Box::new(leaf) };
    reduce(Reduction::Mean, Axis::Row, reduce(Reduction::Sum, Axis::Token, square))
}

fn sum(terms: Vec<Expr>) -> Expr {
    let plus = |left, right| Expr::Binary { op: BinaryOp::Add, left: Box::new(left), right: Box::new(right) };
    terms.into_iter().reduce(plus).unwrap()
}

/// Makes prompts and responses of many lengths.
fn world(head: Head) -> HashMap<ValueName, Value> {
    let data = common::data(&["ab", "c"]);
    let rows = vec![
        common::row(&[3, 4], &[5, EOS]),
        common::row(&[5], &[3, 3, EOS]),
        common::row(&[5, 3, 4, 4], &[4]),
        common::row(&[4], &[3, 4, 5, 5, EOS]),
    ];
    let pair = |a: usize, b: usize, p| Pair::new(rows[a].clone(), rows[b].clone(), p);
    let pairs = vec![pair(0, 1, 0.9), pair(2, 3, 0.6), pair(3, 0, 1.0)];
    common::values(vec![
        ("prefs", Value::Preferences(Preferences::new(common::source(&data), pairs))),
        ("pi", common::policy(&data, 1)),
        ("ref", common::policy(&data, 2)),
        ("r", common::reward(&data, head, 3)),
        ("y", Value::Rollouts(Arc::new(Rollouts { source: common::source(&data), rows, per_prompt: 1 }))),
    ])
}

/// Returns the objective's value and all gradients, within limits.
fn step(values: &HashMap<ValueName, Value>, objective: &Expr, player: &str, limits: Option<Limits>) -> (f32, Found) {
    let model = tracked(&values[player].player().unwrap().model);
    let moved = Moved { value: ValueName::of(player), model: model.clone() };
    gradients(values, objective, &model, moved, limits)
}

fn gradients<M: Module>(
    values: &HashMap<ValueName, Value>,
    objective: &Expr,
    model: &M,
    moved: Moved,
    limits: Option<Limits>,
) -> (f32, Found) {
    let mut leaves = Leaves::new(values, moved, &Device::flex());
    leaves.limits = limits.unwrap_or(leaves.limits);
    let mut evaluator = Evaluator::new(&mut leaves);
    let value = evaluator.eval(objective).unwrap();
    let value = evaluator.matrix(&value);
    let reached = value.clone().into_scalar::<f32>();
    let outer = value.backward();
    let pulled = leaves.pull(&outer).unwrap();
    let mut own = forwards::gradients(model, outer, Vec::new());
    add(model, &mut own, pulled);
    let mut all = All { gradients: &own, found: Vec::new() };
    model.visit(&mut all);
    (reached, all.found)
}

fn same(values: &HashMap<ValueName, Value>, objective: &Expr, player: &str) {
    let (value, whole) = step(values, objective, player, None);
    let moved = whole.iter().flatten().flatten().filter(|g| **g != 0.0).count();
    assert!(moved > 100, "hardly any gradient: {moved}");
    // First one row in each piece and one position at a time; then two rows and a few positions.
    let all = u64::MAX;
    // Limited by tokens, by log-probabilities, and by the memory of a graph.
    for (tokens, logits, graph) in [(1, 1, all), (12, 20, all), (all, all, 1000)] {
        let limits = Limits { tokens, logits, graph };
        agree((value, &whole), step(values, objective, player, Some(limits)), player);
    }
}

/// Checks that values and gradients are those of one graph, up to rounding.
fn agree((value, whole): (f32, &Found), (again, pieces): (f32, Found), player: &str) {
    assert!((value - again).abs() < 1e-5 * value.abs().max(1.0), "{value} and {again}");
    assert_eq!(whole.len(), pieces.len());
    for (a, b) in whole.iter().zip(&pieces) {
        let zeros = || vec![0.0; a.as_ref().or(b.as_ref()).map_or(0, Vec::len)];
        let (a, b) = (a.clone().unwrap_or_else(zeros), b.clone().unwrap_or_else(zeros));
        let size = a.iter().fold(1e-3_f32, |most, g| most.max(g.abs()));
        let off = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 1e-4 * size, "{player}: gradients of size {size} differ by {off}");
    }
}

/// A small policy and a large one: the KL is in pieces if one of them is, for either moved player.
#[test]
fn compared_with_a_larger_model() {
    let mut values = world(Head::Token);
    let Some(Value::Player(large)) = values.get_mut("ref") else { unreachable!() };
    let config = ModelConfig { width: 64, head_dim: 16, ff: 96, ..large.model.backbone().config.clone() };
    large.model = Model::Policy(Decoder::new(config, &mut stream([9; 32], 0), &Device::flex()));
    let Value::Rollouts(rollouts) = &values["y"] else { unreachable!() };
    let batch = Batch::new(&rollouts.rows, &Device::flex());
    let is_large = |player: &str, limits| Size::of(&values[player].player().unwrap().model).is_exceeded(&batch, limits);
    let between = |graph: &Limits| is_large("ref", *graph) && !is_large("pi", *graph);
    let limits = (1..1000).map(|i| Limits { tokens: 1 << 20, logits: 1 << 20, graph: i * 1000 }).find(between).unwrap();
    for (p, q) in [("pi", "ref"), ("ref", "pi")] {
        let kl = mean(Leaf::Kl { p: ValueName::of(p), q: ValueName::of(q), batch: y() });
        for player in ["pi", "ref"] {
            let (value, whole) = step(&values, &kl, player, None);
            agree((value, &whole), step(&values, &kl, player, Some(limits)), player);
        }
    }
}

fn y() -> BatchRef {
    BatchRef { value: ValueName::of("y"), side: None }
}

fn of_policy() -> Expr {
    let name = ValueName::of;
    sum(vec![
        mean(Leaf::Logp { policy: name("pi"), batch: y() }),
        mean(Leaf::Entropy { policy: name("pi"), batch: y() }),
        mean(Leaf::Kl { p: name("pi"), q: name("ref"), batch: y() }),
        mean(Leaf::Kl { p: name("ref"), q: name("pi"), batch: y() }),
        mean(Leaf::Logp { policy: name("ref"), batch: y() }),
    ])
}

#[test]
fn of_a_policy() {
    same(&world(Head::Token), &of_policy(), "pi");
}

#[test]
fn of_a_policy_with_adapters_the_base_has_none() {
    let mut values = world(Head::Token);
    let Some(Value::Player(policy)) = values.get_mut("pi") else { unreachable!() };
    let targets = ["q_proj", "v_proj", "down_proj"].map(str::to_owned).to_vec();
    let lora = Lora { rank: 3, alpha: 6.0, targets };
    let mut rng = stream([4; 32], 0);
    // B of a fresh adapter is zero, so A has no gradient; both are drawn here.
    let draw = |_: &str, linear: &Linear| {
        let [inputs, outputs] = linear.weight.val().dims();
        let mut normals = |n| pbpo_runtime::rng::normals(&mut rng, n);
        Ok((normals(inputs * 3), normals(3 * outputs)))
    };
    policy.model = Model::Policy(lora.put(policy.model.backbone().clone(), draw).unwrap());
    same(&values, &of_policy(), "pi");
    let (_, all) = step(&values, &of_policy(), "pi", Some(Limits { tokens: 1, logits: 1, graph: u64::MAX }));
    assert_eq!(all.iter().flatten().count(), 2 * 3 * 2, "A and B of three matrices in two layers");
}

#[test]
fn of_reward_models() {
    let rewards = mean(Leaf::TokenReward { reward_model: ValueName::of("r"), batch: y() });
    same(&world(Head::Token), &rewards, "r");
    let rewards = mean(Leaf::Reward { reward_model: ValueName::of("r"), batch: y() });
    same(&world(Head::Sequence), &rewards, "r");
}

/// Pairs with soft labels: both sides are read, for an objective that names either.
#[test]
fn of_soft_labels() {
    let side = |side| BatchRef { value: ValueName::of("prefs"), side: Some(side) };
    let name = ValueName::of;
    let of_policy = sum(vec![
        mean(Leaf::Logp { policy: name("pi"), batch: side(Side::Chosen) }),
        mean(Leaf::Kl { p: name("pi"), q: name("ref"), batch: side(Side::Rejected) }),
        mean(Leaf::Entropy { policy: name("pi"), batch: side(Side::Chosen) }),
    ]);
    same(&world(Head::Token), &of_policy, "pi");
    for head in [Head::Token, Head::Sequence] {
        let leaf = |batch| match head {
            Head::Token => Leaf::TokenReward { reward_model: name("r"), batch },
            _ => Leaf::Reward { reward_model: name("r"), batch },
        };
        let [chosen, rejected] = [Side::Chosen, Side::Rejected].map(|s| mean(leaf(side(s))));
        same(&world(head), &sum(vec![chosen.clone(), chosen, rejected]), "r");
    }
}
