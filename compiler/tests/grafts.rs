//! Files with values of other files in place of theirs: many compile, and their plans keep the invariants.

mod common;

use common::graft::Donors;
use common::{Fixture, fixtures};
use pbpo_compiler::Compiled;
use pbpo_grammar::fmt::format;
use pbpo_plan::{Plan, verify};

/// The number of changed texts that are tried.
const TRIES: usize = 400;

fn holds(compiled: &Compiled, text: &str) {
    assert_eq!(compiled.points.is_empty(), compiled.failed(), "neither a plan nor an error, or both:\n{text}");
    for plan in compiled.points.iter().take(4).map(|point| &point.plan) {
        verify(plan).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let read = Plan::from_json(&plan.to_json()).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(read.to_json(), plan.to_json(), "another after JSON:\n{text}");
    }
}

/// Checks that formatting changes no plan, and that formatting again changes no text.
fn is_formatted(fixture: &Fixture, text: &str, compiled: &Compiled) {
    let Ok(once) = format(text) else { return };
    assert_eq!(format(&once).ok().as_ref(), Some(&once), "a second time changes:\n{text}");
    let again = fixture.compile_text(&once);
    let plans = |compiled: &Compiled| compiled.points.iter().take(4).map(|point| point.plan.text()).collect::<Vec<_>>();
    assert_eq!(plans(&again), plans(compiled), "formatting changes the plan of\n{text}");
}

#[test]
fn what_compiles_holds() {
    let all: Vec<Fixture> = fixtures("good").chain(fixtures("plans")).filter(|fixture| !fixture.check).collect();
    let donors = Donors::of(all.iter().map(|fixture| fixture.text.as_str()));
    // Knuth's generator.
    let mut state = 7_u64;
    let mut below = |most: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % most.max(1)
    };
    let (mut tried, mut compiled_ones) = (0, 0);
    for at in 0..TRIES {
        let fixture = &all[at % all.len()];
        let Some(text) = donors.graft(&fixture.text, &mut below) else { continue };
        let compiled = fixture.compile_text(&text);
        holds(&compiled, &text);
        tried += 1;
        if !compiled.failed() {
            compiled_ones += 1;
            is_formatted(fixture, &text, &compiled);
        }
    }
    println!("{compiled_ones} of {tried} compile");
    assert!(tried > TRIES / 2 && compiled_ones * 10 > tried, "{compiled_ones} of {tried} compile");
}
