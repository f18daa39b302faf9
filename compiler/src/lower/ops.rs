//! Operations: one function each.

use pbpo_grammar::Span;
use pbpo_plan::ops::{draw, evaluate, explore, sample, save};
use pbpo_plan::{Op, Stage, ValueName};
use serde_json::json;

use super::Lower;
use super::prelude::{group, number, setting, whole};
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::hir::Args;
use crate::schema::ops::{Op as Call, OpSchema};
use crate::schema::{Flow, scored};
use crate::scope::{Local, Rollouts};

/// The result of an operation.
pub(super) struct Made {
    pub value: ValueName,
    pub flow: Flow,
    pub rollouts: Option<Rollouts>,
}

impl Made {
    /// Makes a variable that is assigned at this place.
    pub fn local(self, span: Span) -> Local {
        Local { value: self.value, flow: Some(self.flow), span, rollouts: self.rollouts, pending: false }
    }
}

impl Lower<'_> {
    /// Makes the stage of an operation. Returns `None` if a required argument was in error.
    pub(super) fn lower_op(&mut self, schema: &OpSchema, args: &Args, output: &ValueName, span: Span) -> Option<Made> {
        let rollouts = match schema.op {
            Call::Sample if self.answers_world(args) => Some(self.exact_sample(args, output, span)?),
            Call::Explore if self.answers_world(args) => Some(self.exact_explore(args, output, span)?),
            Call::Sample => Some(self.sample(args, output, span)?),
            Call::Explore => Some(self.explore(args, output, span)?),
            Call::Pairs => {
                self.pairs_of_data(args, output, span);
                None
            }
            Call::Label => {
                self.label(args, output, span);
                None
            }
            Call::Draw => {
                self.draw(args, output, span);
                None
            }
            Call::Evaluate => {
                self.evaluate(args, output, output.block(), false, span);
                None
            }
            Call::Regret => {
                self.regret(args, output, span);
                None
            }
            Call::Distance => {
                self.distance(args, output, span);
                None
            }
            Call::Save => {
                self.save(args, span);
                None
            }
        };
        Some(Made { value: output.clone(), flow: schema.gives?, rollouts })
    }

    /// Lowers saving a player as a checkpoint.
    fn save(&mut self, args: &Args, span: Span) {
        let Some(player) = args.name("player").map(str::to_owned) else { return };
        self.need(&player);
        self.has_weights(&player, args.span("player").unwrap_or(span));
        let mut made = Stage::new(Op::Save, &[]).with("player", self.player(&player)).with_settings(&save::Settings {
            // Outside of loops nothing is counted.
            every: if self.depth == 0 { 1 } else { whole(args.int("every").unwrap_or(1)) },
            keep: args.int("keep").map(whole),
        });
        made.name = self.fresh_batch(&format!("{player}.save")).to_string();
        self.push(made, span);
    }

    /// Reports a player without a format on disk: players of worlds and rewards on frozen features.
    fn has_weights(&mut self, player: &str, at: Span) {
        let why = match player {
            _ if self.in_world(&self.leader(player)) => "it lives in a world, and is a table of numbers",
            _ if self.is_linear(player) => "it is linear in frozen features",
            _ => return,
        };
        self.out.push(
            Diagnostic::error(Code::WrongKind, at, format!("`{player}` can't be saved as a checkpoint"))
                .label(why)
                .help("remove this line: only language models and reward models on one are saved"),
        );
    }

    /// Tells whether the prompts are a world of the exact track.
    fn answers_world(&self, args: &Args) -> bool {
        args.name("prompts").is_some_and(|prompts| self.is_world(prompts))
    }

    fn sample(&mut self, args: &Args, output: &ValueName, span: Span) -> Option<Rollouts> {
        let policy = args.name("policy")?.to_owned();
        let prompts = args.name("prompts").map(str::to_owned);
        let per_prompt = args.int("per_prompt").unwrap_or_else(|| group(self, &policy));
        let count = args.int("count")?;
        self.need(&policy);
        self.divides(args, count, per_prompt, &policy);
        let max_new = setting(self, args.get("max_new"), &policy, "max_new");
        self.fits(args, &policy, prompts.as_deref().unwrap_or_default(), &max_new, span);
        let made = Stage::new(Op::Sample, &[output])
            .with("policy", self.player(&policy))
            .with("prompts", prompts.as_deref().map(ValueName::of))
            .with_settings(&sample::Settings {
                count: whole(count),
                per_prompt: whole(per_prompt),
                temperature: number(&setting(self, args.get("temperature"), &policy, "temperature")),
                max_new: max_new.as_u64().unwrap_or(0),
            });
        self.push(made, span);
        Some(Rollouts { policy: Some(policy), prompts, count, per_prompt, drawn: Some(output.clone()) })
    }

    /// Checks that `count` is a multiple of `per_prompt`.
    fn divides(&mut self, args: &Args, count: i64, per_prompt: i64, policy: &str) {
        let Some(at) = args.span("count").filter(|_| count % per_prompt.max(1) != 0) else { return };
        let error = Diagnostic::error(
            Code::NotDivisible,
            at,
            format!("{count} rollouts can't be split into groups of {per_prompt}"),
        )
        .label(format!("not a multiple of {per_prompt}"));
        let error = match (args.span("per_prompt"), self.block(policy).span("estimator")) {
            (Some(given), _) => error.also(given, "responses of one prompt"),
            (None, Some(estimator)) => {
                error.also(estimator, format!("the estimator of `{policy}` has groups of {per_prompt}"))
            }
            (None, None) => error,
        };
        let up = count + per_prompt - count % per_prompt;
        // The number may be written elsewhere, as the argument of a call under another name.
        self.out.push(error.help(format!("write `{up}`, the next multiple")));
    }

    fn explore(&mut self, args: &Args, output: &ValueName, span: Span) -> Option<Rollouts> {
        let exploration = args.name("exploration")?.to_owned();
        let against = args.name("against")?.to_owned();
        self.need(&exploration);
        let local = self.locals.get(&against)?.clone();
        let rollouts = local.rollouts.clone()?;
        self.explores_against(args, &exploration, &against, &local);
        self.same_prompts(args, &against, &local);
        let policy = self.proposal(&exploration)?;
        self.need(&policy);
        let next = self.fresh(&exploration);
        let max_new = setting(self, args.get("max_new"), &policy, "max_new");
        self.fits(args, &policy, args.name("prompts").unwrap_or_default(), &max_new, span);
        let made = Stage::new(Op::Explore, &[output, &next])
            .with("exploration", self.player(&exploration))
            .with("policy", self.player(&policy))
            .with("against", local.value)
            .with_settings(&explore::Settings {
                candidates: whole(self.candidates(&exploration)),
                temperature: number(&setting(self, args.get("temperature"), &policy, "temperature")),
                max_new: max_new.as_u64().unwrap_or(0),
            });
        self.push(made, span);
        self.players.insert(exploration, next);
        Some(Rollouts { policy: None, ..rollouts })
    }

    /// Returns the number of responses from which an exploration chooses: one without a search.
    pub(super) fn candidates(&self, exploration: &str) -> i64 {
        self.block(exploration).choice("search").and_then(|search| search.args.int("candidates")).unwrap_or(1)
    }

    /// Checks that the rollouts come from the policy that the exploration's block names.
    fn explores_against(&mut self, args: &Args, exploration: &str, against: &str, local: &Local) {
        let Some(wanted) = self.block(exploration).name("against").map(str::to_owned) else { return };
        let found = local.rollouts.as_ref().and_then(|rollouts| rollouts.policy.as_deref());
        if found == Some(wanted.as_str()) {
            return;
        }
        let (Some(at), Some(declared)) = (args.span("against"), self.block(exploration).span("against")) else {
            return;
        };
        let source = found.map_or("an exploration".to_owned(), |policy| format!("`{policy}`"));
        self.out.push(
            Diagnostic::error(
                Code::AgainstMismatch,
                at,
                format!("`{exploration}` explores against `{wanted}`, not {source}"),
            )
            .label(format!("rollouts of {source}"))
            .also(declared, "the policy is named here")
            .also(local.span, format!("`{against}` is assigned here"))
            .help(format!("give rollouts of `{wanted}`: `x = sample({wanted}, ...)`")),
        );
    }

    /// Checks that the prompts are those that the other side answers.
    fn same_prompts(&mut self, args: &Args, against: &str, local: &Local) {
        let (Some(prompts), Some(at)) = (args.name("prompts"), args.span("prompts")) else { return };
        let Some(found) = local.rollouts.as_ref().and_then(|rollouts| rollouts.prompts.as_deref()) else { return };
        if found != prompts {
            self.out.push(
                Diagnostic::error(Code::PromptsMismatch, at, format!("`{against}` answers `{found}`, not `{prompts}`"))
                    .label("two responses are compared on one prompt")
                    .also(local.span, format!("`{against}` is assigned here"))
                    .help(format!("write `{found}`")),
            );
        }
    }

    fn pairs_of_data(&mut self, args: &Args, output: &ValueName, span: Span) {
        let [policy, data] = ["policy", "data"].map(|port| args.name(port).unwrap_or_default().to_owned());
        self.need(&policy);
        self.need(&data);
        self.push(
            Stage::new(Op::Pairs, &[output]).with("policy", self.player(&policy)).with("data", ValueName::of(&data)),
            span,
        );
    }

    fn label(&mut self, args: &Args, output: &ValueName, span: Span) {
        let oracle = args.name("by").unwrap_or_default().to_owned();
        self.need(&oracle);
        let side = |port: &str| args.name(port).map(|name| self.local(name));
        let made = Stage::new(Op::Label, &[output])
            .with("oracle", ValueName::of(&oracle))
            .with("first", side("first"))
            .with("second", side("second"));
        self.pairs(args);
        let first = args.name("first").and_then(|name| self.locals.get(name)).and_then(|local| local.rollouts.as_ref());
        let world = first.and_then(|rollouts| rollouts.prompts.clone());
        let by = args.name("by").unwrap_or_default().to_owned();
        self.scores_world(&by, world.as_deref(), args.span("by").unwrap_or(span));
        self.draws_labels(&by, world.as_deref(), args.span("by").unwrap_or(span));
        if self.block(&by).word("by") == Some("verifier") {
            self.needs_check(
                world.as_deref().unwrap_or_default(),
                "a verifier prefers",
                args.span("by").unwrap_or(span),
            );
        }
        self.push(made, span);
    }

    fn draw(&mut self, args: &Args, output: &ValueName, span: Span) {
        let preferences = args.name("preferences").map(|name| self.local(name));
        let settings = draw::Settings { count: whole(args.int("count").unwrap_or(0)) };
        self.push(Stage::new(Op::Draw, &[output]).with("preferences", preferences).with_settings(&settings), span);
    }

    /// Reports data without a score: rows of files need a `check` that scores responses.
    fn needs_check(&mut self, data: &str, what: &str, span: Span) {
        let block = self.block(data);
        let Some(source) = block.word("source").filter(|source| !scored().contains(source)) else { return };
        if block.choice("check").is_some() {
            return;
        }
        let error = Diagnostic::error(Code::MissingField, span, format!("`{data}` has no `check`"))
            .label(format!("{what} by it"))
            .help(
                "write `check = exact`, `numeric` or `regex { ... }` in its block, and name the column of the `answer`",
            );
        self.out.push(match block.span("source") {
            Some(at) => error.also(at, format!("rows of a {source} have no score of their own")),
            None => error,
        });
    }

    /// Lowers the evaluation of a policy. `label` names the report; with `before`, it precedes a loop and measures the
    /// values that enter it.
    pub(super) fn evaluate(&mut self, args: &Args, output: &ValueName, label: &str, before: bool, span: Span) {
        let (policy, data) =
            (args.name("policy").unwrap_or_default().to_owned(), args.name("data").unwrap_or_default().to_owned());
        let metrics = args.get("metrics").and_then(crate::hir::Value::json).unwrap_or(json!([]));
        // The declaration knows no other words.
        let metrics = serde_json::from_value(metrics).unwrap_or_default();
        let judged = |words: &[&str]| words.iter().any(|word| *word != "length");
        if let Some(crate::hir::Value::Words(words)) = args.get("metrics").filter(|_| !before)
            && judged(words)
        {
            self.needs_check(&data, "accuracy and score are measured", args.span("data").unwrap_or(span));
        }
        let every = if before { 1 } else { args.int("every").unwrap_or(1) };
        let max_new = setting(self, None, &policy, "max_new");
        self.fits(args, &policy, &data, &max_new, span);
        let made = Stage::new(Op::Evaluate, &[output])
            .with("policy", self.player(&policy))
            .with("data", ValueName::of(&data))
            .with_settings(&evaluate::Settings {
                every: whole(every),
                label: label.to_owned(),
                metrics,
                before,
                count: args.int("count").map(whole),
            });
        self.push(made, span);
    }
}
