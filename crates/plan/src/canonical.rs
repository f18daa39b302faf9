//! Objectives in the form that is hashed for identities: JSON with sorted keys, written directly, with the identities
//! of values instead of their names. Names of nodes, ops and metrics are not values, even if a value has the same name.

use std::collections::BTreeMap;

use serde::Serialize;

use super::identity::Identity;
use super::{BatchRef, Estimator, Expr, Leaf, ValueName};

/// Returns the text of an objective; values without an identity keep their names.
pub(super) fn objective(expr: &Expr, values: &BTreeMap<ValueName, Identity>) -> String {
    let mut writer = Writer { values, out: String::with_capacity(1024) };
    writer.expr(expr);
    writer.out
}

/// The value of a key.
enum Part<'e> {
    Expr(&'e Expr),
    Leaf(&'e Leaf),
    Batch(&'e BatchRef),
    Estimator(&'e Estimator),
    /// The name of a value.
    Value(&'e ValueName),
    /// Any other value, in JSON.
    Plain(String),
}
use Part::{Plain, Value};

struct Writer<'v> {
    values: &'v BTreeMap<ValueName, Identity>,
    out: String,
}

impl Writer<'_> {
    /// Writes an object; the keys must be sorted.
    fn object<const N: usize>(&mut self, fields: [(&str, Part<'_>); N]) {
        for (index, (key, part)) in fields.into_iter().enumerate() {
            self.out.push_str(if index == 0 { "{\"" } else { ",\"" });
            self.out.push_str(key);
            self.out.push_str("\":");
            match part {
                Part::Expr(expr) => self.expr(expr),
                Part::Leaf(leaf) => self.leaf(leaf),
                Part::Batch(batch) => self.batch(batch),
                Part::Estimator(estimator) => self.estimator(estimator),
                Part::Value(name) => self.value(name),
                Part::Plain(json) => self.out.push_str(&json),
            }
        }
        self.out.push('}');
    }

    fn value(&mut self, name: &ValueName) {
        match self.values.get(name) {
            Some(identity) => {
                self.out.push('"');
                self.out.push_str(&blake3::Hash::from_bytes(*identity).to_hex());
                self.out.push('"');
            }
            None => self.out.push_str(&json(name)),
        }
    }

    fn expr(&mut self, expr: &Expr) {
        let node = |word: &str| ("node", Plain(json(word)));
        match expr {
            Expr::Const { value } => self.object([node("const"), ("value", Plain(json(value)))]),
            Expr::Leaf { leaf } => self.object([("leaf", Part::Leaf(leaf)), node("leaf")]),
            Expr::Unary { op, arg } => self.object([("arg", Part::Expr(arg)), node("unary"), ("op", Plain(json(op)))]),
            Expr::Binary { op, left, right } => self.object([
                ("left", Part::Expr(left)),
                node("binary"),
                ("op", Plain(json(op))),
                ("right", Part::Expr(right)),
            ]),
            Expr::Clip { arg, low, high } => self.object([
                ("arg", Part::Expr(arg)),
                ("high", Plain(json(high))),
                ("low", Plain(json(low))),
                node("clip"),
            ]),
            Expr::Reduce { reduction, axis, arg } => self.object([
                ("arg", Part::Expr(arg)),
                ("axis", Plain(json(axis))),
                node("reduce"),
                ("reduction", Plain(json(reduction))),
            ]),
            Expr::StopGrad { arg } => self.object([("arg", Part::Expr(arg)), node("stop_grad")]),
            Expr::Named { name, arg } => {
                self.object([("arg", Part::Expr(arg)), ("name", Plain(json(name))), node("named")]);
            }
            Expr::Estimate { estimator, policy, rollouts, arg } => self.object([
                ("arg", Part::Expr(arg)),
                ("estimator", Part::Estimator(estimator)),
                node("estimate"),
                ("policy", Value(policy)),
                ("rollouts", Value(rollouts)),
            ]),
        }
    }

    fn leaf(&mut self, leaf: &Leaf) {
        let of = |word: &str| ("of", Plain(json(word)));
        match leaf {
            Leaf::Logp { policy, batch } => {
                self.object([("batch", Part::Batch(batch)), of("logp"), ("policy", Value(policy))]);
            }
            Leaf::Entropy { policy, batch } => {
                self.object([("batch", Part::Batch(batch)), of("entropy"), ("policy", Value(policy))]);
            }
            Leaf::Kl { p, q, batch } => {
                self.object([("batch", Part::Batch(batch)), of("kl"), ("p", Value(p)), ("q", Value(q))]);
            }
            Leaf::TokenReward { reward_model, batch } => {
                let model = ("reward_model", Value(reward_model));
                self.object([("batch", Part::Batch(batch)), of("token_reward"), model]);
            }
            Leaf::Reward { reward_model, batch } => {
                self.object([("batch", Part::Batch(batch)), of("reward"), ("reward_model", Value(reward_model))]);
            }
            Leaf::Score { oracle, batch } => {
                self.object([("batch", Part::Batch(batch)), of("score"), ("oracle", Value(oracle))]);
            }
            Leaf::Size { preferences } => self.object([of("size"), ("preferences", Value(preferences))]),
        }
    }

    fn batch(&mut self, batch: &BatchRef) {
        match batch.side {
            Some(side) => self.object([("side", Plain(json(&side))), ("value", Value(&batch.value))]),
            None => self.object([("value", Value(&batch.value))]),
        }
    }

    fn estimator(&mut self, estimator: &Estimator) {
        let kind = |word: &str| ("kind", Plain(json(word)));
        match estimator {
            Estimator::Reinforce => self.object([kind("reinforce")]),
            Estimator::Rloo { group } => self.object([("group", Plain(json(group))), kind("rloo")]),
            Estimator::Grpo { group } => self.object([("group", Plain(json(group))), kind("grpo")]),
        }
    }
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::{Axis, BatchRef, BinaryOp, Estimator, Expr, Leaf, Reduction, Side, UnaryOp, ValueName};

    fn name(text: &str) -> ValueName {
        text.parse().unwrap()
    }

    fn batch(value: &str, side: Option<Side>) -> BatchRef {
        BatchRef { value: name(value), side }
    }

    fn leaf(leaf: Leaf) -> Box<Expr> {
        Box::new(Expr::Leaf { leaf })
    }

    /// Returns every node and every leaf at least once.
    fn all() -> Expr {
        let (policy, rows) = (name("pi@0"), batch("y", None));
        let leaves = [
            Leaf::Logp { policy: policy.clone(), batch: rows.clone() },
            Leaf::Entropy { policy: policy.clone(), batch: batch("prefs", Some(Side::Chosen)) },
            Leaf::Kl { p: policy.clone(), q: name("ref@0"), batch: batch("prefs", Some(Side::Rejected)) },
            Leaf::TokenReward { reward_model: name("r@1"), batch: rows.clone() },
            Leaf::Reward { reward_model: name("r@1"), batch: rows.clone() },
            Leaf::Score { oracle: name("judge"), batch: rows },
            Leaf::Size { preferences: name("prefs") },
        ];
        let sum = leaves.into_iter().fold(Box::new(Expr::Const { value: 0.1 }), |left, next| {
            Box::new(Expr::Binary { op: BinaryOp::Sub, left, right: leaf(next) })
        });
        let estimate =
            |estimator, arg| Box::new(Expr::Estimate { estimator, policy: name("pi@0"), rollouts: name("y"), arg });
        let arg = estimate(Estimator::Reinforce, sum);
        let arg = estimate(Estimator::Grpo { group: 8 }, estimate(Estimator::Rloo { group: 4 }, arg));
        let arg = Box::new(Expr::Clip { arg, low: -1e-9, high: 3e20 });
        let arg = Box::new(Expr::Unary { op: UnaryOp::LogSigmoid, arg: Box::new(Expr::StopGrad { arg }) });
        let arg = Box::new(Expr::Reduce { reduction: Reduction::Mean, axis: Axis::Token, arg });
        Expr::Named { name: "pi@0".into(), arg }
    }

    /// Returns the output of serde, whose maps are sorted, with the names of values replaced.
    fn by_serde(json: &mut serde_json::Value, hex: &str) {
        match json {
            serde_json::Value::String(text) if text == "pi@0" || text == "y" => *text = hex.to_owned(),
            serde_json::Value::Array(items) => items.iter_mut().for_each(|item| by_serde(item, hex)),
            serde_json::Value::Object(fields) => {
                fields.iter_mut().filter(|(key, _)| *key != "name").for_each(|(_, item)| by_serde(item, hex));
            }
            _ => {}
        }
    }

    #[test]
    fn the_text_is_the_json_of_the_plan_with_sorted_keys() {
        let identity = [0xab; 32];
        let values = BTreeMap::from([(name("pi@0"), identity), (name("y"), identity)]);
        let mut json = serde_json::to_value(all()).unwrap();
        by_serde(&mut json, &"ab".repeat(32));
        assert_eq!(super::objective(&all(), &values), json.to_string());
    }
}
