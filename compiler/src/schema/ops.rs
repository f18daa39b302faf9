//! The operations of pipelines: those on the right of `=` and `+=`, and those without a result, as `stdlib/ops.pbpo`
//! declares them.

use std::sync::LazyLock;

use super::{Field, Flow, externs};

/// The operations; lowered in `lower/ops.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Sample,
    Explore,
    Pairs,
    Label,
    Draw,
    Evaluate,
    Regret,
    Distance,
    Save,
}

impl Op {
    fn parse(name: &str) -> Option<Op> {
        Some(match name {
            "sample" => Op::Sample,
            "explore" => Op::Explore,
            "pairs" => Op::Pairs,
            "label" => Op::Label,
            "draw" => Op::Draw,
            "evaluate" => Op::Evaluate,
            "regret" => Op::Regret,
            "distance" => Op::Distance,
            "save" => Op::Save,
            _ => return None,
        })
    }
}

/// An operation with its arguments.
#[derive(Clone, Copy, Debug)]
pub struct OpSchema {
    pub op: Op,
    pub name: &'static str,
    pub args: &'static [Field],
    /// The kind of its result; `None` if it has none.
    pub gives: Option<Flow>,
    pub doc: &'static str,
}

/// Returns every operation.
pub fn all() -> &'static [OpSchema] {
    static OPS: LazyLock<Vec<OpSchema>> = LazyLock::new(|| {
        let declared = externs::declared(crate::stdlib::OPS, "op");
        declared
            .iter()
            .filter_map(|item| {
                let gives = match item.result.first() {
                    Some(word) => Some(Flow::parse(&word.text)?),
                    None => None,
                };
                let (name, args, doc) =
                    (externs::text(&item.name.text), externs::fields(&item.formals), externs::text(&item.doc));
                Some(OpSchema { op: Op::parse(name)?, name, args, gives, doc })
            })
            .collect()
    });
    &OPS
}

/// Returns the operation with a name.
pub fn find(name: &str) -> Option<&'static OpSchema> {
    all().iter().find(|schema| schema.name == name)
}
