//! Objectives by name: `dpo(pi, ref, prefs, beta)` is the expression of its definition.

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Arg, Item};

use super::axes::Typed;
use crate::check::Callee;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::expand::MOST_TERMS;
use crate::lower::calls::{MOST, in_calls, too_large};
use crate::lower::{Lower, Terms};

impl Lower<'_> {
    /// Lowers a call of an objective that is declared in a file.
    pub(super) fn objective_call(&mut self, global: &str, args: &[Arg], span: Span) -> Option<Typed> {
        let item = self.program.scope.items.get(global)?.clone();
        let Item::Objective(objective) = &*item else { return None };
        if self.program.scope.broken.contains(global) {
            self.terms.unknown = true;
            return None;
        }
        if self.terms.count > MOST_TERMS {
            return None;
        }
        if self.calls >= MOST {
            let error = Diagnostic::error(Code::Recursion, span, format!("`{}` calls itself", objective.name.text));
            self.out.push(error.label("in a circle of calls").help("write it without itself"));
            // An objective that calls itself twice would double at every level.
            self.terms = Terms { count: usize::MAX, unknown: true };
            return None;
        }
        let callee = Callee {
            name: &objective.name.text,
            declared: objective.name.span,
            formals: &objective.formals,
            objective: true,
        };
        let bindings = self.check().bind(&callee, args, span)?;
        let before = self.out.len();
        self.terms.count = self.terms.count.saturating_add(bindings.size(&objective.value));
        let value = if self.terms.count > MOST_TERMS {
            None
        } else {
            self.calls += 1;
            let value = self.value(&bindings.expr(&objective.value));
            self.calls -= 1;
            value
        };
        in_calls(self.out, before, &[span]);
        // Reported once, for the call that is written where the objective is used.
        if self.calls == 0 && self.terms.count > MOST_TERMS && !self.terms.unknown {
            self.terms.unknown = true;
            self.out.push(too_large(&objective.name.text, span));
        }
        value
    }
}
