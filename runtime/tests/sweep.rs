//! Points of a sweep give the same results together as alone, and shared stages are run once.

#[path = "common/tiny.rs"]
mod tiny;

use burn::tensor::Device;
use pbpo_plan::Plan;
use pbpo_runtime::event::{Event, Observer};
use pbpo_runtime::execute;
use pbpo_runtime::shared::Shared;
use pbpo_runtime::state::RunState;
use tiny::{TINY, Told, plan};

/// A listener that counts the stages that were reused.
#[derive(Default)]
struct Counted {
    told: Told,
    reused: Vec<String>,
}

impl Observer for Counted {
    fn event(&mut self, event: &Event) -> std::io::Result<()> {
        if let Event::Stage { name, reused: true, .. } = event {
            self.reused.push(name.clone());
        }
        self.told.event(event)
    }
}

#[test]
fn together_as_alone() {
    let sets: [&[&str]; 4] = [&[], &["confidence.keep.beta=0.5"], &["seed=1"], &[]];
    let plans: Vec<Plan> = sets.iter().map(|set| plan(TINY, set)).collect();
    let mut shared = Shared::new(&plans);
    let mut counted: Vec<Counted> = Vec::new();
    for plan in &plans {
        let mut listener = Counted::default();
        let (mut together, mut alone, mut told) = (RunState::default(), RunState::default(), Told::default());
        execute(plan, &Device::flex(), &mut listener, &mut together, &mut shared).unwrap();
        execute(plan, &Device::flex(), &mut told, &mut alone, &mut Shared::default()).unwrap();
        assert_eq!(listener.told, told);
        assert!(together.counters.generated > 0);
        assert_eq!(together.counters.generated, alone.counters.generated);
        counted.push(listener);
    }
    assert_eq!(shared.held(), 0, "nothing is kept after the last point that needs it");
    let reused: Vec<usize> = counted.iter().map(|point| point.reused.len()).collect();
    assert_eq!(reused[0], 0);
    assert!(counted[1].reused.iter().any(|name| name == "pi.init"), "{:?}", counted[1].reused);
    assert!(!counted[1].reused.iter().any(|name| name.contains("prefs@3")));
    assert!(!counted[2].reused.iter().any(|name| name == "pi.init"), "another seed");
    assert_eq!(reused[3], plans[3].body.stages().count(), "the same point again");
}

#[test]
fn what_a_point_does_not_ask_for_is_not_kept_for_it() {
    let plans: Vec<Plan> = [plan(TINY, &[]), plan(TINY, &["confidence.keep.beta=0.5"])].into();
    let mut shared = Shared::new(&plans);
    execute(&plans[0], &Device::flex(), &mut Told::default(), &mut RunState::default(), &mut shared).unwrap();
    shared.over(&plans[0]);
    assert!(shared.held() > 0, "the other point has stages in common with the first");
    // The other point fails before its first stage.
    shared.over(&plans[1]);
    assert_eq!(shared.held(), 0);
}
