//! The saved forms of the values of a plan.

use std::sync::Arc;

use pbpo_judge::Usage;
use pbpo_plan::ValueName;
use serde::{Deserialize, Serialize};

use super::parts::{Parts, Reader, Stored};
use crate::error::Fault;
use crate::exact;
use crate::player::Player;
use crate::value::{Exploration, Init, Preferences, Value};

/// The saved form of a value.
#[derive(Serialize, Deserialize)]
#[allow(clippy::large_enum_variant)] // Few exist at once, and a box would complicate the code.
pub enum Record {
    /// Data are made anew; this is the digest that they must have.
    Data {
        digest: String,
    },
    Init(<Init as Stored>::Record),
    Player(<Player as Stored>::Record),
    Features(super::Digest),
    Exploration(<Exploration as Stored>::Record),
    /// Oracles are made anew; this is the digest of what they read, and what they have spent.
    Oracle {
        digest: Option<String>,
        usage: Option<Usage>,
    },
    Rollouts(super::Digest),
    Preferences(<Preferences as Stored>::Record),
    Forward(super::Digest),
    Exact(exact::Record),
    Report,
}

impl Record {
    /// Tells whether the value is made anew from its source.
    pub fn is_remade(&self) -> bool {
        match self {
            Record::Data { .. } | Record::Oracle { .. } => true,
            Record::Init(_) | Record::Player(_) | Record::Features(_) => false,
            Record::Exploration(_) | Record::Rollouts(_) | Record::Preferences(_) => false,
            Record::Forward(_) | Record::Exact(_) | Record::Report => false,
        }
    }
}

impl Value {
    /// Saves a value.
    pub fn save(&self, parts: &mut Parts<'_>) -> Result<Record, Fault> {
        Ok(match self {
            Value::Data(data) => Record::Data { digest: data.digest.clone() },
            Value::Init(init) => Record::Init(init.save(parts)?),
            Value::Player(player) => Record::Player(player.save(parts)?),
            Value::Features(features) => Record::Features(features.save(parts)?),
            Value::Exploration(exploration) => Record::Exploration(exploration.save(parts)?),
            Value::Oracle(oracle) => Record::Oracle { digest: oracle.digest(), usage: oracle.usage() },
            Value::Rollouts(rollouts) => Record::Rollouts(rollouts.save(parts)?),
            Value::Preferences(preferences) => Record::Preferences(preferences.save(parts)?),
            Value::Forward(output) => Record::Forward(output.save(parts)?),
            Value::Exact(value) => Record::Exact(value.save(parts)?),
            Value::Report => Record::Report,
        })
    }

    /// Loads the value of a name.
    pub fn load(name: &ValueName, record: Record, from: &Reader<'_>) -> Result<Self, Fault> {
        Ok(match record {
            Record::Data { digest } => {
                let data = from.data(name)?;
                same_source(name, Some(&data.digest), Some(&digest))?;
                Value::Data(data)
            }
            Record::Init(init) => Value::Init(Box::load(init, from)?),
            Record::Player(player) => Value::Player(Box::load(player, from)?),
            Record::Features(features) => Value::Features(Arc::load(features, from)?),
            Record::Exploration(exploration) => Value::Exploration(Box::load(exploration, from)?),
            Record::Oracle { digest, usage } => {
                let oracle = from.oracle(name)?;
                same_source(name, oracle.digest().as_ref(), digest.as_ref())?;
                usage.into_iter().for_each(|usage| oracle.resume(usage));
                Value::Oracle(oracle)
            }
            Record::Rollouts(rollouts) => Value::Rollouts(Arc::load(rollouts, from)?),
            Record::Preferences(preferences) => Value::Preferences(Preferences::load(preferences, from)?),
            Record::Forward(output) => Value::Forward(Arc::load(output, from)?),
            Record::Exact(value) => Value::Exact(exact::Value::load(value, from)?),
            Record::Report => Value::Report,
        })
    }
}

/// Returns an error if a source is not what it was.
fn same_source(name: &ValueName, now: Option<&String>, then: Option<&String>) -> Result<(), Fault> {
    if now == then {
        return Ok(());
    }
    Err(Fault::new(format!("what `{name}` reads has changed since the state was saved"))
        .help("restore the file, or begin a new run"))
}
