//! Lints over the stages of a plan.

use std::collections::{BTreeSet, HashMap};

use pbpo_grammar::Span;
use pbpo_plan::ops::data::{self, Digits, File, Hub, Task};
use pbpo_plan::ops::{evaluate, explore, repeat, sample};
use pbpo_plan::{Body, Op, Stage, ValueName};

use super::terms::{estimates, pull, sign_of_gap};
use crate::Planned;
use crate::check::Program;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::schema::Kind;

/// The smallest useful number of prompts for an accuracy: its standard error is then up to 7 points.
const FEW: u64 = 50;

/// Checks every stage of a point.
pub fn check(planned: &Planned, program: &Program, out: &mut Vec<Diagnostic>) {
    let mut look = Look { planned, program, out, stages: HashMap::new(), ops: HashMap::new(), trained: HashMap::new() };
    look.collect(&planned.plan.body, 0);
    look.index();
    look.body(&planned.plan.body, &[]);
    look.train_on_test();
}

struct Look<'a> {
    planned: &'a Planned,
    program: &'a Program,
    out: &'a mut Vec<Diagnostic>,
    /// The stage that makes each value, and the number of loops around it.
    stages: HashMap<&'a ValueName, (&'a Stage, usize)>,
    /// The stages of each operation, in the order of their names.
    ops: HashMap<Op, Vec<&'a Stage>>,
    /// The first stage that trains on data of these settings.
    trained: HashMap<Source, &'a Stage>,
}

/// Operations that train on data, and the ports of these.
const TRAINS: [(Op, &str); 2] = [(Op::Imitate, "data"), (Op::Sample, "prompts")];

/// The examples that a stage reads, without their number.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Source {
    Digits { split: &'static str, length: u64 },
    File { path: String },
    Hub { name: String, subset: Option<String>, split: String },
}

impl Source {
    fn of(task: Task) -> Self {
        match task {
            Task::Digits(Digits { split, length, .. }) => Source::Digits { split: split.word(), length },
            Task::File(File { path, .. }) => Source::File { path },
            Task::Hub(Hub { name, split, subset, .. }) => Source::Hub { name, subset, split },
        }
    }

    /// Tells whether it is a split for measuring.
    fn is_test(&self) -> bool {
        match self {
            Source::Digits { split, .. } => *split == "test",
            Source::Hub { split, .. } => split == "test",
            Source::File { .. } => false,
        }
    }
}

impl<'a> Look<'a> {
    fn collect(&mut self, body: &'a Body, depth: usize) {
        for stage in body.stages() {
            self.stages.extend(stage.outputs.iter().map(|output| (output, (stage, depth))));
            if let Some(inner) = &stage.body {
                self.collect(inner, depth + 1);
            }
        }
    }

    /// Returns the stage that makes a value.
    fn maker(&self, value: &ValueName) -> Option<&'a Stage> {
        self.stages.get(value).map(|(stage, _)| *stage)
    }

    /// Indexes the stages by their operations.
    fn index(&mut self) {
        for (stage, _) in self.stages.values() {
            self.ops.entry(stage.op).or_default().push(stage);
        }
        for stages in self.ops.values_mut() {
            stages.sort_by(|a, b| a.name.cmp(&b.name));
            stages.dedup_by(|a, b| a.name == b.name);
        }
        for (op, port) in TRAINS {
            for stage in self.with_op(op) {
                if let Some((_, seen)) = self.source(stage, port) {
                    self.trained.entry(seen).or_insert(stage);
                }
            }
        }
    }

    /// Every stage with an operation, in the order of their names.
    fn with_op(&self, op: Op) -> Vec<&'a Stage> {
        self.ops.get(&op).cloned().unwrap_or_default()
    }

    /// Checks the stages of a body. `loops` are the surrounding bodies, with their counts.
    fn body(&mut self, body: &'a Body, loops: &[(&'a Body, u64)]) {
        for stage in body.stages() {
            match stage.op {
                Op::Sample | Op::Explore => self.greedy(stage),
                Op::Evaluate => {
                    self.few_prompts(stage);
                    self.test_on_train(stage);
                }
                Op::Refresh => self.own_judge(stage),
                Op::Ascend | Op::Descend => {
                    self.swapped(stage);
                    self.wrong_way(stage);
                    self.stale(stage, loops);
                }
                Op::Data
                | Op::Load
                | Op::Imitate
                | Op::Policy
                | Op::Follow
                | Op::RewardModel
                | Op::Features
                | Op::Exploration
                | Op::Oracle
                | Op::Preferences
                | Op::Repeat
                | Op::Pairs
                | Op::Label
                | Op::Append
                | Op::Draw
                | Op::Forward
                | Op::World
                | Op::Solve
                | Op::Regret
                | Op::LinearModel
                | Op::Worst
                | Op::Distance
                | Op::Save => {}
            }
            if let Some(inner) = &stage.body {
                let mut around = loops.to_vec();
                around.push((inner, repeat::count(stage)));
                self.body(inner, &around);
            }
        }
    }

    fn span(&self, stage: &Stage) -> Span {
        self.planned.spans.get(&stage.name).copied().unwrap_or_default()
    }

    fn greedy(&mut self, stage: &Stage) {
        let sampled = stage.settings::<sample::Settings>().map(|settings| (settings.temperature, settings.per_prompt));
        let explored =
            stage.settings::<explore::Settings>().map(|settings| (settings.temperature, settings.candidates));
        if sampled.or(explored).is_ok_and(|(temperature, several)| temperature == 0.0 && several > 1) {
            self.out.push(
                Diagnostic::warning(
                    Code::GreedySamples,
                    self.span(stage),
                    "several samples of a prompt at temperature 0",
                )
                .label("all of them are the same")
                .help("write `temperature = 1.0`"),
            );
        }
    }

    /// Returns the data at an input, and the examples that it holds.
    fn source(&self, stage: &Stage, port: &str) -> Option<(&'a Stage, Source)> {
        let made = self.maker(stage.input(port)?).filter(|made| made.op == Op::Data)?;
        Some((made, Source::of(data::settings(made)?.task)))
    }

    fn few_prompts(&mut self, stage: &Stage) {
        let Some((data, _)) = self.source(stage, "data") else { return };
        let all = data::settings(data).and_then(|data| data.count()).unwrap_or(0);
        let asked = stage.settings::<evaluate::Settings>().ok().and_then(|settings| settings.count);
        let count = asked.unwrap_or(all).min(all);
        if (1..FEW).contains(&count) {
            let error = 50.0 / f64::from(u32::try_from(count).unwrap_or(1)).sqrt();
            self.out.push(
                Diagnostic::warning(Code::FewPrompts, self.span(stage), format!("measured on {count} prompts"))
                    .label(format!("an accuracy has a standard error of up to {error:.0} points"))
                    .help(format!("measure on {FEW} or more")),
            );
        }
    }

    fn test_on_train(&mut self, stage: &Stage) {
        let Some((data, held)) = self.source(stage, "data") else { return };
        let (data, span) = (data.name.clone(), self.span(stage));
        if let Some(other) = self.trained.get(&held).copied() {
            self.out.push(
                Diagnostic::warning(Code::TestOnTrain, span, format!("`{data}` is also trained on"))
                    .label("measured on data of the same split")
                    .also(self.span(other), "used here")
                    .help("measure on another split, as `digits(split = test, ...)`, or on another file"),
            );
        }
    }

    /// Reports training on the test split, unless another lint reports it because the same data is also evaluated.
    fn train_on_test(&mut self) {
        let measured: BTreeSet<Source> =
            self.with_op(Op::Evaluate).into_iter().filter_map(|stage| Some(self.source(stage, "data")?.1)).collect();
        let found =
            TRAINS.into_iter().flat_map(|(op, port)| self.with_op(op).into_iter().map(move |stage| (stage, port)));
        let found = found.filter_map(|(stage, port)| Some((stage, self.source(stage, port)?)));
        let found = found.into_iter().find(|(_, (_, seen))| seen.is_test() && !measured.contains(seen));
        if let Some((stage, (data, _))) = found {
            self.out.push(
                Diagnostic::warning(Code::TrainOnTest, self.span(stage), format!("`{}` is the test split", data.name))
                    .label("trained on here")
                    .also(self.span(data), "declared here")
                    .help("train on another split: `digits(split = prompts, ...)`; are two arguments swapped?"),
            );
        }
    }

    /// Reports a step after which the player prefers the chosen responses less than before.
    fn wrong_way(&mut self, stage: &Stage) {
        let Some(player) = stage.input("player") else { return };
        let Some(pull) = stage.objective.as_ref().and_then(|objective| pull(objective, player)) else { return };
        let ascends = stage.op == Op::Ascend;
        if (if ascends { pull } else { -pull }) > -1e-9 {
            return;
        }
        let player = player.block();
        let help = if ascends {
            format!("a loss is minimised: write `descend {player} on ...`")
        } else {
            format!("name `{player}` before the policy that it is compared with, or write `ascend {player} on ...`")
        };
        self.out.push(
            Diagnostic::warning(Code::WrongWay, self.span(stage), "this step favours the rejected responses")
                .label(format!("`{player}` learns to prefer them to the chosen ones"))
                .help(help),
        );
    }

    /// Reports a reference that is replaced according to a reward model, on the prompts of that model's own pairs.
    fn own_judge(&mut self, stage: &Stage) {
        let Some((_, judged)) = self.source(stage, "prompts") else { return };
        let labelled = self.with_op(Op::Label).into_iter();
        let sides = labelled.filter_map(|label| self.maker(label.input("first")?));
        let samples = sides.flat_map(|side| {
            let against = side.input("against").and_then(|value| self.maker(value));
            [Some(side), against]
        });
        let own = samples.flatten().filter_map(|side| self.source(side, "prompts")).any(|(_, seen)| seen == judged);
        if own {
            self.out.push(
                Diagnostic::warning(
                    Code::OwnJudge,
                    self.span(stage),
                    "a reward model judges on the prompts of its own pairs",
                )
                .label("it was fitted to answers to these")
                .help("give `best_so_far` prompts of another split or seed"),
            );
        }
    }

    fn swapped(&mut self, stage: &Stage) {
        let Some(player) = stage.input("player").map(ValueName::block) else { return };
        let Some(block) = self.program.blocks.get(player) else { return };
        let raises = match stage.objective.as_ref().and_then(|objective| sign_of_gap(objective, 1.0)) {
            Some(sign) => (sign > 0.0) == (stage.op == Op::Ascend),
            None => return,
        };
        let (wrong, message) = match block.kind {
            Kind::Policy => (!raises, format!("policy `{player}` lowers the gap")),
            Kind::RewardModel => (raises, format!("reward model `{player}` raises the gap")),
            _ => return,
        };
        if wrong {
            let other = if stage.op == Op::Ascend { "descend" } else { "ascend" };
            self.out.push(
                Diagnostic::warning(Code::SwappedRoles, self.span(stage), message)
                    .label("the leader raises it, the follower lowers it")
                    .help(format!("write `{other} {player} on ...`")),
            );
        }
    }

    /// Reports own rollouts of an earlier version of the policy.
    fn stale(&mut self, stage: &Stage, loops: &[(&'a Body, u64)]) {
        for (policy, rollouts) in stage.objective.iter().flat_map(estimates) {
            let Some((sampled, depth)) = self.stages.get(rollouts).copied() else { continue };
            let again = loops.iter().skip(depth).any(|(body, count)| *count > 1 && moves(body, stage));
            let earlier = sampled.input("policy") != Some(policy) && depth == loops.len();
            if again || earlier {
                self.out.push(
                    Diagnostic::warning(Code::StaleRollouts, self.span(stage), "rollouts of an earlier policy")
                        .label("from the second step on the gradient is biased")
                        .also(self.span(sampled), "sampled here")
                        .help("sample again before each step"),
                );
                return;
            }
        }
    }
}

/// Tells whether a loop carries the player of a step.
fn moves(body: &Body, stage: &Stage) -> bool {
    let player = stage.input("player").map(ValueName::block);
    body.carries.iter().any(|carry| Some(carry.enter.block()) == player)
}
