//! What a plan's JSON keeps, and what it refuses.

use std::fmt::Write;

use pbpo_compiler::{Input, compile};
use pbpo_plan::identity::identities;
use pbpo_plan::{Body, Expr, Op, Plan};

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
    for _ in 0..4 {
        let (mut stages, carries) = std::mem::take(&mut plan.body).into_parts();
        let lr: Vec<f64> = (0..2000).map(|_| bits.float()).collect();
        let number = |bits: &mut Bits| Expr::Const { value: bits.float() };
        let constants: Vec<Expr> = (0..2000).map(|_| number(&mut bits)).collect();
        let data = stages.iter_mut().find(|stage| stage.op == Op::Data).unwrap();
        data.config.insert("numbers".into(), serde_json::json!(lr));
        plan.body = Body::new(stages, carries);
        let read = Plan::from_json(&plan.to_json()).unwrap();
        let of = |plan: &Plan| plan.body.stages().find(|s| s.op == Op::Data).unwrap().config["numbers"].clone();
        assert!(of(&read) == of(&plan), "a number has changed");
        assert_eq!(identities(&read), identities(&plan));
        let written = serde_json::to_string(&constants).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Expr>>(&written).unwrap(), constants);
    }
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
