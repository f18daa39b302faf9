//! Relations between blocks of the exact track: they must belong to one world, and fit its kind.

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Expr, ExprKind};

use super::Lower;
use super::exact::Game;
use crate::code::Code;
use crate::diagnostic::Diagnostic;

impl Lower<'_> {
    /// Tells whether a block belongs to the practical track. A block with errors, or a parameter, may belong to a
    /// world.
    pub(super) fn elsewhere(&self, name: &str) -> bool {
        !self.block(name).is_empty() && !self.in_world(name)
    }

    /// Reports written fields that have no effect in this world.
    pub(super) fn idle_fields(&mut self, name: &str) {
        let Some(block) = self.program.blocks.get(name) else { return };
        let (Some(of), Some(at)) = (block.args.choice("of"), block.args.span("of")) else { return };
        let layout = of.args.word("layout").unwrap_or(of.name);
        let idle: &[&str] = match layout {
            "star" => &["states", "actions", "dim"],
            "grid" => &["actions", "dim"],
            _ => &[],
        };
        // Unwritten fields have the place of the word itself.
        let written = |span: &Span| span.file != at.file || span.start > at.start;
        let mut found: Vec<(Span, &str)> =
            idle.iter().filter_map(|field| Some((of.args.span(field).filter(written)?, *field))).collect();
        // A default has the place of the block's head.
        let in_body = |span: &Span| span.file != block.name.file || span.start > block.name.start;
        let norm = block.args.span("norm").filter(|span| of.name == "file" && in_body(span));
        found.extend(norm.map(|span| (span, "norm")));
        for (span, field) in found {
            self.out.push(
                Diagnostic::error(Code::UnknownField, span, format!("`{layout}` does not look at `{field}`"))
                    .label("changes nothing")
                    .help("leave it out"),
            );
        }
    }

    pub(super) fn points_need_a_bandit(&mut self, name: &str) {
        let args = self.block(name);
        let Some(at) = args.span("class").filter(|_| args.choice("class").is_some_and(|class| class.name == "points"))
        else {
            return;
        };
        let world = args.name("world").map(|world| self.block(world));
        let Some((of, declared)) = world.and_then(|world| Some((world.choice("of")?.name, world.span("of")?))) else {
            return;
        };
        if matches!(of, "contextual" | "mdp" | "cube" | "tokens") {
            self.out.push(
                Diagnostic::error(Code::WrongKind, at, "`points` needs a world with one state and one step")
                    .label("one arm, wherever it is")
                    .also(declared, format!("`{of}` has more"))
                    .help("write `class = mixtures`: any policy of the world"),
            );
        }
    }

    /// Checks that a covariance for each step comes with parameters for each step.
    pub(super) fn steps_need_tokens(&mut self, name: &str) {
        let args = self.block(name);
        let Some(at) = args.span("covariance").filter(|_| args.word("covariance") == Some("per_step")) else { return };
        let Some(world) = args.name("world").map(str::to_owned) else { return };
        let reward = self.block(&world);
        if reward.word("reward") == Some("sequence") {
            let error = Diagnostic::error(Code::WrongKind, at, format!("`{world}` has one theta for all steps"))
                .label("a covariance for each step")
                .help(format!("write `covariance = joint`, or `reward = token` in `{world}`"));
            self.out.push(match reward.span("reward") {
                Some(declared) => error.also(declared, "declared here"),
                None => error,
            });
        }
    }

    /// Reports an oracle that does not use the score of the world of its responses.
    pub(super) fn scores_world(&mut self, oracle: &str, world: Option<&str>, at: Span) {
        let Some(by) = self.block(oracle).choice("by") else { return };
        let (Some(score), Some(declared)) = (by.args.name("score"), by.args.span("score")) else { return };
        let Some(world) = world.filter(|world| *world != score && (self.is_world(world) || self.is_world(score)))
        else {
            return;
        };
        self.out.push(
            Diagnostic::error(Code::WrongKind, at, format!("`{oracle}` scores by `{score}`, not by `{world}`"))
                .label(format!("responses of `{world}` are labelled here"))
                .also(declared, "the score is named here")
                .help(format!("write `score = {}.score`", if self.is_world(world) { world } else { "TASK" })),
        );
    }

    /// Reports an oracle that does not draw the labels of a world: the theory of its sets assumes drawn labels.
    pub(super) fn draws_labels(&mut self, oracle: &str, world: Option<&str>, at: Span) {
        let (Some(by), Some(world)) = (self.block(oracle).choice("by"), world) else { return };
        let (Some(labels), Some(declared)) = (by.args.word("labels"), by.args.span("labels")) else { return };
        if labels == "sample" || !self.is_world(world) {
            return;
        }
        self.out.push(
            Diagnostic::error(
                Code::WrongKind,
                at,
                format!("`{oracle}` has `labels = {labels}`, in a world they are drawn"),
            )
            .label(format!("labels trajectories of `{world}`"))
            .also(declared, "declared here")
            .help("write `labels = sample`, or leave it out: the sets of a world are those of drawn labels"),
        );
    }

    /// Reports a player of another world, or of none.
    pub(super) fn acts_in(&mut self, player: &str, world: &str, at: Span) {
        let leader = self.leader(player);
        let Some(block) = self.program.blocks.get(&leader) else { return };
        let found = block.args.name("world");
        if found == Some(world) || (found.is_none() && !self.elsewhere(&leader)) {
            return;
        }
        let word = block.kind.word();
        let message = match found {
            Some(found) => format!("`{player}` is of the world `{found}`, not of `{world}`"),
            None => format!("`{player}` is of no world"),
        };
        self.out.push(
            Diagnostic::error(Code::WrongKind, at, message)
                .label(format!("not of `{world}`"))
                .also(block.name, "declared here")
                .help(format!("declare `{word} {leader} {{ world = {world} ... }}`")),
        );
    }

    pub(super) fn lowers_its_gap(&mut self, span: Span, player: &str) {
        self.out.push(
            Diagnostic::error(Code::WrongKind, span, "the leader raises its gap")
                .label("this would lower it")
                .help(format!("write `ascend {player} on ...`")),
        );
    }

    pub(super) fn no_set(&mut self, span: Span) {
        self.out.push(
            Diagnostic::error(Code::MissingField, span, "the game needs the set that the worst reward is from")
                .label("no `within`")
                .help("write `within CONSTRAINT(prefs)` behind it"),
        );
    }

    pub(super) fn not_a_game(&mut self, span: Span, player: &str, game: &Game<'_>) {
        let (r, pi, against) = (&game.reward.text, &game.policy.text, &game.against.text);
        let help = if player == against.as_str() && player != pi.as_str() {
            format!("the leader stands first: `gap({r}, {player}, {pi})`")
        } else {
            format!(
                "in a world write `ascend {pi} on gap({r}, {pi}, {against}) within C(prefs)`; elsewhere give samples: \
                 `gap({r}, y, y0)`"
            )
        };
        self.out.push(
            Diagnostic::error(Code::WrongKind, span, "the gap of two policies is solved in a world alone")
                .label(format!("moves `{player}` along `gap({r}, {pi}, {against})`"))
                .help(help),
        );
    }

    /// Reports the gap of two policies as a part of an objective: the solved game has no other terms.
    pub(super) fn game_within(&mut self, objective: &Expr) -> bool {
        let Some((at, text)) = self.inner_game(objective) else { return false };
        self.out.push(
            Diagnostic::error(Code::WrongKind, at, "the gap of two policies stands alone")
                .label("the solved game has no other terms")
                .help(format!("write `on {text}`, or give samples: `gap(r, y, y0)`")),
        );
        true
    }

    fn inner_game(&self, expr: &Expr) -> Option<(Span, String)> {
        if let Some(Game { reward, policy, against }) = self.game(expr) {
            return Some((expr.span, format!("gap({}, {}, {})", reward.text, policy.text, against.text)));
        }
        match &expr.kind {
            ExprKind::Neg(arg) => self.inner_game(arg),
            ExprKind::Binary { left, right, .. } => self.inner_game(left).or_else(|| self.inner_game(right)),
            ExprKind::Call { args, .. } => args.iter().find_map(|arg| self.inner_game(&arg.value)),
            _ => None,
        }
    }
}
