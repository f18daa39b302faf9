//! The identity of a stage: a hash of its operation and its inputs, without any name.
//!
//! Equal stages of two plans have equal identities, so that their results can be shared, and a stage's random numbers
//! do not depend on other stages of the plan. Checkpoints change no value: a loop gives the same values with and
//! without `save` in it, although the loop itself differs.

use std::collections::BTreeMap;

use super::{Body, Op, Plan, Stage, ValueName, canonical};

/// A hash of 256 bits.
pub type Identity = [u8; 32];

/// The identity of every stage of a plan that [`super::verify`] accepts, those in loops included, by name.
pub fn identities(plan: &Plan) -> BTreeMap<String, Identity> {
    let mut work = Work { seed: plan.seed, ..Work::default() };
    work.body(&plan.body);
    work.stages
}

/// The identities of the stages of a plan that passes have made of another one: those of the plan as it was compiled,
/// and for each stage that a pass has added one of its own, by what it does and works on.
pub fn identities_of_made(made: &Plan, compiled: &Plan) -> BTreeMap<String, Identity> {
    let mut work = Work { seed: compiled.seed, ..Work::default() };
    work.body(&compiled.body);
    work.added(&made.body);
    work.stages
}

#[derive(Default)]
struct Work {
    seed: u64,
    stages: BTreeMap<String, Identity>,
    /// The identity of every value so far.
    values: BTreeMap<ValueName, Identity>,
    /// The number of equal stages so far: each draws different numbers.
    occurrences: BTreeMap<Identity, u64>,
}

impl Work {
    /// Returns the identities of a body's stages in order and of its carried values.
    fn body(&mut self, body: &Body) -> Vec<Identity> {
        let mut parts = Vec::new();
        // Equal values are numbered among themselves, so that a new carried value changes no other identity.
        let mut seen: BTreeMap<Identity, u64> = BTreeMap::new();
        for carry in &body.carries {
            let from = self.value(&carry.from);
            let index = seen.entry(from).or_insert(0);
            let enter = Parts::new().add(b"carry").add(&index.to_le_bytes()).add(&from).hash();
            *index += 1;
            self.values.insert(carry.enter.clone(), enter);
        }
        for stage in body.stages() {
            let identity = self.stage(stage);
            if stage.op != Op::Save {
                parts.push(identity);
            }
        }
        parts.extend(body.carries.iter().map(|carry| self.value(&carry.back)));
        parts
    }

    /// Stages that are not known yet. What they work on is: a pass gives no value another meaning.
    fn added(&mut self, body: &Body) {
        for stage in body.stages() {
            if !self.stages.contains_key(&stage.name) {
                self.stage(stage);
            } else if let Some(inner) = &stage.body {
                self.added(inner);
            }
        }
    }

    fn stage(&mut self, stage: &Stage) -> Identity {
        let info = stage.op.info();
        let mut parts = Parts::new();
        parts.add(stage.op.word().as_bytes()).add(&info.version.to_le_bytes());
        parts.add(serde_json::to_string(&stage.config).unwrap_or_default().as_bytes());
        let objective = stage.objective.as_ref().map(|objective| canonical::objective(objective, &self.values));
        parts.add(objective.unwrap_or_default().as_bytes());
        // Captured values of a loop are identified by their use in its body, not by their order.
        for (_, value) in stage.inputs.iter().filter(|_| stage.body.is_none()) {
            parts.add(&self.value(value));
        }
        for part in stage.body.iter().flat_map(|body| self.body(body)) {
            parts.add(&part);
        }
        if info.random {
            parts.add(&self.seed.to_le_bytes());
        }
        let same = parts.hash();
        let occurrence = self.occurrences.entry(same).or_insert(0);
        let identity = Parts::new().add(&same).add(&occurrence.to_le_bytes()).hash();
        *occurrence += 1;
        self.stages.insert(stage.name.clone(), self.with_saves(stage, identity));
        for (index, output) in stage.outputs.iter().enumerate() {
            let value = Parts::new().add(b"output").add(&(index as u64).to_le_bytes()).add(&identity).hash();
            self.values.insert(output.clone(), value);
        }
        identity
    }

    /// Returns the identity of a loop and of the checkpoints that are written in it.
    fn with_saves(&self, stage: &Stage, identity: Identity) -> Identity {
        let inner = stage.body.iter().flat_map(|body| body.stages()).filter(|inner| inner.saves());
        let saves: Vec<Identity> = inner.filter_map(|inner| self.stages.get(&inner.name).copied()).collect();
        if saves.is_empty() {
            return identity;
        }
        let mut parts = Parts::new();
        parts.add(b"saves").add(&identity);
        saves.iter().for_each(|save| {
            parts.add(save);
        });
        parts.hash()
    }

    /// The identity of a value. One that nothing makes, in a plan that [`super::verify`] refuses, has one by its name.
    fn value(&self, name: &ValueName) -> Identity {
        let unknown = || Parts::new().add(b"unknown").add(name.as_str().as_bytes()).hash();
        self.values.get(name).copied().unwrap_or_else(unknown)
    }
}

/// The hashed parts, each with its length, so that different lists of parts give different bytes.
struct Parts(Vec<u8>);

impl Parts {
    /// Makes an empty list with capacity for most stages.
    fn new() -> Self {
        Self(Vec::with_capacity(512))
    }

    fn add(&mut self, part: &[u8]) -> &mut Self {
        self.0.extend_from_slice(&(part.len() as u64).to_le_bytes());
        self.0.extend_from_slice(part);
        self
    }

    fn hash(&self) -> Identity {
        *blake3::hash(&self.0).as_bytes()
    }
}
