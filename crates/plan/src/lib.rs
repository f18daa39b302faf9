//! The plan: the work of a compiled pipeline, as a DAG of stages. It has no spans, no syntax, no time, no path.
//!
//! A plan that is read back from JSON equals the original. Values are in SSA form: `ascend` takes `pi@3` and gives
//! `pi@4`, so every dependency is an edge. A `repeat` holds a separate body, with the values it carries from one
//! iteration to the next.
//!
//! - `expr.rs`: objectives; `pairs.rs`: rows of labelled pairs in them; `forward.rs`: the forwards they need;
//!   `name.rs`: names of values; `text.rs`: the stable text form; `identity.rs`, `canonical.rs`: content hashes of stages; `json.rs`, `graph.rs`:
//!   other printers; `sweep.rs`: shared stages of several plans; `diff.rs`: differences between two plans; `cost.rs`:
//!   estimates of cost; `flow.rs`: the origin of rows; `lifetime.rs`: lifetimes of values; `memory/`: estimates of
//!   memory.
//! - `ops/`: all that is known of each operation, one file an operation. `passes/`: turns plans into equal plans that
//!   take less time. `parallel.rs`: the points of a sweep on several threads.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

mod canonical;
pub mod cost;
pub mod diff;
pub mod expr;
mod flow;
pub mod forward;
mod graph;
pub mod identity;
mod json;
pub mod lifetime;
pub mod memory;
mod name;
pub mod ops;
mod pairs;
pub mod parallel;
pub mod passes;
pub mod sweep;
mod text;
pub mod verify;
pub mod walk;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use petgraph::graph::{DiGraph, NodeIndex};
use serde::de::value::MapDeserializer;
use serde::{Deserialize, Serialize};

pub use verify::verify;

pub use expr::{Axis, BatchRef, BinaryOp, Estimator, Expr, Leaf, Reduction, Side, UnaryOp};
pub use forward::{Forward, Gives};
pub use name::ValueName;
pub use ops::Op;

/// Version of the text and JSON forms. Any change of either bumps it.
pub const PLAN_VERSION: u32 = 1;

/// The canonical settings of a stage: sorted keys, quantities as plain numbers in their base unit.
pub type Config = BTreeMap<String, serde_json::Value>;

/// A compiled pipeline at one point (one set of overrides).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`PLAN_VERSION`] of the compiler that wrote it.
    pub version: u32,
    /// Name of the pipeline.
    pub pipeline: String,
    /// Name of the point: the pipeline's name, followed by the overrides (`main[seed=2]`).
    pub point: String,
    /// Seed of every random stream.
    pub seed: u64,
    /// Parameters of the file with the values they have at this point.
    pub params: BTreeMap<String, serde_json::Value>,
    /// The stages.
    pub body: Body,
}

/// A DAG of stages; an edge goes from the stage that makes a value to a stage that uses it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "BodyRecord", into = "BodyRecord")]
pub struct Body {
    /// Nodes in source order, which is also a topological order. An edge carries the value's name.
    pub dag: DiGraph<Stage, ValueName>,
    /// Values carried from one iteration to the next; empty outside a `repeat`.
    pub carries: Vec<Carry>,
}

/// One value that a `repeat` carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carry {
    /// The value outside, before the loop (`pi@0`).
    pub from: ValueName,
    /// Its name at the start of the body (`pi@1`).
    pub enter: ValueName,
    /// The value at the end of the body that the next iteration enters with (`pi@4`).
    pub back: ValueName,
    /// The value outside, after the loop (`pi@5`); an output of the `repeat` stage.
    pub out: ValueName,
}

/// One unit of work.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Unique in the plan: the name of the first output, if there is one.
    pub name: String,
    /// What is done; the runtime's registry is keyed by it.
    pub op: Op,
    /// Named inputs, in the order of the op's declaration: (port, value). Those of a `repeat` are all
    /// that its body carries and captures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<(String, ValueName)>,
    /// Names of the values it makes.
    pub outputs: Vec<ValueName>,
    /// Canonical settings.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: Config,
    /// The scalar that `ascend` and `descend` move along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective: Option<Expr>,
    /// The forwards of the objective, if a pass has listed them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forwards: Vec<Forward>,
    /// The body of a `repeat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Box<Body>>,
}

impl Stage {
    /// A stage without inputs and settings; its name is the first output's.
    pub fn new(op: Op, outputs: &[&ValueName]) -> Self {
        Stage {
            name: outputs.first().map_or_else(String::new, ToString::to_string),
            op,
            inputs: Vec::new(),
            outputs: outputs.iter().copied().cloned().collect(),
            config: Config::new(),
            objective: None,
            forwards: Vec::new(),
            body: None,
        }
    }

    /// The value at an input port.
    pub fn input(&self, port: &str) -> Option<&ValueName> {
        self.inputs.iter().find(|(p, _)| p == port).map(|(_, value)| value)
    }

    /// Its name without the number of a version: stages without outputs are named as values are.
    pub fn base(&self) -> &str {
        name::split(&self.name).0
    }

    /// The settings, as the type of the op (`ops/`). One that the type does not know is an error, and so is one that is
    /// not there.
    pub fn settings<'s, T: Deserialize<'s>>(&'s self) -> Result<T, String> {
        let fields = self.config.iter().map(|(key, value)| (key.as_str(), value));
        T::deserialize(MapDeserializer::<_, serde_json::Error>::new(fields)).map_err(|error| error.to_string())
    }

    /// Returns an error if the settings are not exactly those of the op.
    pub fn check_settings(&self) -> Result<(), String> {
        (self.op.info().settings)(self)
    }

    /// The stage with all settings of its op in place of those that it has. `None`, where an error left out a setting,
    /// changes nothing.
    pub fn with_settings(mut self, settings: &impl Serialize) -> Self {
        // A type of settings is a struct, which is always an object; `None` is not.
        if let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(settings) {
            self.config = fields.into_iter().collect();
        }
        self
    }

    /// The stage with an input more, if there is a value for it.
    pub fn with(mut self, port: &str, value: impl Into<Option<ValueName>>) -> Self {
        self.inputs.extend(value.into().map(|value| (port.to_owned(), value)));
        self
    }

    /// Whether it writes checkpoints, itself or in its body: then it is run in every point of a sweep.
    pub fn saves(&self) -> bool {
        self.op == Op::Save || self.body.iter().any(|body| body.stages().any(Stage::saves))
    }
}

/// The serialised form of a body: a list of stages in order; edges follow from value names.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct BodyRecord {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    carries: Vec<Carry>,
    stages: Vec<Stage>,
}

impl Body {
    /// Builds the DAG from stages in a topological order. A value that no stage here makes comes
    /// from outside (a carried or captured value) and gives no edge.
    pub fn new(stages: Vec<Stage>, carries: Vec<Carry>) -> Self {
        let mut makers: HashMap<&ValueName, NodeIndex> = HashMap::with_capacity(stages.len());
        let mut edges: Vec<(NodeIndex, NodeIndex, ValueName)> = Vec::new();
        for (index, stage) in stages.iter().enumerate() {
            let node = NodeIndex::new(index);
            for (_, value) in &stage.inputs {
                edges.extend(makers.get(value).map(|maker| (*maker, node, value.clone())));
            }
            makers.extend(stage.outputs.iter().map(|output| (output, node)));
        }
        let mut dag = DiGraph::with_capacity(stages.len(), edges.len());
        for stage in stages {
            dag.add_node(stage);
        }
        for (maker, node, value) in edges {
            dag.add_edge(maker, node, value);
        }
        Self { dag, carries }
    }

    /// Returns the stages in order, and the carried values.
    pub fn into_parts(self) -> (Vec<Stage>, Vec<Carry>) {
        let record = BodyRecord::from(self);
        (record.stages, record.carries)
    }

    /// Returns the values that the body reads and does not make; sorted, without duplicates.
    pub fn captured(&self) -> BTreeSet<&ValueName> {
        let enter = self.carries.iter().map(|carry| &carry.enter);
        let made = self.stages().flat_map(|stage| &stage.outputs);
        let known: HashSet<&ValueName> = enter.chain(made).collect();
        let inputs = self.stages().flat_map(|stage| &stage.inputs).map(|(_, value)| value);
        let back = self.carries.iter().map(|carry| &carry.back);
        inputs.chain(back).filter(|value| !known.contains(value)).collect()
    }

    /// Returns the carried values that the body changes.
    pub fn moved(&self) -> impl Iterator<Item = &Carry> {
        self.carries.iter().filter(|carry| carry.back != carry.enter)
    }

    /// Returns the stages in order.
    pub fn stages(&self) -> impl Iterator<Item = &Stage> {
        self.dag.node_weights()
    }
}

impl From<BodyRecord> for Body {
    fn from(record: BodyRecord) -> Self {
        Body::new(record.stages, record.carries)
    }
}

impl From<Body> for BodyRecord {
    fn from(body: Body) -> Self {
        let (nodes, _) = body.dag.into_nodes_edges();
        Self { carries: body.carries, stages: nodes.into_iter().map(|n| n.weight).collect() }
    }
}
