//! What a pipeline can do: the operations on the right of `=` and `+=`.

use super::Default::{Absent, Int as I, Words};
use super::{Field, Flow, Kind, MOST, Range, Ty, Variant, opt, pos, req, word};
use crate::units::Unit;

/// The operations; lowered in `lower/ops.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Sample,
    Explore,
    Label,
    Draw,
    Evaluate,
}

/// An operation with its arguments.
#[derive(Clone, Copy, Debug)]
pub struct OpSchema {
    pub op: Op,
    pub name: &'static str,
    pub args: &'static [Field],
    /// What it gives.
    pub gives: Flow,
    pub doc: &'static str,
}

const COUNT: Ty = Ty::Int(None, Range::new(1.0, MOST));
const SAMPLES: Ty = Ty::Int(Some(Unit::Samples), Range::new(1.0, MOST));
const TEMPERATURE: Field = opt("temperature", Ty::Float(None, Range::new(0.0, 10.0)), Absent, "default: the policy's");
const MAX_NEW: Field =
    opt("max_new", Ty::Int(Some(Unit::Tokens), Range::new(1.0, MOST)), Absent, "default: the policy's");

/// Every operation.
pub const OPS: &[OpSchema] = &[
    OpSchema {
        op: Op::Sample,
        name: "sample",
        args: &[
            pos("policy", Ty::Block(Kind::Policy), "who generates"),
            pos("prompts", Ty::Block(Kind::Data), "on what"),
            req("count", SAMPLES, "number of responses"),
            opt("per_prompt", COUNT, Absent, "responses of one prompt; default: the estimator's group"),
            TEMPERATURE,
            MAX_NEW,
        ],
        gives: Flow::Rollouts,
        doc: "responses of a policy",
    },
    OpSchema {
        op: Op::Explore,
        name: "explore",
        args: &[
            pos("exploration", Ty::Block(Kind::Exploration), "how informative responses are found"),
            pos("prompts", Ty::Block(Kind::Data), "on what: the prompts of `against`"),
            req("against", Ty::Value(Flow::Rollouts), "the responses they are compared with"),
            TEMPERATURE,
            MAX_NEW,
        ],
        gives: Flow::Rollouts,
        doc: "one informative response for each of `against`",
    },
    OpSchema {
        op: Op::Label,
        name: "label",
        args: &[
            pos("first", Ty::Value(Flow::Rollouts), "one side"),
            pos("second", Ty::Value(Flow::Rollouts), "the other"),
            req("by", Ty::Block(Kind::Oracle), "who prefers"),
        ],
        gives: Flow::Preferences,
        doc: "pairs with a preference",
    },
    OpSchema {
        op: Op::Draw,
        name: "draw",
        args: &[
            pos("preferences", Ty::Value(Flow::Preferences), "from what"),
            req("count", Ty::Int(Some(Unit::Pairs), Range::new(1.0, MOST)), "number of pairs"),
        ],
        gives: Flow::Preferences,
        doc: "a random batch of pairs",
    },
    OpSchema {
        op: Op::Evaluate,
        name: "evaluate",
        args: &[
            pos("policy", Ty::Block(Kind::Policy), "who is measured"),
            pos("data", Ty::Block(Kind::Data), "on what"),
            opt("metrics", Ty::Words(METRICS), Words(&["accuracy", "length"]), "what is measured"),
            opt("every", COUNT, I(1), "iterations from one to the next"),
            opt("count", COUNT, Absent, "number of prompts; default: all"),
        ],
        gives: Flow::Report,
        doc: "measures a policy; in a repeat also once before it",
    },
];

const METRICS: &[Variant] = &[
    word("accuracy", "share of responses with full score"),
    word("length", "mean number of response tokens"),
    word("score", "mean score"),
];

/// The operation of a name.
pub fn find(name: &str) -> Option<&'static OpSchema> {
    OPS.iter().find(|schema| schema.name == name)
}
