//! Units of quantities. Each unit is a line of [`UNITS`].

/// The thing that a quantity counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Tokens,
    Pairs,
    Episodes,
    Steps,
    Samples,
    Nats,
    /// The base unit of `s`, `min` and `h`.
    Seconds,
    /// The base unit of `MiB` and `GiB`.
    Bytes,
}

/// The spelling, the unit, and its size in base units.
pub const UNITS: &[(&str, Unit, f64)] = &[
    ("tokens", Unit::Tokens, 1.0),
    ("pairs", Unit::Pairs, 1.0),
    ("episodes", Unit::Episodes, 1.0),
    ("steps", Unit::Steps, 1.0),
    ("samples", Unit::Samples, 1.0),
    ("nats", Unit::Nats, 1.0),
    ("s", Unit::Seconds, 1.0),
    ("min", Unit::Seconds, 60.0),
    ("h", Unit::Seconds, 3600.0),
    ("MiB", Unit::Bytes, 1_048_576.0),
    ("GiB", Unit::Bytes, 1_073_741_824.0),
];

impl Unit {
    /// Returns the unit with a spelling, and its factor to the base unit.
    pub fn parse(text: &str) -> Option<(Unit, f64)> {
        UNITS.iter().find(|(name, ..)| *name == text).map(|(_, unit, factor)| (*unit, *factor))
    }

    /// Returns the spelling of the base unit.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Tokens => "tokens",
            Unit::Pairs => "pairs",
            Unit::Episodes => "episodes",
            Unit::Steps => "steps",
            Unit::Samples => "samples",
            Unit::Nats => "nats",
            Unit::Seconds => "s",
            Unit::Bytes => "bytes",
        }
    }
}
