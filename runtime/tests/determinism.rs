//! The same plan and seed give bitwise the same run, with any number of threads.

#[path = "common/tiny.rs"]
mod tiny;

use pbpo_plan::Plan;
use tiny::{TINY, Told, plan, run};

fn with_threads(threads: usize, plan: &Plan) -> Told {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| run(plan).unwrap())
}

#[test]
fn one_and_two_threads_give_bitwise_the_same_metrics() {
    // The model is wide enough that the backend splits its products among threads.
    let plan = plan(TINY, &["pi.model.width=128", "pi.model.heads=4", "pi.init.batch=64"]);
    let one = with_threads(1, &plan);
    assert!(!one.episodes.is_empty() && one.evaluations.len() == 3);
    assert_eq!(one, with_threads(2, &plan));
}

#[test]
fn a_plan_read_back_from_json_is_the_same_run() {
    let plan = plan(TINY, &[]);
    let again: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    assert_eq!(run(&plan).unwrap(), run(&again).unwrap());
}

#[test]
fn another_seed_is_another_run_on_the_same_data() {
    let (zero, one) = (run(&plan(TINY, &[])).unwrap(), run(&plan(TINY, &["seed=1"])).unwrap());
    assert_ne!(zero.episodes, one.episodes);
    assert_ne!(zero.pairs, one.pairs);
}

/// A stage added to a pipeline changes no other stage's numbers.
#[test]
fn an_added_stage_leaves_the_others_alone() {
    let source = TINY
        .replace("    repeat 2 {\n      y0", "    extra = sample(pi, prompts, count = 8)\n    repeat 2 {\n      y0");
    assert_ne!(source, TINY);
    let (before, after) = (run(&plan(TINY, &[])).unwrap(), run(&plan(&source, &[])).unwrap());
    assert_eq!(before.pairs, after.pairs);
    assert_eq!(before.evaluations, after.evaluations);
}
