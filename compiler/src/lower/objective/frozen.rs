//! Explains why an objective has no gradient in the moved player: finds the frozen part and its place.

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Expr, ExprKind, Ident};

use crate::lower::Lower;

impl Lower<'_> {
    /// Returns the first part of an objective that seems to depend on a player, but does not.
    pub(super) fn frozen(&self, player: &str, expr: &Expr) -> Option<(Span, String)> {
        match &expr.kind {
            ExprKind::Path(path) => path.first().and_then(|word| self.frozen_word(player, word)),
            ExprKind::Call { callee, args } => {
                let name = callee.first().filter(|_| callee.len() == 1);
                let stops = name.is_some_and(|name| name.text == "stop_gradient");
                if stops && args.iter().any(|arg| self.mentions(player, &arg.value)) {
                    return Some((expr.span, format!("`{player}` is frozen inside `stop_gradient`")));
                }
                args.iter().find_map(|arg| self.frozen(player, &arg.value))
            }
            ExprKind::Neg(arg) | ExprKind::Not(arg) => self.frozen(player, arg),
            ExprKind::Binary { left, right, .. } => self.frozen(player, left).or_else(|| self.frozen(player, right)),
            _ => None,
        }
    }

    /// Finds a follower of the player, or rollouts that an exploration has chosen.
    fn frozen_word(&self, player: &str, word: &Ident) -> Option<(Span, String)> {
        let text = &word.text;
        if let Some(name) = self.program.scope.global(word) {
            let follows = self.block(name).name("follows") == Some(player);
            return follows.then(|| (word.span, format!("`{text}` is a frozen copy of `{player}`")));
        }
        let rollouts = self.locals.get(text)?.rollouts.as_ref()?;
        let chosen = rollouts.policy.is_none();
        chosen.then(|| (word.span, format!("`{text}` was chosen by an exploration: it is data")))
    }

    fn mentions(&self, player: &str, expr: &Expr) -> bool {
        let is = |word: &Ident| {
            let sampled = || self.locals.get(&word.text)?.rollouts.as_ref()?.policy.as_deref();
            self.program.scope.global(word) == Some(player) || sampled() == Some(player)
        };
        match &expr.kind {
            ExprKind::Path(path) => path.first().is_some_and(is),
            ExprKind::Call { callee, args } => {
                callee.first().is_some_and(is) || args.iter().any(|arg| self.mentions(player, &arg.value))
            }
            ExprKind::Neg(arg) | ExprKind::Not(arg) => self.mentions(player, arg),
            ExprKind::Binary { left, right, .. } => self.mentions(player, left) || self.mentions(player, right),
            _ => false,
        }
    }
}
