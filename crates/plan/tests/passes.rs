//! The effect of each pass on small plans; every plan stays valid after each pass.

#[path = "../../../compiler/tests/common/mod.rs"]
mod common;

use std::collections::BTreeMap;

use common::fixtures;
use pbpo_compiler::{Input, compile};
use pbpo_plan::identity::{identities, identities_of_made};
use pbpo_plan::passes::{self, PASSES};
use pbpo_plan::{Body, Op, Plan, verify};

/// The beginning of every file here.
const PLAYERS: &str = "pbpo 1
data demos   { source = digits(split = train, count = 400) }
data prompts { source = digits(split = prompts, count = 100) }
policy pi {
  model     = llama { layers = 1, width = 32, heads = 2, context = 32 tokens }
  init      = imitate(demos, steps = 50)
  optimizer = adamw { lr = 1e-4 }
  sampling  = { max_new = 8 tokens }
}
policy other { model = pi.model, init = imitate(demos, steps = 50), optimizer = adamw { lr = 1e-4 }, sampling = { max_new = 8 } }
policy ref { follows = pi, update = sft }
policy old { follows = pi, update = each_episode }
reward_model r { backbone = pi.init, head = token, optimizer = adamw { lr = 1e-2 } }
features phi { of = pi.init }
exploration plain { features = phi, against = ref, search = none }
oracle judge { by = btl { score = digits.score, scale = 8.0 } }
pipeline main {
";

fn plan(body: &str) -> Plan {
    let players =
        PLAYERS.replace("model = pi.model", "model = llama { layers = 1, width = 32, heads = 2, context = 32 }");
    let source = format!("{players}{body}\n}}\n");
    let compiled = compile(Input::text("test.pbpo", &source), None, &[]);
    compiled.plan().cloned().unwrap_or_else(|| panic!("{:#?}", compiled.diagnostics))
}

/// Returns the reports of the passes, by pass.
fn told(body: &str) -> BTreeMap<&'static str, Vec<String>> {
    passes::run(plan(body)).1.into_iter().map(|report| (report.pass, report.lines)).collect()
}

/// Returns the stages of a plan as `name = op`, indented by two spaces for each surrounding loop.
fn outline(plan: &Plan) -> Vec<String> {
    fn visit(body: &Body, depth: usize, out: &mut Vec<String>) {
        for stage in body.stages() {
            out.push(format!("{}{} = {}", "  ".repeat(depth), stage.name, stage.op));
            stage.body.iter().for_each(|inner| visit(inner, depth + 1, out));
        }
    }
    let mut out = Vec::new();
    visit(&plan.body, 0, &mut out);
    out
}

#[test]
fn every_plan_stays_sound_behind_every_pass() {
    let mut plans = 0;
    for fixture in ["good", "plans", "../../pipelines"].into_iter().flat_map(fixtures) {
        for point in fixture.compile().points {
            let mut plan = point.plan;
            let before = outline(&plan);
            for (pass, work) in PASSES {
                work(&mut plan);
                verify(&plan).unwrap_or_else(|error| panic!("{} behind {pass}: {error}", fixture.name));
                let read = Plan::from_json(&plan.to_json()).unwrap_or_else(|e| panic!("{} {pass}: {e}", fixture.name));
                assert_eq!(read.text(), plan.text());
            }
            for line in outline(&plan) {
                // Only forwards are new; stages that draw keep their names, and so their numbers.
                assert!(before.contains(&line) || line.ends_with(" = forward"), "{}: {line}", fixture.name);
            }
            let again = passes::run(plan).1;
            assert!(again.iter().all(|report| report.lines.is_empty()), "{}: {again:?}", fixture.name);
            plans += 1;
        }
    }
    assert!(plans >= 15, "{plans}");
    assert!(!Op::Forward.info().random);
}

#[test]
fn stages_that_nothing_depends_on_are_dropped() {
    let body = "repeat 2 {
      extra = sample(pi, prompts, count = 8)
      repeat 3 { more = sample(old, prompts, count = 8) }
      y1 = sample(ref, prompts, count = 8)
      y2 = explore(plain, prompts, against = y1)
      prefs += label(y2, y1, by = judge)
      y = sample(pi, prompts, count = 8)
      ascend pi on mean(r(y))
    }";
    let lines = &told(body)["dead"];
    let dropped = |what: &str| lines.iter().any(|line| line.contains(what));
    assert!(dropped("extra = sample") && dropped("the loop repeat@0"), "{lines:?}");
    // Labels are stored; another point of a sweep may need the values of the outermost loop.
    for kept in ["y1 = ", "y2 = ", "prefs.new = ", "y = ", "pi@"] {
        assert!(!dropped(&format!("dropped {kept}")), "{kept}: {lines:?}");
    }
}

/// Saved values are kept, although no value depends on them.
#[test]
fn checkpoints_are_kept_with_what_they_hold() {
    let body = "repeat 2 {
      repeat 3 { save(r, every = 2) }
      y = sample(pi, prompts, count = 8)
      ascend pi on mean(score(judge, y))
    }";
    assert_eq!(told(body)["dead"], [""; 0]);
    let kept = passes::run(plan(body)).0;
    assert!(outline(&kept).iter().any(|line| line.contains("r@0")), "{kept:?}");
    let without = told(&body.replace("save(r, every = 2)", ""));
    assert_eq!(without["dead"], ["dropped the loop repeat@0: nothing depends on it"]);
}

#[test]
fn a_value_that_no_inner_loop_reads_goes_round_as_it_came_in() {
    let body = "repeat 2 {
      y1 = sample(ref, prompts, count = 8)
      repeat 3 { y2 = explore(plain, prompts, against = y1) }
      y = sample(pi, prompts, count = 8)
      ascend pi on mean(r(y))
    }";
    // Only the enhancer's covariance would remain of `y2`, and the outer loop carries it.
    assert_eq!(told(body)["dead"], [""; 0]);
    let inner = format!("repeat 1 {{ {body} }}").replace("ascend pi on mean(r(y))", "");
    let mut made = plan(&inner);
    passes::dead::run(&mut made);
    assert!(!outline(&made).iter().any(|line| line.ends_with("sample") || line.ends_with("repeat")), "{made:?}");
}

#[test]
fn a_run_with_nothing_dead_loses_nothing() {
    for name in ["quickstart", "dpo"] {
        let fixture = fixtures("../../pipelines").find(|fixture| fixture.name == name).unwrap();
        let mut plan = compile(Input::text("p.pbpo", &fixture.text), Some("main"), &[]).points.remove(0).plan;
        assert_eq!(passes::dead::run(&mut plan), [""; 0], "{name}");
    }
}

#[test]
fn equal_forwards_of_a_step_are_listed_once_from_the_end() {
    let body = "y = sample(pi, prompts, count = 8)
      ascend pi on mean(r(y)) + mean(square(r(y))) - 0.1 * kl(pi, ref, y) + 0.1 * entropy(pi, y)";
    let forwards = &told(body)["forwards"];
    let expected = "pi@1: 3 forwards at once: log_probs(pi@0, y), log_probs(ref@0, y), rewards(r@0, y)";
    assert_eq!(forwards, &[expected]);
}

#[test]
fn frozen_forwards_go_in_front_of_the_loops_that_do_not_change_them() {
    let body = "y = sample(pi, prompts, count = 8)
      repeat 3 { repeat 2 { ascend pi on mean(r(y)) - 0.1 * kl(pi, ref, y) } }";
    let (made, reports) = passes::run(plan(body));
    let hoisted: Vec<&String> = reports.iter().filter(|report| report.pass == "hoist").flat_map(|r| &r.lines).collect();
    assert_eq!(hoisted.len(), 2, "{hoisted:?}");
    let outline = outline(&made);
    let at =
        |line: &str| outline.iter().position(|other| other == line).unwrap_or_else(|| panic!("{line}: {outline:?}"));
    // The forward is before both loops.
    assert!(at("y = sample") < at("ref.forward@0 = forward"));
    assert!(at("r.forward@0 = forward") < outline.iter().position(|line| line.ends_with("= repeat")).unwrap());
    let step = made.text();
    assert!(step.contains("forward log_probs(ref@0, y) from ref.forward@0"), "{step}");
}

#[test]
fn what_changes_in_the_loop_stays_in_it() {
    let body = "y = sample(pi, prompts, count = 8)
      repeat 3 {
        z = sample(ref, prompts, count = 8)
        ascend pi on mean(r(y)) - 0.1 * kl(pi, old, y) + mean(logp(pi, z)) - mean(logp(ref, z))
        descend r on mean(r(y))
      }";
    // `r` and `old` are trained, `z` is new in each iteration, and the step moves `pi`.
    assert_eq!(told(body)["hoist"], [""; 0]);
}

#[test]
fn a_forward_that_two_steps_need_is_made_once() {
    let body = "y = sample(ref, prompts, count = 8)
      ascend pi on mean(logp(pi, y)) - mean(logp(ref, y))
      ascend other on mean(logp(other, y)) - 0.1 * kl(other, ref, y)";
    let (made, reports) = passes::run(plan(body));
    let shared = &reports.iter().find(|report| report.pass == "share").unwrap().lines;
    assert_eq!(shared.len(), 1, "{shared:?}");
    let outline = outline(&made);
    assert_eq!(outline.iter().filter(|line| line.ends_with("= forward")).count(), 1, "{outline:?}");
    // One step needs the log-probability of the tokens, the other whole distributions, so those are made.
    assert!(made.text().contains("set  gives          log_probs"), "{}", made.text());
}

#[test]
fn a_long_body_is_quick() {
    let steps: String = (0..500)
        .map(|i| {
            format!("y{i} = sample(pi, prompts, count = 8)\nascend pi on mean(r(y{i})) - 0.1 * kl(pi, ref, y{i})\n")
        })
        .collect();
    let plan = plan(&format!("repeat 2 {{\n{steps}}}"));
    let started = std::time::Instant::now();
    passes::run(plan);
    assert!(started.elapsed().as_millis() < 1000, "{:?}", started.elapsed());
}

#[test]
fn what_a_pass_adds_has_an_identity_and_moves_no_other() {
    let body = "y = sample(pi, prompts, count = 8)
      repeat 3 { ascend pi on mean(r(y)) - 0.1 * kl(pi, ref, y) }";
    let compiled = plan(body);
    let (made, _) = passes::run(compiled.clone());
    let (before, after) = (identities(&compiled), identities_of_made(&made, &compiled));
    let added: Vec<&String> = after.keys().filter(|name| !before.contains_key(*name)).collect();
    assert_eq!(added, ["r.forward@0", "ref.forward@0"]);
    assert!(before.iter().all(|(name, identity)| after[name] == *identity));
    let unique: std::collections::BTreeSet<_> = after.values().collect();
    assert_eq!(unique.len(), after.len(), "two stages have one identity");
    // It is that of the work, whatever the block is called.
    let forward = |body: &str| {
        let compiled = plan(body);
        identities_of_made(&passes::run(compiled.clone()).0, &compiled)["ref.forward@0"]
    };
    let renamed = body.replace("y = ", "z = ").replace("(y)", "(z)").replace(", y)", ", z)");
    assert_eq!(forward(&renamed), after["ref.forward@0"]);
    assert_ne!(forward(&body.replace("count = 8", "count = 16")), after["ref.forward@0"]);
}
