//! Changes that reduce a plan's memory: the same plan with one setting changed.

use std::collections::HashSet;

use serde_json::{Value as Json, json};

use super::super::ops::load;
use super::super::{Body, Op, Plan, Stage, ValueName};

/// A change of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Less {
    /// Adapters on the checkpoints of policies.
    Adapters,
    /// Models computed in bf16.
    Bf16,
    /// Half the rows of every batch.
    HalfBatches,
}

/// The matrices that `lora = { rank = 16 }` trains if it names no targets (`schema/blocks.rs`).
const TARGETS: [&str; 2] = ["q_proj", "v_proj"];

impl Less {
    pub const ALL: [Less; 3] = [Less::Adapters, Less::Bf16, Less::HalfBatches];

    /// Returns the advice for a user.
    pub fn advice(self) -> &'static str {
        match self {
            Less::Adapters => "`lora = { rank = 16 }` in the policy",
            Less::Bf16 => "`compute = bf16` in the models",
            Less::HalfBatches => "half of every `count` and `batch`",
        }
    }

    /// Returns the changed plan; `None` if the change does not apply.
    pub fn of(self, plan: &Plan) -> Option<Plan> {
        let (mut changed, policies) = (false, policies(plan));
        let body = self.body(plan.body.clone(), &policies, &mut changed);
        changed.then(|| Plan { body, ..plan.clone() })
    }

    fn body(self, body: Body, policies: &HashSet<ValueName>, changed: &mut bool) -> Body {
        let (mut stages, carries) = body.into_parts();
        for stage in &mut stages {
            self.stage(stage, policies, changed);
            if let Some(inner) = stage.body.take() {
                stage.body = Some(Box::new(self.body(*inner, policies, changed)));
            }
        }
        Body::new(stages, carries)
    }

    fn stage(self, stage: &mut Stage, policies: &HashSet<ValueName>, changed: &mut bool) {
        if let (Op::Load, Ok(load)) = (stage.op, stage.settings::<load::Settings>()) {
            let less = match self {
                Less::Adapters if policies.contains(stage.name.as_str()) && load.lora.is_none() => {
                    let targets = TARGETS.map(str::to_owned).to_vec();
                    load::Settings { lora: Some(load::Lora { rank: 16, alpha: 32.0, targets }), ..load.clone() }
                }
                Less::Bf16 => load::Settings { compute: Some(load::Compute::Bf16), ..load.clone() },
                Less::Adapters | Less::HalfBatches => return,
            };
            *changed |= less != load;
            *stage = std::mem::replace(stage, Stage::new(Op::Load, &[])).with_settings(&less);
            return;
        }
        let config = &mut stage.config;
        let set =
            match self {
                Less::Bf16 if stage.op == Op::Imitate => config.get("model").cloned().map(|mut model| {
                    if let Some(fields) = model.as_object_mut() {
                        fields.insert("compute".into(), json!("bf16"));
                    }
                    ("model", model)
                }),
                Less::HalfBatches => stage.op.info().batch.and_then(|rows| {
                    config.get(rows).and_then(Json::as_u64).map(|count| (rows, json!(count.div_ceil(2))))
                }),
                Less::Adapters | Less::Bf16 => None,
            };
        if let Some((key, value)) = set {
            *changed |= config.insert(key.to_owned(), value.clone()) != Some(value);
        }
    }
}

/// Returns the checkpoints from which policies start, directly or through imitation.
fn policies(plan: &Plan) -> HashSet<ValueName> {
    let starts = |op: Op| plan.body.stages().filter(move |stage| stage.op == op);
    let mut found: HashSet<ValueName> = starts(Op::Policy).filter_map(|stage| stage.input("init")).cloned().collect();
    let imitated: Vec<&ValueName> = starts(Op::Imitate)
        .filter(|stage| found.contains(stage.name.as_str()))
        .filter_map(|stage| stage.input("init"))
        .collect();
    found.extend(imitated.into_iter().cloned());
    found
}
