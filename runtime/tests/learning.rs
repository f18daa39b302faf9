//! Pipelines learn; every variation of a block runs.

#[path = "common/tiny.rs"]
mod tiny;

use rayon::prelude::*;
use tiny::{TINY, plan, run, short_context};

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Returns the gain in held-out accuracy of a pipeline: the median of three seeds.
fn gain(source: &str, overrides: &[&str]) -> f64 {
    let gains = (0..3)
        .into_par_iter()
        .map(|seed| {
            let seed = format!("seed={seed}");
            let told = run(&plan(source, &[&[seed.as_str()], overrides].concat())).unwrap();
            told.evaluation(told.evaluations.len() - 1, "accuracy") - told.evaluation(0, "accuracy")
        })
        .collect();
    median(gains)
}

/// A third of the quickstart's episodes; the whole quickstart gains over 35 points.
#[test]
fn the_game_improves_a_policy_from_preferences_alone() {
    let gain = gain(include_str!("../../pipelines/quickstart.pbpo"), &["main.episodes=10"]);
    assert!(gain > 0.12, "median gain {gain}");
}

#[test]
fn dpo_as_a_bare_expression_improves_a_policy() {
    let gain = gain(include_str!("../../pipelines/dpo.pbpo"), &["main.episodes=10"]);
    assert!(gain > 0.05, "median gain {gain}");
}

#[test]
fn every_variation_of_a_block_runs_and_stays_finite() {
    let variations = [
        "r.head=sequence",
        "r.optimizer.backbone_lr=0",
        "enhancer.bonus=mean_norm",
        "enhancer.search=none",
        "confidence.keep=mle",
        "confidence.keep=lagrangian { beta = 0.5, nll = mean }",
        "ref.update=sft",
        "ref.update=best_so_far { by = r, prompts = prompts, count = 8 }",
        "pi.estimator=grpo { group = 2 }",
        "pi.estimator=reinforce",
        "pi.sampling.temperature=0.7",
        "pi.model.kv_heads=1",
        "phi.pool=last",
        "judge.by.flip=0.2",
    ];
    variations.par_iter().for_each(|variation| {
        let told = run(&plan(TINY, &[variation])).unwrap_or_else(|fault| panic!("{variation}: {fault}"));
        for episode in &told.episodes {
            for (name, bits) in episode {
                assert!(f64::from_bits(*bits).is_finite(), "{variation}: {name}");
            }
        }
    });
}

/// With beta = 0 only the bound of the reward model limits the adversary.
#[test]
fn the_likelihood_of_the_pairs_falls_less_where_the_constraint_holds() {
    let nll = |keep: &str| {
        let keep = format!("confidence.keep=lagrangian {{ beta = {keep}, nll = sum }}");
        run(&plan(TINY, &[keep.as_str(), "main.episodes=6"])).unwrap().last("confidence/nll")
    };
    let (free, held) = (nll("0"), nll("1"));
    assert!(free > held + 0.1, "nll {free} without the constraint, {held} with it");
}

/// For one prompt, accuracy and length are whole numbers.
#[test]
fn evaluate_measures_as_many_prompts_as_it_is_told() {
    let source = TINY.replace("metrics = [accuracy, score, length]", "metrics = [accuracy, length], count = 1");
    let told = run(&plan(&source, &[])).unwrap();
    for index in 0..told.evaluations.len() {
        assert_eq!(told.evaluation(index, "accuracy").fract(), 0.0);
        assert_eq!(told.evaluation(index, "length").fract(), 0.0);
    }
}

#[test]
fn a_model_too_short_for_its_data_is_one_clear_fault_with_its_stage() {
    let fault = run(&short_context(8)).unwrap_err();
    assert_eq!(fault.stage.as_deref(), Some("pi.init"));
    // All have the same length; the last of them is named.
    assert_eq!(fault.message, "the demonstration of row 200 of `demos` has 9 tokens, the model reads 8");
    assert!(fault.help.unwrap().contains("set `context = 9 tokens` or more"));
    let fault = run(&short_context(9)).unwrap_err();
    assert_eq!(fault.stage.as_deref(), Some("report.before"));
    assert_eq!(fault.message, "prompt 40 of `held` has 5 tokens: with 5 new ones it does not fit into 9");
}

#[test]
fn an_oracle_scores_the_sides_of_preferences() {
    let source = TINY.replace(
        "ascend pi on gap(r, y, y0) - 0.02 * kl(pi, ref, y)",
        "ascend pi on mean(ratio(pi, ref, chosen(prefs)) * score(judge, chosen(prefs)))",
    );
    assert_ne!(source, TINY);
    assert!(run(&plan(&source, &[])).unwrap().last("policy/grad_norm") > 0.0);
}
