//! Lints: findings in files that compile, but that a careful researcher would not run. Each has a name, a code, and a
//! level that `allow`, `warn` and `deny` change, in the file or on the command line.
//!
//! `file.rs`: over sweeps; `variables.rs`: over statements; `plan.rs`: over the stages of a plan, with `terms.rs` over
//! objectives; `blocks.rs`: over blocks; `idle.rs`: parameters that change nothing. Each lint is a line of [`LINTS`]
//! and a function in one of them.

pub mod blocks;
pub mod file;
pub mod idle;
pub mod mentioned;
pub mod plan;
mod terms;
pub mod variables;

use pbpo_grammar::ast::{Ident, Level};

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Severity};

/// A lint.
#[derive(Clone, Copy, Debug)]
pub struct Lint {
    pub name: &'static str,
    pub code: Code,
    /// The reason why it matters.
    pub doc: &'static str,
}

/// Every lint. All of them warn by default.
pub const LINTS: &[Lint] = &[
    Lint { name: "unused", code: Code::Unused, doc: "what nothing uses is likely a slip" },
    Lint { name: "one_seed", code: Code::OneSeed, doc: "differences between single runs have no error bar" },
    Lint { name: "greedy_samples", code: Code::GreedySamples, doc: "at temperature 0 all samples are the same" },
    Lint { name: "test_on_train", code: Code::TestOnTrain, doc: "what was trained on says little about the rest" },
    Lint { name: "idle_param", code: Code::IdleParam, doc: "a parameter that changes no stage explains no difference" },
    Lint { name: "linear_rate", code: Code::LinearRate, doc: "learning rates matter by their order of magnitude" },
    Lint { name: "zero_beta", code: Code::ZeroBeta, doc: "the preferences then do not hold the adversary" },
    Lint { name: "swapped_roles", code: Code::SwappedRoles, doc: "the leader raises the gap, the follower lowers it" },
    Lint { name: "stale_rollouts", code: Code::StaleRollouts, doc: "the gradient is then biased" },
    Lint { name: "few_prompts", code: Code::FewPrompts, doc: "an accuracy on few prompts is mostly noise" },
    Lint { name: "own_judge", code: Code::OwnJudge, doc: "a reward model is kind to what it was fitted on" },
    Lint {
        name: "wrong_way",
        code: Code::WrongWay,
        doc: "the chosen responses are to become likelier, not the others",
    },
    Lint { name: "train_on_test", code: Code::TrainOnTest, doc: "a test split that was trained on tests nothing" },
    Lint { name: "small_bound", code: Code::SmallBound, doc: "the confidence set then can't hold the truth" },
];

/// The name that stands for all lints.
pub const ALL: &str = "all";

/// Reports names that are not lints.
pub fn check_names(levels: &[(Level, Ident)], out: &mut Vec<Diagnostic>) {
    let names: Vec<&str> = LINTS.iter().map(|lint| lint.name).chain([ALL]).collect();
    for (_, name) in levels.iter().filter(|(_, name)| !names.contains(&name.text.as_str())) {
        let error = Diagnostic::error(Code::UnknownLint, name.span, format!("no lint is called `{}`", name.text))
            .label("unknown lint")
            .suggest(out.len(), &name.text, || names.clone());
        out.push(error);
    }
}

/// Gives each finding of a lint its level, set by the last rule that names it. Removes allowed findings.
pub fn apply(levels: &[(Level, Ident)], out: &mut Vec<Diagnostic>) {
    out.retain_mut(|finding| {
        let Some(lint) = LINTS.iter().find(|lint| lint.code == finding.code) else { return true };
        let named = |name: &str| name == lint.name || name == ALL;
        let level = levels.iter().rfind(|(_, name)| named(&name.text)).map_or(Level::Warn, |(level, _)| *level);
        finding.severity = if level == Level::Deny { Severity::Error } else { Severity::Warning };
        level != Level::Allow
    });
}
