//! The meaning of a name with brackets: one point of a sweep, or all that fit.

use pbpo_compiler::{Input, compile};

const PAGE: &str = include_str!("../../tests/fixtures/plans/written_out.pbpo");

fn names(target: &str) -> Vec<String> {
    let text = format!(
        "{PAGE}\nsweep lrs over main {{ pi.optimizer.lr in [1e-4, 1e-3], main.episodes in [2 episodes, 4 episodes] }}\n\
         sweep ablation over main {{ ablate = [enhancer], seed in 0..2 }}\n"
    );
    let compiled = compile(Input::text("page.pbpo", &text), Some(target), &[]);
    compiled.points.into_iter().map(|point| point.plan.point).collect()
}

#[test]
fn any_spelling_and_order_names_a_point() {
    let point = "lrs[pi.optimizer.lr=0.001,main.episodes=4episodes]";
    for spelling in [
        point,
        "lrs[pi.optimizer.lr=1e-3,main.episodes=4 episodes]",
        "lrs[ main.episodes = 4 episodes, pi.optimizer.lr = 0.0010 ]",
    ] {
        assert_eq!(names(spelling), [point], "{spelling}");
    }
}

#[test]
fn a_part_of_a_name_is_all_points_that_have_it() {
    assert_eq!(names("ablation[no_enhancer]").len(), 3);
    assert_eq!(names("ablation[seed=1]"), ["ablation[baseline,seed=1]", "ablation[no_enhancer,seed=1]"]);
    assert_eq!(names("ablation[seed=1,baseline]"), ["ablation[baseline,seed=1]"]);
    assert!(names("ablation[seed=7]").is_empty() && names("ablation[]").is_empty());
    assert!(names("ablation[seed=1,seed=2]").is_empty());
}
