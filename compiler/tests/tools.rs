//! The answers of `params --why` and `plan --cost`.

use pbpo_compiler::{Input, compile, why};
use pbpo_plan::Plan;
use pbpo_plan::cost::Cost;
use pbpo_plan::memory::{Limits, Sizes};

const PAGE: &str = include_str!("../../tests/fixtures/plans/written_out.pbpo");

/// Returns the steps of a chain, and the help of the first finding.
fn chain(path: &str, target: Option<&str>, sets: &[&str]) -> (Vec<String>, Option<String>) {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    let (steps, compiled) = why(Input::text("page.pbpo", PAGE), target, &sets, path);
    let steps = steps.iter().map(|step| format!("{}: {}", step.origin, step.value)).collect();
    (steps, compiled.diagnostics.first().and_then(|finding| finding.help.as_deref().map(str::to_owned)))
}

#[test]
fn a_value_that_is_a_parameter_is_followed_to_its_number() {
    let (steps, _) = chain("confidence.keep.beta", None, &["beta=1"]);
    assert_eq!(steps, ["constraint confidence: beta", "param beta: 0.04", "--set: 1"]);
    // A parameter that was overridden by a number is not in the chain.
    let (steps, _) = chain("confidence.keep.beta", None, &["confidence.keep.beta=2", "beta=1"]);
    assert_eq!(steps.last().map(String::as_str), Some("--set: 2"));
}

#[test]
fn a_misspelt_path_is_told_the_right_one() {
    for (path, wanted) in [("pi.optimizer.rl", "lr"), ("pi.optimiser.lr", "optimizer"), ("beto", "beta")] {
        let (_, help) = chain(path, None, &[]);
        assert_eq!(help.as_deref(), Some(format!("did you mean `{wanted}`?").as_str()), "{path}");
    }
}

#[test]
fn a_number_stands_apart_from_its_unit() {
    let (steps, _) = chain("main.episodes", None, &["main.episodes=4 episodes"]);
    assert_eq!(steps.last().map(String::as_str), Some("--set: 4 episodes"));
}

#[test]
fn the_cost_of_a_sweep_has_what_is_common_once() {
    let text = format!("{PAGE}\nsweep lrs over main {{ pi.optimizer.lr in [1e-4, 1e-3], seed in [0, 1] }}\n");
    let compiled = compile(Input::text("page.pbpo", &text), Some("lrs"), &[]);
    let plans: Vec<&Plan> = compiled.points.iter().map(|point| &point.plan).collect();
    assert_eq!(plans.len(), 4);
    let limits = Limits { tokens: 8192, logits: 1 << 24, graph: 1 << 28 };
    let sizes = Sizes { vocabulary: &|_| 14, checkpoint: &|_| None, limits, cache: 1 << 28, asked: 256 };
    let (one, all) = (Cost::of(plans[0], &sizes), Cost::of_all(&plans, &sizes));
    assert_eq!(all.generated_tokens, 4 * one.generated_tokens);
    assert_eq!(all.labelled_pairs, 4 * one.labelled_pairs);
    assert_eq!(all.memory, one.memory);
    // Imitation depends only on the seed: 2 of 4 are left.
    let imitated = one.stages.iter().find(|(stage, _)| stage == "pi.init = imitate").unwrap().1;
    assert_eq!(all.trained_tokens, 4 * one.trained_tokens - 2 * imitated);
    assert_eq!(Cost::of_all(&[plans[0], plans[0]], &sizes).trained_tokens, one.trained_tokens);
}
