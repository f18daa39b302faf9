//! What a plan's JSON keeps, and what it refuses.

#[path = "../../../compiler/tests/common/mod.rs"]
mod common;

use std::fmt::Write;

use common::plans::{self, Made};
use pbpo_compiler::{Input, compile};
use pbpo_plan::identity::identities;
use pbpo_plan::{Body, Expr, Op, Plan, Stage};

const PAGE: &str = include_str!("../../../tests/fixtures/plans/written_out.pbpo");

fn plan() -> Plan {
    compile(Input::text("page.pbpo", PAGE), None, &[]).plan().expect("compiles").clone()
}

/// Numbers of 64 bits without a pattern.
struct Bits(u64);

impl Bits {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Half of them of any size, half of them like learning rates.
    fn float(&mut self) -> f64 {
        loop {
            let any = f64::from_bits(self.next());
            let rate = (self.next() >> 11) as f64 / (1u64 << 53) as f64 * 1e-3;
            let number = if self.next().is_multiple_of(2) { any } else { rate };
            if number.is_finite() {
                return number;
            }
        }
    }
}

#[test]
fn every_number_comes_back_as_it_was() {
    let (mut bits, mut plan) = (Bits(7), plan());
    for _ in 0..400 {
        let (mut stages, carries) = std::mem::take(&mut plan.body).into_parts();
        for stage in stages.iter_mut().filter(|stage| stage.op == Op::Data) {
            stage.config.insert("careless".into(), serde_json::json!(bits.float()));
        }
        plan.body = Body::new(stages, carries);
        let read = Plan::from_json(&plan.to_json()).unwrap();
        let of = |plan: &Plan| -> Vec<serde_json::Value> {
            plan.body.stages().filter_map(|stage| stage.config.get("careless").cloned()).collect()
        };
        assert!(of(&read) == of(&plan) && of(&plan).len() > 1, "a number has changed");
        assert_eq!(identities(&read), identities(&plan));
    }
    let constants: Vec<Expr> = (0..8000).map(|_| Expr::Const { value: bits.float() }).collect();
    let written = serde_json::to_string(&constants).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Expr>>(&written).unwrap(), constants);
}

/// Whatever the op, a setting that it does not know is refused, and so is one that is missing.
#[test]
fn settings_of_every_op_are_exactly_its_own() {
    let mut seen = std::collections::BTreeSet::new();
    for Made { plan, .. } in plans::all() {
        for stage in every(&plan.body) {
            let alone = |config: pbpo_plan::Config| Stage { config, ..stage.clone() }.check_settings();
            assert_eq!(alone(stage.config.clone()), Ok(()), "{}", stage.name);
            let mut more = stage.config.clone();
            more.insert("surprise".into(), serde_json::json!(1));
            assert!(alone(more).is_err(), "{}", stage.name);
            seen.insert(stage.op);
        }
    }
    assert!(seen.len() >= Op::ALL.len() - 3, "{seen:?}");
}

fn every(body: &Body) -> Vec<&Stage> {
    let mut all = Vec::new();
    for stage in body.stages() {
        all.push(stage);
        all.extend(stage.body.iter().flat_map(|inner| every(inner)));
    }
    all
}

#[test]
fn learning_rates_of_a_file_keep_their_identities() {
    let mut bits = Bits(1);
    let mut sweep = String::new();
    for _ in 0..200 {
        let _ = write!(sweep, "{:e}, ", (bits.next() >> 11) as f64 / (1u64 << 53) as f64 * 1e-3 + 1e-6);
    }
    let text = format!("{PAGE}\nsweep lrs over main {{ pi.optimizer.lr in [{}] }}\n", sweep.trim_end_matches(", "));
    let compiled = compile(Input::text("page.pbpo", &text), Some("lrs"), &[]);
    assert_eq!(compiled.points.len(), 200, "{:?}", compiled.diagnostics);
    for point in &compiled.points {
        let read = Plan::from_json(&point.plan.to_json()).unwrap();
        assert_eq!(identities(&read), identities(&point.plan), "{}", point.plan.point);
    }
}

#[test]
fn an_unknown_op_is_refused_with_its_word() {
    let json = plan().to_json();
    let other = json.replacen("\"op\": \"sample\"", "\"op\": \"sampel\"", 1);
    assert_ne!(other, json);
    let error = Plan::from_json(&other).unwrap_err();
    assert!(error.contains("no operation is called `sampel`"), "{error}");
}

#[test]
fn each_op_has_one_word_in_text_and_json() {
    for op in Op::ALL {
        assert_eq!(Op::find(op.word()), Some(*op));
        assert_eq!(serde_json::to_string(op).unwrap(), format!("\"{op}\""));
        assert_eq!(serde_json::from_str::<Op>(&format!("\"{op}\"")).unwrap(), *op);
    }
}

/// A name is read wherever a plan has one: of outputs, inputs, carried values, and in objectives.
#[test]
fn a_name_that_no_compiler_gives_is_refused() {
    let json = plan().to_json();
    let at = |field: &str| format!("\"{field}\": \"pi@");
    for place in [at("from"), at("enter"), at("back"), at("out"), at("policy"), at("p")] {
        assert!(json.contains(&place), "{place}");
        for wrong in ["pi@x", "pi@0", "pi@+", "@", "pi @"] {
            let other = json.replacen(&place, &place.replace("pi@", wrong), 1);
            let error = Plan::from_json(&other).unwrap_err();
            assert!(error.contains("is no name of a value"), "{place}: {error}");
        }
    }
    for place in ["outputs/0", "inputs/0/1"] {
        let mut other: serde_json::Value = serde_json::from_str(&json).unwrap();
        let stages = other["body"]["stages"].as_array_mut().unwrap();
        let stage = stages.iter_mut().find(|stage| stage["op"] == "policy").unwrap();
        *stage.pointer_mut(&format!("/{place}")).unwrap() = "pi@x".into();
        let error = Plan::from_json(&other.to_string()).unwrap_err();
        assert!(error.contains("`pi@x` is no name of a value"), "{place}: {error}");
    }
}
