//! The functions of objectives, as `stdlib/functions.pbpo` declares them. `r(y)`, the reward, is written with the
//! reward model's own name.

use std::sync::LazyLock;

use super::{Kind, externs};

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

impl Function {
    fn parse(name: &str) -> Option<Function> {
        Some(match name {
            "logp" => Function::Logp,
            "token_logp" => Function::TokenLogp,
            "ratio" => Function::Ratio,
            "token_ratio" => Function::TokenRatio,
            "token_reward" => Function::TokenReward,
            "kl" => Function::Kl,
            "entropy" => Function::Entropy,
            "gap" => Function::Gap,
            "nll" => Function::Nll,
            "score" => Function::Score,
            "size" => Function::Size,
            "mean" => Function::Mean,
            "sum" => Function::Sum,
            "exp" => Function::Exp,
            "log" => Function::Log,
            "log_sigmoid" => Function::LogSigmoid,
            "softplus" => Function::Softplus,
            "square" => Function::Square,
            "clip" => Function::Clip,
            "min" => Function::Min,
            "max" => Function::Max,
            "stop_gradient" => Function::StopGradient,
            "chosen" => Function::Chosen,
            "rejected" => Function::Rejected,
            _ => return None,
        })
    }
}

/// The type of an argument.
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

impl Arg {
    fn parse(word: &str) -> Option<Arg> {
        Some(match word {
            "batch" => Arg::Batch,
            "preferences" => Arg::Preferences,
            "value" => Arg::Value,
            "float" => Arg::Number,
            word => Arg::Block(Kind::parse(word)?),
        })
    }
}

/// A function with its arguments.
#[derive(Clone, Copy, Debug)]
pub struct FunctionSchema {
    pub function: Function,
    pub name: &'static str,
    pub args: &'static [Arg],
    /// The usage.
    pub usage: &'static str,
    pub doc: &'static str,
    /// The axes of its value: `scalar`, `[row]`, `[row, token]`, `batch`; `value` for those of its arguments.
    pub gives: &'static str,
}

/// Returns every function.
pub fn all() -> &'static [FunctionSchema] {
    static FUNCTIONS: LazyLock<Vec<FunctionSchema>> =
        LazyLock::new(|| externs::declared(crate::stdlib::FUNCTIONS, "function").iter().filter_map(schema).collect());
    &FUNCTIONS
}

fn schema(item: &pbpo_grammar::ast::Extern) -> Option<FunctionSchema> {
    let name = externs::text(&item.name.text);
    let args: Option<Vec<Arg>> = item.formals.iter().map(|formal| Arg::parse(&formal.ty.words.first()?.text)).collect();
    let words: Vec<&str> = item.formals.iter().map(|formal| formal.name.text.as_str()).collect();
    let axes: Vec<&str> = item.result.iter().map(|word| word.text.as_str()).collect();
    let gives = match axes.as_slice() {
        [word @ ("scalar" | "batch" | "value")] => (*word).to_owned(),
        axes => format!("[{}]", axes.join(", ")),
    };
    Some(FunctionSchema {
        function: Function::parse(name)?,
        name,
        args: args?.leak(),
        usage: externs::text(&format!("{name}({})", words.join(", "))),
        doc: externs::text(&item.doc),
        gives: externs::text(&gives),
    })
}

/// Returns the function with a name.
pub fn find(name: &str) -> Option<&'static FunctionSchema> {
    all().iter().find(|schema| schema.name == name)
}
