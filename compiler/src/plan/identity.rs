//! What a stage is, as a hash: of what it does and of what it works on, not of any name.
//!
//! Equal stages of two plans have equal identities, so that their results can be shared, and a stage's
//! random numbers stay the same whatever else is added to the plan.

use std::collections::BTreeMap;

use super::{Body, Plan, Stage, ops};

/// A hash of 256 bits.
pub type Identity = [u8; 32];

/// The identity of every stage of a plan, those in loops included, by name.
pub fn identities(plan: &Plan) -> BTreeMap<String, Identity> {
    let mut work = Work { seed: plan.seed, ..Work::default() };
    work.body(&plan.body);
    work.stages
}

#[derive(Default)]
struct Work {
    seed: u64,
    stages: BTreeMap<String, Identity>,
    /// Identity of every value so far.
    values: BTreeMap<String, Identity>,
    /// How often a stage has been seen that is the same in everything: each draws its own numbers.
    occurrences: BTreeMap<Identity, u64>,
}

impl Work {
    /// The stages of a body in order, and what it gives to the next iteration.
    fn body(&mut self, body: &Body) -> Vec<Identity> {
        let mut parts = Vec::new();
        // Numbered among equals only: one more carried value moves no other.
        let mut seen: BTreeMap<Identity, u64> = BTreeMap::new();
        for carry in &body.carries {
            let from = self.value(&carry.from);
            let index = seen.entry(from).or_insert(0);
            let enter = hash(&[b"carry", &index.to_le_bytes(), &from]);
            *index += 1;
            self.values.insert(carry.enter.clone(), enter);
        }
        for stage in body.stages() {
            parts.push(self.stage(stage));
        }
        parts.extend(body.carries.iter().map(|carry| self.value(&carry.back)));
        parts
    }

    fn stage(&mut self, stage: &Stage) -> Identity {
        let info = ops::find(&stage.op);
        let version = info.map_or(0, |info| info.version);
        let config = serde_json::to_string(&stage.config).unwrap_or_default();
        let mut parts: Vec<Vec<u8>> = vec![stage.op.clone().into(), version.to_le_bytes().into(), config.into()];
        parts.push(self.objective(stage).into());
        // Captured values of a loop are found by what its body does with them, not by their order.
        let inputs = stage.inputs.iter().filter(|_| stage.body.is_none());
        parts.extend(inputs.map(|(_, value)| self.value(value).to_vec()));
        if let Some(body) = &stage.body {
            parts.extend(self.body(body).into_iter().map(Vec::from));
        }
        if info.is_some_and(|info| info.random) {
            parts.push(self.seed.to_le_bytes().into());
        }
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let same = hash(&parts);
        let occurrence = self.occurrences.entry(same).or_insert(0);
        let identity = hash(&[&same, &occurrence.to_le_bytes()]);
        *occurrence += 1;
        self.stages.insert(stage.name.clone(), identity);
        for (index, output) in stage.outputs.iter().enumerate() {
            self.values.insert(output.clone(), hash(&[b"output", &(index as u64).to_le_bytes(), &identity]));
        }
        identity
    }

    /// The objective with the identities of values in place of their names.
    fn objective(&self, stage: &Stage) -> String {
        let Some(objective) = &stage.objective else { return String::new() };
        let mut json = serde_json::to_value(objective).unwrap_or_default();
        self.rename(&mut json);
        json.to_string()
    }

    fn rename(&self, json: &mut serde_json::Value) {
        match json {
            serde_json::Value::String(text) => {
                if let Some(identity) = self.values.get(text.as_str()) {
                    *text = blake3::Hash::from_bytes(*identity).to_hex().to_string();
                }
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(|item| self.rename(item)),
            serde_json::Value::Object(fields) => {
                // Names of nodes, ops and metrics are no values, whatever values are called.
                let fixed = ["node", "of", "op", "reduction", "axis", "side", "name", "kind"];
                fields
                    .iter_mut()
                    .filter(|(key, _)| !fixed.contains(&key.as_str()))
                    .for_each(|(_, item)| self.rename(item));
            }
            serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
        }
    }

    fn value(&self, name: &str) -> Identity {
        self.values.get(name).copied().unwrap_or_default()
    }
}

/// A hash of parts, each with its length, so that no two lists of parts look the same.
fn hash(parts: &[&[u8]]) -> Identity {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}
