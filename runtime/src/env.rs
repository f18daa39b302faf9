//! The values of a running plan by name, with typed access that fails with a clear message.

use std::collections::HashMap;
use std::sync::Arc;

use pbpo_compiler::plan::Stage;

use crate::data::Data;
use crate::error::Fault;
use crate::oracle::Oracle;
use crate::value::{Exploration, Init, Policy, Preferences, Reward, Rollouts, Value};

/// Values by their names in the plan; names are unique in the whole plan.
#[derive(Default)]
pub struct Env {
    pub values: HashMap<String, Value>,
}

macro_rules! typed {
    ($(#[$doc:meta])* $name:ident, $variant:ident, $type:ty) => {
        $(#[$doc])*
        pub fn $name(&self, stage: &Stage, port: &str) -> Result<&$type, Fault> {
            match self.get(stage, port)? {
                Value::$variant(value) => Ok(value),
                other => Err(Fault::new(format!(
                    "input `{port}` is {} where {} is wanted", other.kind(), stringify!($name)
                ))),
            }
        }
    };
}

impl Env {
    /// What a stage has made, in order.
    pub fn outputs(&self, stage: &Stage) -> Vec<Value> {
        stage.outputs.iter().filter_map(|output| self.values.get(output).cloned()).collect()
    }

    /// The value at a stage's input port.
    pub fn get(&self, stage: &Stage, port: &str) -> Result<&Value, Fault> {
        let name = stage.input(port).ok_or_else(|| Fault::new(format!("the plan gives no input `{port}`")))?;
        self.values.get(name).ok_or_else(|| Fault::new(format!("the plan uses `{name}` before it is made")))
    }

    typed!(data, Data, Arc<Data>);
    typed!(init, Init, Init);
    typed!(policy, Policy, Policy);
    typed!(reward_model, Reward, Reward);
    typed!(features, Features, Arc<crate::value::Features>);
    typed!(exploration, Exploration, Exploration);
    typed!(oracle, Oracle, Arc<Oracle>);
    typed!(rollouts, Rollouts, Arc<Rollouts>);
    typed!(preferences, Preferences, Preferences);
}
