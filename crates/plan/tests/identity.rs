//! The parts on which a stage's identity depends, and those on which it does not.

use std::collections::BTreeSet;

use pbpo_compiler::Input;
use pbpo_compiler::compile;
use pbpo_plan::Op;
use pbpo_plan::identity::{Identity, identities};

const QUICKSTART: &str = include_str!("../../../tests/fixtures/plans/written_out.pbpo");

fn all(source: &str, overrides: &[&str]) -> BTreeSet<Identity> {
    identities_of(source, overrides).into_values().collect()
}

fn identities_of(source: &str, overrides: &[&str]) -> std::collections::BTreeMap<String, Identity> {
    let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
    let compiled = compile(Input::text("quickstart.pbpo", source), None, &overrides);
    identities(compiled.plan().expect("compiles"))
}

#[test]
fn names_comments_and_layout_are_not_in_it() {
    let renamed = QUICKSTART
        .replace("y_new", "explored")
        .replace("prefs +=", "seen +=")
        .replace("(prefs)", "(seen)")
        .replace("policy ref", "// a comment\n\npolicy old")
        .replace("= ref", "= old")
        .replace("(ref,", "(old,")
        .replace("pi, ref, y", "pi, old, y")
        .replace("param beta", "/// doc\nparam beta");
    assert_ne!(renamed, QUICKSTART);
    assert_eq!(all(&renamed, &[]), all(QUICKSTART, &[]));
}

#[test]
fn settings_and_seeds_are_in_it_and_go_down_the_edges() {
    let before = identities_of(QUICKSTART, &[]);
    let changed = |overrides: &[&str]| -> Vec<String> {
        let after = identities_of(QUICKSTART, overrides);
        after.into_iter().filter(|(name, id)| before[name] != *id).map(|(name, _)| name).collect()
    };
    let data = changed(&["held.source.count=100"]);
    assert!(data.contains(&"held".into()) && data.contains(&"report".into()), "{data:?}");
    assert!(!data.contains(&"pi.init".into()) && !data.contains(&"r@4".into()), "{data:?}");
    let beta = changed(&["beta=0.1"]);
    assert!(beta.contains(&"r@4".into()) && beta.contains(&"pi@3".into()), "{beta:?}");
    assert!(!beta.contains(&"y_ref".into()) && !beta.contains(&"prefs.new".into()), "{beta:?}");
    let seed = changed(&["seed=1"]);
    assert!(seed.contains(&"pi.init".into()) && !seed.contains(&"demos".into()), "{seed:?}");
}

/// Another player is another value that the loop carries.
#[test]
fn another_player_moves_no_other() {
    let more = QUICKSTART
        .replace("features phi", "reward_model other { backbone = pi.init, head = token, bound = 3.0 }\nfeatures phi")
        .replace(
            "    y_ref  =",
            "    z = sample(ref, prompts, count = 8)\n    descend other on mean(other(z))\n    y_ref  =",
        );
    let (before, after) = (identities_of(QUICKSTART, &[]), identities_of(&more, &[]));
    for stage in ["y_ref", "y_new", "prefs.new", "prefs@2", "y0", "confidence.batch"] {
        assert_eq!(before[stage], after[stage], "{stage}");
    }
}

#[test]
fn another_stage_moves_no_other() {
    let more = QUICKSTART.replace("repeat 3 {", "extra = sample(ref, prompts, count = 32)\n    repeat 3 {");
    let (before, after) = (identities_of(QUICKSTART, &[]), identities_of(&more, &[]));
    for stage in ["y_ref", "y_new", "prefs.new", "prefs@2", "pi.init"] {
        assert_eq!(before[stage], after[stage], "{stage}");
    }
}

#[test]
fn equal_stages_draw_their_own_numbers() {
    let ids = identities_of(QUICKSTART, &[]);
    let twice = QUICKSTART.replace("y  = sample", "y1 = sample(ref, prompts, count = 32)\n      y  = sample");
    let more = identities_of(&twice, &[]);
    assert_eq!(ids["y0"], more["y0"]);
    assert_ne!(more["y0"], more["y1"]);
}

/// Neither stages in the loop nor those after it change: a run with checkpoints equals the run without them.
#[test]
fn checkpoints_move_nothing() {
    let behind = format!("{}\n  last = evaluate(pi, held)\n}}\n", QUICKSTART.trim_end().trim_end_matches('}'));
    let more = behind.replace("    report =", "    save(pi, every = 2, keep = 3)\n    save(r)\n    report =");
    let (before, after) = (identities_of(&behind, &[]), identities_of(&more, &[]));
    assert_eq!(after.len(), before.len() + 2);
    let moved: Vec<&String> = before.keys().filter(|name| after[*name] != before[*name]).collect();
    let compiled = compile(Input::text("quickstart.pbpo", &behind), None, &[]);
    let plan = compiled.plan().unwrap();
    let repeat = plan.body.stages().find(|stage| stage.op == Op::Repeat).unwrap();
    assert_eq!(moved, [&repeat.name], "the loop itself is another: no point of a sweep takes it for that one");
    let other = identities_of(&more.replace("keep = 3", "keep = 4"), &[]);
    assert_ne!(other[&repeat.name], after[&repeat.name]);
    assert_eq!(other["last"], before["last"]);
}

/// Drawn labels keep their identity from before `labels` existed; other kinds have different ones.
#[test]
fn labels_count_where_they_are_not_drawn() {
    assert_eq!(all(QUICKSTART, &["judge.by.labels=sample"]), all(QUICKSTART, &[]));
    assert_ne!(all(QUICKSTART, &["judge.by.labels=soft"]), all(QUICKSTART, &[]));
}
