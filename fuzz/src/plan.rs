//! Plans: every text that compiles has a valid plan, which is unchanged after a round trip through JSON.

use pbpo_plan::diff::Diff;
use pbpo_plan::{Plan, verify};

use crate::input::{head, input, places};

/// The largest number of a sweep's points that are checked.
const MOST_POINTS: usize = 8;

pub fn run(text: &str) {
    let head = head(text);
    let compiled = pbpo_compiler::compile(input(text), head.target.as_deref(), &head.sets);
    places(&compiled);
    assert!(compiled.points.is_empty() == compiled.failed(), "neither a plan nor an error, or both");
    for planned in compiled.points.iter().take(MOST_POINTS) {
        let plan = &planned.plan;
        verify(plan).expect("a plan that holds");
        let read = Plan::from_json(&plan.to_json()).expect("a plan that can be read back");
        assert_eq!(read.text(), plan.text(), "another after JSON");
        assert_eq!(read.to_json(), plan.to_json(), "another after JSON");
        let diff = Diff::of(plan, &read);
        assert!(diff.changes.is_empty(), "different from itself: {:?}", diff.changes);
    }
}
