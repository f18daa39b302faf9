//! The operations of plans: their versions, and their use of random numbers.

/// The facts about an operation that enter a stage's identity.
#[derive(Clone, Copy, Debug)]
pub struct OpInfo {
    pub name: &'static str,
    /// The version; increased when the same stage would give another result.
    pub version: u32,
    /// True if its result depends on the seed.
    pub random: bool,
}

const fn op(name: &'static str, version: u32, random: bool) -> OpInfo {
    OpInfo { name, version, random }
}

/// Every operation that a plan may hold.
pub const OPS: &[OpInfo] = &[
    op("data", 1, false),
    op("load", 1, true),
    op("imitate", 1, true),
    op("policy", 1, false),
    op("follow", 1, false),
    op("reward_model", 1, true),
    op("features", 1, true),
    op("exploration", 1, false),
    op("oracle", 1, false),
    op("preferences", 1, false),
    op("repeat", 1, false),
    op("refresh", 1, true),
    op("sample", 1, true),
    op("explore", 1, true),
    op("pairs", 1, false),
    op("label", 1, true),
    op("append", 1, false),
    op("draw", 1, true),
    op("ascend", 1, false),
    op("descend", 1, false),
    op("evaluate", 1, true),
    op("forward", 1, false),
    op("world", 1, true),
    op("solve", 1, false),
    op("regret", 1, false),
    op("linear_model", 1, false),
    op("worst", 1, false),
    op("distance", 1, false),
    op("save", 1, false),
];

/// Returns the operation of a name.
pub fn find(name: &str) -> Option<&'static OpInfo> {
    OPS.iter().find(|info| info.name == name)
}
