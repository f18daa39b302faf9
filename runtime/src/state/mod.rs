//! The state of a run as a value: where it stands, what it has made, and its counters.
//!
//! A state can be saved between any two steps of a run, at any depth of loops and inside long stages, and loaded into a
//! fresh environment, from where the run goes on bit for bit as if it had never stopped. Not after a fault: a step takes
//! its player out before it puts it back.
//!
//! Each kind of value has its form beside it, as a [`Stored`]. Its `save` takes the value apart field by field, so that
//! a new field does not compile until it is saved. Data and oracles are made anew from their sources, whose digests must
//! be what they were. What a person sees (notices, evaluations, completions) is not part of the state, but of the log.

mod parts;
mod value;

use std::collections::BTreeMap;

use pbpo_plan::identity::Identity;
use pbpo_plan::walk::{Cursor, Walk};
use pbpo_plan::{Body, Plan, Stage, ValueName};
use serde::{Deserialize, Serialize};

pub use parts::{Digest, Parts, Reader, Stored, TensorRecord};
pub(crate) use parts::{plain, stored, stored_enum};
pub use value::Record;

use crate::context::{Context, Counters};
use crate::env::Env;
use crate::error::Fault;
use crate::event::{Event, Observer};
use crate::host::Host;
use crate::ops;
use crate::value::Value;

/// The version of the saved form. Any change of it, or of the form of any value, bumps it.
pub const STATE_VERSION: u32 = 1;

/// The state of a run between two of its steps.
#[derive(Default)]
pub struct RunState {
    pub cursor: Cursor,
    pub env: Env,
    pub counters: Counters,
}

/// A saved state: its root, and the parts that it refers to.
#[derive(Clone, Default)]
pub struct Snapshot {
    pub root: Vec<u8>,
    pub parts: BTreeMap<Digest, Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Root {
    version: u32,
    /// The digest of the plan that was run, with its identities.
    plan: Digest,
    cursor: Cursor,
    counters: Counters,
    values: BTreeMap<ValueName, Record>,
    /// The long stage that is under way, and its work so far.
    underway: Option<(String, <ops::Work as Stored>::Record)>,
}

/// The version alone, which is read first: another version has other fields.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

impl RunState {
    /// Saves the state of a run of this plan.
    pub fn save(&self, plan: &Plan, identities: &BTreeMap<String, Identity>) -> Result<Snapshot, Fault> {
        let Self { cursor, env, counters } = self;
        let data = env.values.iter().filter_map(|(name, value)| match value {
            Value::Data(data) => Some((name, data)),
            _ => None,
        });
        let mut parts = Parts::new(data.collect());
        let mut values = BTreeMap::new();
        for (name, value) in &env.values {
            values.insert(name.clone(), value.save(&mut parts)?);
        }
        let underway = env.underway().map(|(stage, work)| Ok::<_, Fault>((stage.to_owned(), work.save(&mut parts)?)));
        let root = Root {
            version: STATE_VERSION,
            plan: digest(plan, identities),
            cursor: cursor.clone(),
            counters: counters.clone(),
            values,
            underway: underway.transpose()?,
        };
        Ok(Snapshot { root: parts::encode(&root)?, parts: parts.parts })
    }

    /// Loads the state of a run of this plan. The data and the oracles that the state has are made anew on the host.
    pub fn load(
        snapshot: &Snapshot,
        plan: &Plan,
        identities: &BTreeMap<String, Identity>,
        host: &Host,
    ) -> Result<Self, Fault> {
        let Version { version } = parts::decode(&snapshot.root)?;
        if version != STATE_VERSION {
            return Err(Fault::new(format!("the state has version {version}; this binary reads {STATE_VERSION}"))
                .help("go on with the version of pbpoc that has written it, or begin a new run"));
        }
        let Root { plan: of, cursor, counters, values, underway, .. } = parts::decode(&snapshot.root)?;
        if of != digest(plan, identities) || !Walk::of(plan).has(&cursor) {
            return Err(Fault::new("the state is that of another plan").help("begin a new run"));
        }
        let mut reader = Reader::new(&snapshot.parts, &host.device)?;
        make_sources(plan, &values, identities, host, &mut reader)?;
        let mut env = Env::default();
        for (name, record) in values {
            let value = Value::load(&name, record, &reader)?;
            env.values.insert(name, value);
        }
        if let Some((stage, work)) = underway {
            env.set_underway(&stage, ops::Work::load(work, &reader)?);
        }
        Ok(Self { cursor, env, counters })
    }
}

/// Returns the digest of a plan and of what its stages draw.
fn digest(plan: &Plan, identities: &BTreeMap<String, Identity>) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(plan.text().as_bytes());
    for (stage, identity) in identities {
        hasher.update(stage.as_bytes()).update(&[0]).update(identity);
    }
    *hasher.finalize().as_bytes()
}

/// Makes the data and the oracles of a state.
fn make_sources(
    plan: &Plan,
    values: &BTreeMap<ValueName, Record>,
    identities: &BTreeMap<String, Identity>,
    host: &Host,
    reader: &mut Reader<'_>,
) -> Result<(), Fault> {
    let (mut counters, mut recording, mut silent) = (Counters::default(), None, Silent);
    let mut context = Context::new(host, identities, &mut counters, &mut silent, &mut recording);
    let remade = |output: &ValueName| values.get(output).is_some_and(Record::is_remade);
    for stage in all(&plan.body).filter(|stage| stage.outputs.iter().any(remade)) {
        let mut env = Env::default();
        let made = ops::op(stage, &env).and_then(|op| op.run(stage, &mut env, &mut context));
        for (name, value) in stage.outputs.iter().zip(made.map_err(|fault| fault.in_stage(&stage.name))?) {
            match value {
                Value::Data(data) => {
                    data.tokenizer.iter().try_for_each(|tokenizer| reader.adopt(tokenizer))?;
                    reader.data.insert(name.clone(), data);
                }
                Value::Oracle(oracle) => drop(reader.oracles.insert(name.clone(), oracle)),
                _ => {}
            }
        }
    }
    Ok(())
}

/// Returns all stages of a body, those of loops after their loop.
fn all(body: &Body) -> Box<dyn Iterator<Item = &Stage> + '_> {
    Box::new(
        body.stages().flat_map(|stage| std::iter::once(stage).chain(stage.body.iter().flat_map(|inner| all(inner)))),
    )
}

/// An observer of stages that are only made again.
struct Silent;

impl Observer for Silent {
    fn event(&mut self, _: &Event) -> std::io::Result<()> {
        Ok(())
    }
}
