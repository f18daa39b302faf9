//! The two sides of a label: different responses to the same prompts, row by row.

use pbpo_grammar::FileId;

use super::Lower;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::hir::Args;
use crate::schema::Kind;
use crate::scope::{Local, Rollouts};

/// One side: its name in the file, and the known facts about it.
struct Side {
    name: String,
    local: Local,
    rollouts: Rollouts,
}

impl Side {
    /// Returns the policy from which it was sampled, under its name in the file.
    fn policy(&self) -> Option<&str> {
        self.rollouts.policy.as_deref().map(|policy| policy.rsplit("::").next().unwrap_or(policy))
    }
}

impl Lower<'_> {
    /// Reports two sides whose rows are not pairs.
    pub(super) fn pairs(&mut self, args: &Args) {
        let side = |port: &str| {
            let name = args.name(port)?.to_owned();
            let local = self.locals.get(&name)?.clone();
            Some(Side { rollouts: local.rollouts.clone()?, name, local })
        };
        let (Some(first), Some(second), Some(at)) = (side("first"), side("second"), args.span("second")) else {
            return;
        };
        let (a, b) = (&first.rollouts, &second.rollouts);
        let row_by_row = "row by row, two responses to one prompt are compared";
        let (code, message, label, help) = if first.local.value == second.local.value {
            let message = format!("`{}` is labelled against itself", first.name);
            let help = "label two batches: `y2 = explore(..., against = y1)`, `label(y2, y1, ...)`";
            (Code::SameSides, message, "every pair would be a tie", help.to_owned())
        } else if a.count != b.count {
            let message = format!("{} rollouts can't be paired with {}", a.count, b.count);
            (Code::AxesMismatch, message, row_by_row, "give both sides the same `count`".to_owned())
        } else if a.drawn.is_some() && b.drawn.is_some() && a.drawn != b.drawn {
            let message = "the two sides answer different prompts".to_owned();
            let help = self.other_side(&first, &second, at.file);
            (Code::PromptsMismatch, message, "each `sample` draws prompts of its own", help)
        } else if a.per_prompt != b.per_prompt {
            let message = format!("groups of {} can't be paired with groups of {}", a.per_prompt, b.per_prompt);
            (Code::PromptsMismatch, message, row_by_row, "give both sides the same `per_prompt`".to_owned())
        } else if a.prompts != b.prompts && a.prompts.is_some() && b.prompts.is_some() {
            let message = "the two sides answer different prompts".to_owned();
            (Code::PromptsMismatch, message, row_by_row, "sample both sides on the same data".to_owned())
        } else {
            return;
        };
        let error =
            Diagnostic::error(code, at, message).label(label).also(first.local.span, "assigned here").help(help);
        let another = first.local.span != second.local.span;
        self.out.push(if another { error.also(second.local.span, "assigned here") } else { error });
    }

    /// Returns the text that should replace one of two samples. The other stays: the one that an exploration is
    /// against.
    fn other_side(&self, first: &Side, second: &Side, file: FileId) -> String {
        let explorations = self.program.scope.of_kind(Kind::Exploration, file);
        let against = |side: &Side| {
            let policy = side.policy()?;
            explorations.iter().find(|name| self.block(name).name("against") == Some(policy)).copied()
        };
        let (stays, goes, exploration) = match (against(second), against(first)) {
            (None, Some(found)) => (first, second, Some(found)),
            (found, _) => (second, first, found),
        };
        let prompts = stays.rollouts.prompts.as_deref().unwrap_or("prompts");
        let prompts = prompts.rsplit("::").next().unwrap_or(prompts);
        let name = exploration.unwrap_or("plain");
        let write = format!("`{} = explore({name}, {prompts}, against = {})`", goes.name, stays.name);
        match (exploration, stays.policy()) {
            (None, Some(policy)) => format!(
                "declare `exploration plain {{ features = ..., against = {policy}, search = none }}`, and write {write}"
            ),
            _ => format!("write {write}: it answers the prompts of `{}`", stays.name),
        }
    }
}
