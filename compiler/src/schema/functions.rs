//! What an objective is made of. `r(y)`, the reward, is written with the reward model's own name.

use super::Kind;

/// The functions; built in `lower/objective/functions.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Logp,
    TokenLogp,
    Ratio,
    TokenRatio,
    TokenReward,
    Kl,
    Entropy,
    Gap,
    Nll,
    Score,
    Size,
    Mean,
    Sum,
    Exp,
    Log,
    LogSigmoid,
    Softplus,
    Square,
    Clip,
    Min,
    Max,
    StopGradient,
    Chosen,
    Rejected,
}

/// What an argument must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg {
    /// A block of this kind.
    Block(Kind),
    /// Rollouts, or one side of preferences.
    Batch,
    /// A preference set.
    Preferences,
    /// An expression.
    Value,
    /// A number that is known before the run.
    Number,
}

/// A function with its arguments.
#[derive(Clone, Copy, Debug)]
pub struct FunctionSchema {
    pub function: Function,
    pub name: &'static str,
    pub args: &'static [Arg],
    /// How it is written.
    pub usage: &'static str,
    pub doc: &'static str,
}

const POLICY: Arg = Arg::Block(Kind::Policy);
const REWARD: Arg = Arg::Block(Kind::RewardModel);
const ORACLE: Arg = Arg::Block(Kind::Oracle);

const fn f(
    function: Function,
    name: &'static str,
    args: &'static [Arg],
    usage: &'static str,
    doc: &'static str,
) -> FunctionSchema {
    FunctionSchema { function, name, args, usage, doc }
}

/// Every function.
pub const FUNCTIONS: &[FunctionSchema] = &[
    f(
        Function::Logp,
        "logp",
        &[POLICY, Arg::Batch],
        "logp(pi, y)",
        "log-probability of a response, in nats: one a row",
    ),
    f(Function::TokenLogp, "token_logp", &[POLICY, Arg::Batch], "token_logp(pi, y)", "log-probability of each token"),
    f(
        Function::Ratio,
        "ratio",
        &[POLICY, POLICY, Arg::Batch],
        "ratio(pi, ref, y)",
        "logp(pi, y) - logp(ref, y): one a row",
    ),
    f(
        Function::TokenRatio,
        "token_ratio",
        &[POLICY, POLICY, Arg::Batch],
        "token_ratio(pi, ref, y)",
        "the same for each token",
    ),
    f(
        Function::TokenReward,
        "token_reward",
        &[REWARD, Arg::Batch],
        "token_reward(r, y)",
        "reward of each token (token head)",
    ),
    f(
        Function::Kl,
        "kl",
        &[POLICY, POLICY, Arg::Batch],
        "kl(pi, ref, y)",
        "exact KL at each token, summed over tokens, mean over rows: a scalar",
    ),
    f(
        Function::Entropy,
        "entropy",
        &[POLICY, Arg::Batch],
        "entropy(pi, y)",
        "entropy at each token, summed over tokens, mean over rows: a scalar",
    ),
    f(Function::Gap, "gap", &[REWARD, Arg::Batch, Arg::Batch], "gap(r, y, y0)", "mean(r(y)) - mean(r(y0)): a scalar"),
    f(
        Function::Nll,
        "nll",
        &[REWARD, Arg::Preferences],
        "nll(r, prefs)",
        "mean negative log-likelihood of the preferences: a scalar",
    ),
    f(
        Function::Score,
        "score",
        &[ORACLE, Arg::Batch],
        "score(judge, y)",
        "the oracle's own score: one a row, without gradient",
    ),
    f(Function::Size, "size", &[Arg::Preferences], "size(prefs)", "number of pairs: a scalar"),
    f(
        Function::Mean,
        "mean",
        &[Arg::Value],
        "mean(e)",
        "over all axes: tokens are summed, rows averaged; or over one: mean(e over token)",
    ),
    f(Function::Sum, "sum", &[Arg::Value], "sum(e)", "over all axes, or over one: sum(e over token)"),
    f(Function::Exp, "exp", &[Arg::Value], "exp(e)", "exponential"),
    f(Function::Log, "log", &[Arg::Value], "log(e)", "natural logarithm"),
    f(Function::LogSigmoid, "log_sigmoid", &[Arg::Value], "log_sigmoid(e)", "-softplus(-e)"),
    f(Function::Softplus, "softplus", &[Arg::Value], "softplus(e)", "log(1 + exp(e))"),
    f(Function::Square, "square", &[Arg::Value], "square(e)", "e * e"),
    f(Function::Clip, "clip", &[Arg::Value, Arg::Number, Arg::Number], "clip(e, low, high)", "limits e to low..high"),
    f(Function::Min, "min", &[Arg::Value, Arg::Value], "min(a, b)", "the smaller"),
    f(Function::Max, "max", &[Arg::Value, Arg::Value], "max(a, b)", "the larger"),
    f(Function::StopGradient, "stop_gradient", &[Arg::Value], "stop_gradient(e)", "e without gradient"),
    f(Function::Chosen, "chosen", &[Arg::Preferences], "chosen(prefs)", "the preferred responses: a batch"),
    f(Function::Rejected, "rejected", &[Arg::Preferences], "rejected(prefs)", "the other responses: a batch"),
];

/// The function of a name.
pub fn find(name: &str) -> Option<&'static FunctionSchema> {
    FUNCTIONS.iter().find(|schema| schema.name == name)
}
