//! What would make a plan take less memory: the same plan with a setting changed.

use serde_json::{Value as Json, json};

use super::super::{Body, Plan, Stage};

/// A change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Less {
    /// Adapters on every checkpoint.
    Adapters,
    /// Models computed in bf16.
    Bf16,
    /// Half the rows of every batch.
    HalfBatches,
}

/// What `lora = { rank = 16 }` trains where it names no targets.
const TARGETS: [&str; 7] = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

impl Less {
    pub const ALL: [Less; 3] = [Less::Adapters, Less::Bf16, Less::HalfBatches];

    /// What a user does.
    pub fn advice(self) -> &'static str {
        match self {
            Less::Adapters => "`lora = { rank = 16 }` in the policy",
            Less::Bf16 => "`compute = bf16` in the models",
            Less::HalfBatches => "half of every `count` and `batch`",
        }
    }

    /// The plan with the change; nothing where it has none to make.
    pub fn of(self, plan: &Plan) -> Option<Plan> {
        let mut changed = false;
        let body = self.body(plan.body.clone(), &mut changed);
        changed.then(|| Plan { body, ..plan.clone() })
    }

    fn body(self, body: Body, changed: &mut bool) -> Body {
        let (mut stages, carries) = body.into_parts();
        for stage in &mut stages {
            self.stage(stage, changed);
            if let Some(inner) = stage.body.take() {
                stage.body = Some(Box::new(self.body(*inner, changed)));
            }
        }
        Body::new(stages, carries)
    }

    fn stage(self, stage: &mut Stage, changed: &mut bool) {
        let config = &mut stage.config;
        let rows = if stage.op == "imitate" { "batch" } else { "count" };
        let set = match (self, stage.op.as_str()) {
            (Less::Adapters, "load") if !config.contains_key("lora") => {
                Some(("lora", json!({ "rank": 16, "alpha": 32.0, "targets": TARGETS })))
            }
            (Less::Bf16, "load") => Some(("compute", json!("bf16"))),
            (Less::Bf16, "imitate") => config.get("model").cloned().map(|mut model| {
                model["compute"] = json!("bf16");
                ("model", model)
            }),
            (Less::HalfBatches, "sample" | "draw" | "imitate") => {
                config.get(rows).and_then(Json::as_u64).map(|count| (rows, json!(count.div_ceil(2))))
            }
            _ => None,
        };
        if let Some((key, value)) = set {
            *changed |= config.insert(key.to_owned(), value.clone()) != Some(value);
        }
    }
}
