//! The values of a running plan by name, with typed access that fails with a clear message.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use pbpo_plan::{Stage, ValueName};

use crate::data::Data;
use crate::error::Fault;
use crate::model::RewardModel;
use crate::ops::{self, Work};
use crate::oracle::Oracle;
use crate::player::{Player, Policy};
use crate::value::{Exploration, Init, Preferences, Rollouts, Value};

/// Values by their names in the plan; names are unique in the whole plan.
#[derive(Default)]
pub struct Env {
    pub values: HashMap<ValueName, Value>,
    /// The values that no later stage reads.
    last: HashSet<ValueName>,
    /// The long stage that is under way, and its work so far.
    underway: Option<(String, Work)>,
}

macro_rules! typed {
    ($(#[$doc:meta])* $name:ident, $variant:ident, $type:ty) => {
        $(#[$doc])*
        pub fn $name(&self, stage: &Stage, port: &str) -> Result<&$type, Fault> {
            match self.get(stage, port)? {
                Value::$variant(value) => Ok(value),
                other => Err(wrong(port, stringify!($name), other)),
            }
        }
    };
}

impl Env {
    /// Returns the outputs of a stage, in order.
    pub fn outputs(&self, stage: &Stage) -> Vec<Value> {
        stage.outputs.iter().filter_map(|output| self.values.get(output).cloned()).collect()
    }

    /// Returns the value at a stage's input port.
    pub fn get(&self, stage: &Stage, port: &str) -> Result<&Value, Fault> {
        let name = ops::named(stage, port)?;
        self.values.get(name).ok_or_else(|| Fault::new(format!("the plan uses `{name}` before it is made")))
    }

    /// Returns the value at an input port for modification: the stored value itself if no later stage reads it, else a
    /// copy.
    pub fn take(&mut self, stage: &Stage, port: &str) -> Result<Value, Fault> {
        let name = stage.input(port).filter(|name| self.last.contains(*name));
        match name.and_then(|name| self.values.remove(name)) {
            Some(value) => Ok(value),
            None => self.get(stage, port).cloned(),
        }
    }

    /// Sets the values that the next stage is the last one to read.
    pub fn expect_last<'n>(&mut self, names: impl IntoIterator<Item = &'n ValueName>) {
        self.last = names.into_iter().cloned().collect();
    }

    /// Gives a value a second name.
    pub fn pass(&mut self, from: &ValueName, to: &ValueName) -> Result<(), Fault> {
        let value =
            self.values.get(from).ok_or_else(|| Fault::new(format!("the plan uses `{from}` before it is made")))?;
        self.values.insert(to.clone(), value.clone());
        Ok(())
    }

    /// Tells whether a long stage is under way.
    pub fn is_underway(&self, stage: &str) -> bool {
        self.underway.as_ref().is_some_and(|(name, _)| name == stage)
    }

    /// Returns the long stage that is under way, and its work so far.
    pub fn underway(&self) -> Option<(&str, &Work)> {
        self.underway.as_ref().map(|(stage, work)| (stage.as_str(), work))
    }

    /// Returns the work so far of a stage.
    pub fn take_underway(&mut self, stage: &str) -> Option<Work> {
        self.underway.take_if(|(name, _)| name == stage).map(|(_, work)| work)
    }

    /// Keeps the work so far of a long stage.
    pub fn set_underway(&mut self, stage: &str, work: Work) {
        self.underway = Some((stage.to_owned(), work));
    }

    /// Drops models that no later stage reads.
    pub fn release<'n>(&mut self, names: impl IntoIterator<Item = &'n ValueName>) {
        for name in names {
            if self.values.get(name).is_some_and(Value::has_weights) {
                self.values.remove(name);
            }
        }
    }

    /// Returns the policy at an input port.
    pub fn policy(&self, stage: &Stage, port: &str) -> Result<Policy<'_>, Fault> {
        let found = self.get(stage, port)?;
        found.player().and_then(Player::policy).ok_or_else(|| wrong(port, "policy", found))
    }

    /// Returns the model of the reward model at an input port.
    pub fn reward_model(&self, stage: &Stage, port: &str) -> Result<&RewardModel, Fault> {
        let found = self.get(stage, port)?;
        found.player().and_then(Player::reward_model).ok_or_else(|| wrong(port, "reward_model", found))
    }

    typed!(data, Data, Arc<Data>);
    typed!(init, Init, Init);
    typed!(player, Player, Player);
    typed!(features, Features, Arc<crate::value::Features>);
    typed!(exploration, Exploration, Exploration);
    typed!(oracle, Oracle, Arc<Oracle>);
    typed!(rollouts, Rollouts, Arc<Rollouts>);
    typed!(preferences, Preferences, Preferences);
}

fn wrong(port: &str, wanted: &str, found: &Value) -> Fault {
    Fault::new(format!("input `{port}` is {} where {wanted} is wanted", found.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value that is read later is copied; any other is returned itself, so that it can be changed in place.
    #[test]
    fn the_last_reader_takes_a_value_away() {
        let stage = serde_json::from_value(
            serde_json::json!({ "name": "s", "op": "save", "inputs": [["player", "pi@1"]], "outputs": ["s"] }),
        );
        let (stage, mut env): (Stage, Env) = (stage.unwrap(), Env::default());
        let [pi, other] = [ValueName::numbered("pi", 1), ValueName::of("other")];
        env.values.insert(pi.clone(), Value::Report);
        env.expect_last([&other]);
        assert!(env.take(&stage, "player").is_ok() && env.values.contains_key("pi@1"));
        env.expect_last([&pi]);
        assert!(env.take(&stage, "player").is_ok() && !env.values.contains_key("pi@1"));
        assert!(env.take(&stage, "player").is_err());
    }
}
