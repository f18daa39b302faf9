//! A plan gives the same run with and without the passes: figures, pairs and weights, bit for bit.

#[path = "common/tiny.rs"]
mod tiny;

use std::collections::BTreeMap;

use burn::tensor::Device;
use pbpo_plan::ValueName;
use pbpo_plan::identity::identities_of_made;
use pbpo_plan::passes;
use pbpo_plan::{Body, Op, Plan};
use pbpo_runtime::execute_as;
use pbpo_runtime::shared::Shared;
use pbpo_runtime::state::RunState;
use pbpo_runtime::value::Value;
use tiny::{TINY, Told, bits, plan};

/// The events of a run, and the weights of every player at its end.
type Left = (Told, BTreeMap<ValueName, Vec<u32>>);

fn run(plan: &Plan, optimized: bool, threads: usize) -> Left {
    let made = if optimized { passes::run(plan.clone()).0 } else { plan.clone() };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let (mut told, mut state) = (Told::default(), RunState::default());
        let shared = &mut Shared::default();
        execute_as(&made, identities_of_made(&made, plan), &Device::flex(), &mut told, &mut state, shared).unwrap();
        // Figures of samples: those of a sample that nothing reads are not there any more.
        for figures in &mut told.episodes {
            figures.retain(|name, _| !name.starts_with("completions/") && !name.starts_with("val/"));
        }
        let weights = state.env.values.iter().filter_map(|(name, value)| match value {
            Value::Player(player) => Some((name.clone(), bits(&player.model))),
            _ => None,
        });
        (told, weights.collect())
    })
}

/// Returns the number of forwards that passes turned into stages.
fn made(body: &Body) -> usize {
    let inner = body.stages().filter_map(|stage| stage.body.as_ref()).map(|inner| made(inner));
    body.stages().filter(|stage| stage.op == Op::Forward).count() + inner.sum::<usize>()
}

/// Runs a pipeline body with and without passes. Returns the number of forwards that became stages.
fn same(body: &str) -> usize {
    same_in(TINY, body)
}

fn same_in(file: &str, body: &str) -> usize {
    let start = &file[..file.find("pipeline main").unwrap()];
    let source = format!("{start}pipeline main {{\n  repeat 2 episodes {{\n{body}\n  }}\n}}\n");
    let plan = plan(&source, &[]);
    let before = run(&plan, false, 1);
    assert!(before.1.len() > 1, "{:?}", before.1.keys());
    for threads in [1, 2, 3] {
        let after = run(&plan, true, threads);
        assert_eq!(before.0, after.0, "{threads} threads: {body}");
        assert!(before.1 == after.1, "{threads} threads, weights: {body}");
    }
    made(&passes::run(plan).0.body)
}

const PAIRS: &str = "
    y1 = sample(ref, prompts, count = 8)
    y2 = explore(enhancer, prompts, against = y1)
    prefs += label(y2, y1, by = judge)
    y = sample(pi, prompts, count = 8)
    y0 = sample(ref, prompts, count = 8)
";

/// The inner loop passes the exploration through unchanged.
#[test]
fn a_value_that_goes_round_as_it_came_in_is_still_there() {
    same(
        "    y1 = sample(ref, prompts, count = 8)
    repeat 3 { y2 = explore(enhancer, prompts, against = y1) }
    y = sample(pi, prompts, count = 8)
    ascend pi on mean(r(y))",
    );
}

#[test]
fn the_game_is_the_same() {
    let plan = plan(TINY, &[]);
    let before = run(&plan, false, 2);
    for threads in [1, 2] {
        assert!(run(&plan, true, threads) == before, "{threads} threads");
    }
}

/// Several forwards of the moved player, reached from the objective in various ways.
#[test]
fn gradients_of_several_forwards_add_up_to_the_same_bits() {
    for step in [
        "descend r on gap(r, y, y0) within confidence(prefs)",
        "descend r on nll(r, prefs) + 0.1 * mean(square(r(y)) + square(r(y)) * 0.5) - mean(r(y0)) + mean(r(y1))",
        "descend r on mean(exp(r(y0)) / 10.0) + mean(r(y)) * nll(r, prefs) + 0.01 * mean(square(r(y0)))",
        "descend r on nll(r, prefs) + mean(stop_gradient(r(y)))",
        "descend r on gap(r, y, y0) + mean(min(token_reward(r, y), 0.1)) + 0.5 * mean(max(r(y0), r(y0) * 0.5))",
        "descend pi on mean(logp(pi, y0)) + mean(logp(pi, y1)) + 0.1 * kl(pi, ref, y0) - 0.01 * entropy(pi, y2)",
        "ascend pi on gap(r, y, y0) - 0.02 * kl(pi, ref, y) + 0.01 * mean(logp(pi, y0))",
        "ascend pi on mean(log_sigmoid(0.1 * (ratio(pi, ref, chosen(prefs)) - ratio(pi, ref, rejected(prefs)))))",
    ] {
        same(&format!("{PAIRS} {step}"));
    }
}

/// Both sides of soft labels are read, even those that no pass has listed.
#[test]
fn soft_labels_are_the_same() {
    let soft = TINY.replace("scale = 8.0", "scale = 2.0, labels = soft");
    let game = plan(&soft, &[]);
    let before = run(&game, false, 1);
    for threads in [1, 2] {
        assert!(run(&game, true, threads) == before, "{threads} threads");
    }
    for step in [
        "descend r on gap(r, y, y0) + 0.5 * mean(square(r(chosen(prefs)))) + nll(r, prefs)",
        "ascend pi on mean(logp(pi, chosen(prefs))) + 0.1 * mean(r(y)) - mean(logp(pi, y0))",
        "ascend pi on entropy(pi, rejected(prefs)) + mean(logp(pi, chosen(prefs)) - logp(ref, chosen(prefs)))",
        "ascend pi on mean(log_sigmoid(0.1 * (ratio(pi, ref, chosen(prefs)) - ratio(pi, ref, rejected(prefs)))))",
    ] {
        same_in(&soft, &format!("{PAIRS} {step}"));
    }
    let dpo = "b = draw(prefs, count = 6)
      repeat 3 { ascend pi on mean(log_sigmoid(0.1 * (ratio(pi, ref, chosen(b)) - ratio(pi, ref, rejected(b))))) }";
    assert_eq!(same_in(&soft, &format!("{PAIRS} {dpo}")), 2);
}

#[test]
fn forwards_in_front_of_a_loop_change_nothing() {
    let kl = "repeat 3 { ascend pi on mean(r(y)) - 0.1 * kl(pi, ref, y) }";
    assert_eq!(same(&format!("{PAIRS} {kl}")), 2);
    let dpo = "b = draw(prefs, count = 6)
      repeat 2 { repeat 2 {
        ascend pi on mean(log_sigmoid(0.1 * (ratio(pi, ref, chosen(b)) - ratio(pi, ref, rejected(b)))))
      } }";
    assert_eq!(same(&format!("{PAIRS} {dpo}")), 2);
}

#[test]
fn a_forward_shared_by_steps_changes_nothing() {
    let steps = "ascend pi on mean(r(y)) - 0.1 * mean(logp(pi, y0) - logp(ref, y0))
      ascend pi on mean(r(y)) - 0.1 * kl(pi, ref, y0)";
    assert_eq!(same(&format!("{PAIRS} {steps}")), 2);
}

/// Unused stages lose their figures, and nothing else changes.
#[test]
fn without_dead_stages_the_rest_is_the_same() {
    let game = TINY
        .replace("    repeat 2 {\n      y0", "    extra = sample(pi, prompts, count = 8)\n    repeat 2 {\n      y0");
    assert_ne!(game, TINY);
    let plan = plan(&game, &[]);
    let (before, after) = (run(&plan, false, 2), run(&plan, true, 2));
    assert!(before == after);
}
