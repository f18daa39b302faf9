//! The allowed syntax as data: checks, defaults, overrides and messages all read these tables.
//!
//! - `blocks.rs`: the fields of each kind of block. `exact.rs`: those of the exact track; `judges.rs`: those of oracles
//!   on a server or in a file.
//! - `ops.rs`, `functions.rs`, `tasks()`: the operations of pipelines, the functions of objectives, and the sources of
//!   data. All of them are declared in `stdlib/*.pbpo`; `externs.rs` reads that.

pub mod blocks;
pub mod exact;
mod externs;
pub mod functions;
mod judges;
pub mod ops;

use std::sync::LazyLock;

use crate::units::Unit;

/// The number of different prompts of `digits` of each length from 2 on, in the splits `train`, `prompts` and `test`. A
/// test of the runtime compares these with its draws.
pub const DIGITS: [[u64; 11]; 3] = [
    [
        89,
        719,
        7_112,
        68_978,
        722_221,
        6_786_849,
        69_776_955,
        705_634_665,
        6_995_393_332,
        70_406_041_439,
        700_219_660_138,
    ],
    [
        11,
        139,
        1_868,
        19_756,
        195_321,
        2_032_864,
        20_162_177,
        199_078_744,
        2_025_146_384,
        19_705_259_212,
        199_746_537_873,
    ],
    [0, 142, 1_020, 11_266, 82_458, 1_180_287, 10_060_868, 95_286_591, 979_460_284, 9_888_699_349, 100_033_801_989],
];

/// The largest count of anything.
pub(crate) const LARGEST_COUNT: f64 = 1e7;

/// Kinds of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Data,
    Policy,
    RewardModel,
    Features,
    Exploration,
    Constraint,
    Oracle,
    World,
    Pipeline,
    Objective,
    Variant,
    Sweep,
    Op,
}

impl Kind {
    /// Kinds that are written `KIND NAME { ... }`.
    pub const ALL: [Kind; 9] = [
        Kind::Data,
        Kind::Policy,
        Kind::RewardModel,
        Kind::Features,
        Kind::Exploration,
        Kind::Constraint,
        Kind::Oracle,
        Kind::World,
        Kind::Pipeline,
    ];

    /// Returns the word before a block.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Data => "data",
            Kind::Policy => "policy",
            Kind::RewardModel => "reward_model",
            Kind::Features => "features",
            Kind::Exploration => "exploration",
            Kind::Constraint => "constraint",
            Kind::Oracle => "oracle",
            Kind::World => "world",
            Kind::Pipeline => "pipeline",
            Kind::Objective => "objective",
            Kind::Variant => "variant",
            Kind::Sweep => "sweep",
            Kind::Op => "op",
        }
    }

    pub fn parse(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Returns the noun with its article: `a policy`, `data`.
    pub const fn noun(self) -> &'static str {
        match self {
            Kind::Data => "data",
            Kind::Policy => "a policy",
            Kind::RewardModel => "a reward model",
            Kind::Features => "features",
            Kind::Exploration => "an exploration",
            Kind::Constraint => "a constraint",
            Kind::Oracle => "an oracle",
            Kind::World => "a world",
            Kind::Pipeline => "a pipeline",
            Kind::Objective => "an objective",
            Kind::Variant => "a variant",
            Kind::Sweep => "a sweep",
            Kind::Op => "an operation",
        }
    }
}

/// Kinds of values that flow in a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    Rollouts,
    Preferences,
    Report,
}

impl Flow {
    /// Returns the flow of a type's word.
    pub fn parse(word: &str) -> Option<Flow> {
        Some(match word {
            "rollouts" => Flow::Rollouts,
            "preferences" => Flow::Preferences,
            "report" => Flow::Report,
            _ => return None,
        })
    }

    pub const fn noun(self) -> &'static str {
        match self {
            Flow::Rollouts => "rollouts",
            Flow::Preferences => "preferences",
            Flow::Report => "a report",
        }
    }
}

/// A range of numbers, ends included unless `open`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub low: f64,
    pub high: f64,
    /// True if the low end is excluded.
    pub open: bool,
}

impl Range {
    pub const fn new(low: f64, high: f64) -> Self {
        Self { low, high, open: false }
    }

    /// Makes the range of a limit that others share.
    pub const fn within(limit: &std::ops::RangeInclusive<f64>) -> Self {
        Self::new(*limit.start(), *limit.end())
    }

    /// Makes the range `> low`.
    pub const fn above(low: f64) -> Self {
        Self { low, high: f64::INFINITY, open: true }
    }

    /// Makes the range `>= low`.
    pub const fn from(low: f64) -> Self {
        Self { low, high: f64::INFINITY, open: false }
    }

    pub fn contains(self, value: f64) -> bool {
        value <= self.high && if self.open { value > self.low } else { value >= self.low }
    }

    /// Returns the range as text: ``0.0..1.0``, ``more than 0``.
    pub fn text(self, whole: bool) -> String {
        let number = |value: f64| if whole { format!("{value:.0}") } else { format!("{value:?}") };
        match (self.open, self.high.is_finite()) {
            (true, false) => format!("more than {}", number(self.low)),
            (true, true) => format!("more than {}, at most {}", number(self.low), number(self.high)),
            (false, false) => format!("{} or more", number(self.low)),
            (false, true) => format!("{}..{}", number(self.low), number(self.high)),
        }
    }
}

/// The type of a field or an argument.
#[derive(Clone, Copy, Debug)]
pub enum Ty {
    /// A whole number, with the unit it may carry.
    Int(Option<Unit>, Range),
    /// A number, with the unit it may carry.
    Float(Option<Unit>, Range),
    /// A value of another type, or `none`.
    OrNone(&'static Ty),
    /// The name of a block of this kind.
    Block(Kind),
    /// The name of a block of one of two kinds.
    Either(Kind, Kind),
    /// A reference `POLICY.init`, or `hf("...")`.
    Init,
    /// A reference `TASK.score` or `WORLD.score`.
    Score,
    /// One of some words, records or calls.
    Choice(&'static [Variant]),
    /// A call of one of [`tasks`].
    Task,
    /// A record, `{ ... }`.
    Record(&'static [Field]),
    /// A text, `"..."`.
    Text,
    /// A text that names something outside: a file, a model, a column. It has no control characters.
    Name,
    /// A list, `[word, word]`.
    Words(&'static [Variant]),
    /// A variable of a pipeline.
    Value(Flow),
}

impl Ty {
    /// Returns the alternatives of a choice.
    pub fn alternatives(self) -> Option<&'static [Variant]> {
        match self {
            Ty::Choice(variants) | Ty::Words(variants) => Some(variants),
            Ty::Task => Some(tasks()),
            _ => None,
        }
    }
}

/// Returns sources of data: tasks that make their examples, and files.
pub fn tasks() -> &'static [Variant] {
    sources().0
}

/// Returns the names of the tasks that have a score function, `NAME.score`: those that give `data`, not `records`.
pub fn scored() -> &'static [&'static str] {
    sources().1
}

fn sources() -> (&'static [Variant], &'static [&'static str]) {
    static SOURCES: LazyLock<(&'static [Variant], &'static [&'static str])> = LazyLock::new(|| {
        let declared = externs::declared(crate::stdlib::TASKS, "task");
        let made = declared.iter().filter(|task| task.result.first().is_some_and(|word| word.text == "data"));
        let scored: Vec<&'static str> = made.map(|task| externs::text(&task.name.text)).collect();
        (externs::calls(&declared), scored.leak())
    });
    *SOURCES
}

/// One alternative of a [`Ty::Choice`].
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    pub name: &'static str,
    pub form: Form,
    pub fields: &'static [Field],
    pub doc: &'static str,
}

/// The way in which a variant with fields is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A word, `name`.
    Word,
    /// A record, `name { field = value }`; `name` alone if every field has a default.
    Record,
    /// A call, `name(field = value)`.
    Call,
}

/// The value of a field that is not written.
#[derive(Clone, Copy, Debug)]
pub enum Default {
    Required,
    /// The field stays absent.
    Absent,
    /// The value of another field, which the lowering looks up: `policy.sampling.max_new`.
    Of(&'static str),
    Int(i64),
    Float(f64),
    /// A word, or a record with its own defaults.
    Word(&'static str),
    /// A record with its own defaults.
    Fields,
    Words(&'static [&'static str]),
    /// The value of another field.
    Same(&'static str),
    /// 8/3 of another field, rounded up to a multiple of 8: the inner width of a SwiGLU block.
    EightThirds(&'static str),
}

/// A field of a block or record, or an argument of a call.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub name: &'static str,
    pub ty: Ty,
    pub default: Default,
    /// True if a call may give it without its name, in order.
    pub positional: bool,
    pub doc: &'static str,
}

/// Returns a field that must be given.
pub const fn req(name: &'static str, ty: Ty, doc: &'static str) -> Field {
    Field { name, ty, default: Default::Required, positional: false, doc }
}

/// Returns an argument that must be given, with or without its name.
pub const fn pos(name: &'static str, ty: Ty, doc: &'static str) -> Field {
    Field { name, ty, default: Default::Required, positional: true, doc }
}

/// Returns a field with a default.
pub const fn opt(name: &'static str, ty: Ty, default: Default, doc: &'static str) -> Field {
    Field { name, ty, default, positional: false, doc }
}

/// Returns a plain word.
pub const fn word(name: &'static str, doc: &'static str) -> Variant {
    Variant { name, form: Form::Word, fields: &[], doc }
}

/// Returns a variant `name { ... }`.
pub const fn record(name: &'static str, fields: &'static [Field], doc: &'static str) -> Variant {
    Variant { name, form: Form::Record, fields, doc }
}

/// Returns a variant `name(...)`.
pub const fn call(name: &'static str, fields: &'static [Field], doc: &'static str) -> Variant {
    Variant { name, form: Form::Call, fields, doc }
}
