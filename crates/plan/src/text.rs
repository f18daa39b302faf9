//! The text form of a plan. It is an interface: a stable order, canonical values, no hash, no time.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter, Write};

use pbpo_outside::shown;
use serde_json::Value as Json;

use super::{Axis, BatchRef, BinaryOp, Body, Estimator, Expr, Leaf, Plan, Reduction, Side, Stage, UnaryOp};

/// The width of the first column after the keyword.
const PAD: usize = 14;

impl Plan {
    /// Returns the stable text form.
    pub fn text(&self) -> String {
        let mut out = format!("pbpo-plan {}\npipeline {}\n", self.version, self.pipeline);
        if self.point != self.pipeline {
            let _ = writeln!(out, "point    {}", self.point);
        }
        let params: Vec<String> = self.params.iter().map(|(name, value)| format!("{name}={}", scalar(value))).collect();
        if !params.is_empty() {
            let _ = writeln!(out, "params   {}", params.join(" "));
        }
        let _ = writeln!(out, "seed     {}", self.seed);
        body(&mut out, &self.body, 0);
        // JSON does not escape some control characters.
        match shown::lines(&out) {
            Cow::Borrowed(_) => out,
            Cow::Owned(shown) => shown,
        }
    }
}

/// Writes the stages of a body, each after an empty line.
fn body(out: &mut String, body: &Body, depth: usize) {
    for stage in body.stages() {
        out.push('\n');
        self::stage(out, stage, depth);
    }
}

fn stage(out: &mut String, stage: &Stage, depth: usize) {
    let indent = "  ".repeat(depth);
    let outputs = if stage.outputs.is_empty() { stage.name.clone() } else { stage.outputs.join(", ") };
    let _ = writeln!(out, "{indent}stage {outputs} = {}", stage.op);
    for (port, value) in &stage.inputs {
        let _ = writeln!(out, "{indent}  in   {port:<PAD$} {value}");
    }
    for (key, value) in &stage.config {
        setting(out, &indent, key, value);
    }
    if let Some(objective) = &stage.objective {
        let _ = writeln!(out, "{indent}  objective {objective}");
    }
    for forward in &stage.forwards {
        let from = forward.from.as_ref().map(|value| format!(" from {value}")).unwrap_or_default();
        let _ = writeln!(out, "{indent}  forward {forward}{from}");
    }
    if let Some(inner) = &stage.body {
        for carry in &inner.carries {
            let _ =
                writeln!(out, "{indent}  carry {} -> {} .. {} -> {}", carry.from, carry.enter, carry.back, carry.out);
        }
        body(out, inner, depth + 1);
    }
}

/// Writes one setting; a record gets a line for each of its settings.
fn setting(out: &mut String, indent: &str, key: &str, value: &Json) {
    match value {
        Json::Object(fields) => {
            fields.iter().for_each(|(field, value)| setting(out, indent, &format!("{key}.{field}"), value))
        }
        Json::String(text) if text.is_empty() => {}
        _ => {
            let _ = writeln!(out, "{indent}  set  {key:<PAD$} {}", scalar(value));
        }
    }
}

/// Returns words without quotes, and numbers in their shortest exact form.
fn scalar(value: &Json) -> String {
    match value {
        Json::String(text) if !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => {
            text.clone()
        }
        Json::Array(items) => format!("[{}]", items.iter().map(scalar).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// Written much as in a file; the estimates that the compiler inserted stand out as `estimate(...)`.
impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Const { value } => write!(f, "{value:?}"),
            Expr::Leaf { leaf } => write!(f, "{leaf}"),
            Expr::Unary { op: UnaryOp::Neg, arg } => write!(f, "-{}", Atom(arg)),
            Expr::Unary { op, arg } => write!(f, "{}({arg})", unary(*op)),
            Expr::Binary { op: BinaryOp::Min, left, right } => write!(f, "min({left}, {right})"),
            Expr::Binary { op: BinaryOp::Max, left, right } => write!(f, "max({left}, {right})"),
            Expr::Binary { op: BinaryOp::Add, left, right } => write!(f, "{left} + {}", Factor(right)),
            Expr::Binary { op: BinaryOp::Sub, left, right } => write!(f, "{left} - {}", Factor(right)),
            Expr::Binary { op: BinaryOp::Mul, left, right } => write!(f, "{} * {}", Factor(left), Atom(right)),
            Expr::Binary { op: BinaryOp::Div, left, right } => write!(f, "{} / {}", Factor(left), Atom(right)),
            Expr::Clip { arg, low, high } => write!(f, "clip({arg}, {low:?}, {high:?})"),
            Expr::Reduce { reduction, axis, arg } => {
                let reduction = match reduction {
                    Reduction::Mean => "mean",
                    Reduction::Sum => "sum",
                };
                let axis = match axis {
                    Axis::Token => "token",
                    Axis::Row => "row",
                };
                write!(f, "{reduction}({arg} over {axis})")
            }
            Expr::StopGrad { arg } => write!(f, "stop_gradient({arg})"),
            Expr::Named { name, arg } => write!(f, "{name}[{arg}]"),
            Expr::Estimate { estimator, policy, rollouts, arg } => {
                write!(f, "estimate({arg}, {}, {policy} on {rollouts})", method(*estimator))
            }
        }
    }
}

/// An operand of `*` and `/`, or the right one of `+` and `-`: sums in parentheses.
struct Factor<'e>(&'e Expr);

impl Display for Factor<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Expr::Binary { op: BinaryOp::Add | BinaryOp::Sub, .. } => write!(f, "({})", self.0),
            other => write!(f, "{other}"),
        }
    }
}

/// An operand that binds tightest: every operator in parentheses.
struct Atom<'e>(&'e Expr);

impl Display for Atom<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Expr::Binary { op: BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div, .. } => {
                write!(f, "({})", self.0)
            }
            other => write!(f, "{other}"),
        }
    }
}

impl Display for Leaf {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Leaf::Logp { policy, batch } => write!(f, "token_logp({policy}, {batch})"),
            Leaf::Entropy { policy, batch } => write!(f, "token_entropy({policy}, {batch})"),
            Leaf::Kl { p, q, batch } => write!(f, "token_kl({p}, {q}, {batch})"),
            Leaf::TokenReward { reward_model, batch } => write!(f, "token_reward({reward_model}, {batch})"),
            Leaf::Reward { reward_model, batch } => write!(f, "reward({reward_model}, {batch})"),
            Leaf::Score { oracle, batch } => write!(f, "score({oracle}, {batch})"),
            Leaf::Size { preferences } => write!(f, "size({preferences})"),
        }
    }
}

impl Display for BatchRef {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.side {
            None => write!(f, "{}", self.value),
            Some(Side::Chosen) => write!(f, "chosen({})", self.value),
            Some(Side::Rejected) => write!(f, "rejected({})", self.value),
        }
    }
}

fn unary(op: UnaryOp) -> &'static str {
    match op {
        UnaryOp::Neg => "-",
        UnaryOp::Exp => "exp",
        UnaryOp::Log => "log",
        UnaryOp::LogSigmoid => "log_sigmoid",
        UnaryOp::Softplus => "softplus",
        UnaryOp::Square => "square",
    }
}

fn method(estimator: Estimator) -> String {
    match estimator {
        Estimator::Reinforce => "reinforce".into(),
        Estimator::Rloo { group } => format!("rloo {group}"),
        Estimator::Grpo { group } => format!("grpo {group}"),
    }
}
