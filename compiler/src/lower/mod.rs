//! Pipelines to plans: statements become stages, players become values in SSA form.
//!
//! `names.rs`, `prelude.rs`: which blocks are used, and their stages; `ops.rs`: what stands on the right of `=`;
//! `pairs.rs`: the two sides of a label; `repeat.rs`: loops and what they carry; `objective/`: what `ascend` and
//! `descend` move along; `exact.rs`, `worlds.rs`: the exact track; `linear.rs`: reward models on frozen features.

mod calls;
mod exact;
mod fits;
mod linear;
mod names;
mod objective;
mod ops;
mod pairs;
mod prelude;
mod repeat;
mod stmt;
mod worlds;

use std::collections::{BTreeMap, BTreeSet};

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Body as Braces, Ident, Objective, Pipeline, Stmt};
use pbpo_plan::{Body, PLAN_VERSION, Plan, Stage};
use serde_json::{Value as Json, json};

use crate::check::{Check, Program};
use crate::diagnostic::Diagnostic;
use crate::hir::{Args, Constant};
use crate::scope::{Local, Locals, Rollouts};

/// Lowers one pipeline. The plan means something only if there was no error.
pub fn pipeline(
    program: &Program,
    block: &Pipeline,
    point: &str,
    out: &mut Vec<Diagnostic>,
) -> Option<(Plan, BTreeMap<String, Span>)> {
    let before = out.len();
    let (body, calls) = calls::body(program, block, out)?;
    let lowered = lower_body(program, &body, &block.name, point, out);
    calls::in_calls(out, before, &calls);
    Some(lowered)
}

/// Checks the body of a pipeline whose parameters stand for blocks of their kinds.
pub fn check_body(program: &Program, body: &Braces, out: &mut Vec<Diagnostic>) {
    lower_body(program, body, &Ident { text: String::new(), span: body.span }, "", out);
}

/// Checks the call that a pipeline with parameters is.
pub fn check_call(program: &Program, pipeline: &Pipeline, out: &mut Vec<Diagnostic>) {
    calls::body(program, pipeline, out);
}

/// Checks an objective whose parameters stand for what they are declared as. Whether it comes to many terms, not all of
/// which are known, as it calls one that is in error.
pub fn check_objective(program: &Program, objective: &Objective, locals: Locals, out: &mut Vec<Diagnostic>) -> bool {
    let mut lower = Lower::new(program, out);
    lower.locals = locals;
    lower.objective_value(&objective.value);
    lower.terms.unknown && lower.terms.count > MANY_TERMS
}

fn lower_body(
    program: &Program,
    body: &Braces,
    pipeline: &Ident,
    point: &str,
    out: &mut Vec<Diagnostic>,
) -> (Plan, BTreeMap<String, Span>) {
    let mut lower = Lower::new(program, out);
    lower.find_assignments(&body.stmts);
    lower.prelude(&names::of(&program.scope, &body.stmts));
    for stmt in &body.stmts {
        lower.stmt(stmt);
    }
    // What the pipeline's own file sees: that is what the words in it mean.
    let (views, file) = (&program.scope.views, pipeline.span.file);
    let value = |global: &str| program.scope.params.get(global)?.value.as_ref().map(constant);
    let seen = program.params.get(&file).into_iter().flatten();
    let params: BTreeMap<String, Json> =
        seen.filter_map(|(name, global)| Some((name.clone(), value(global)?))).collect();
    let seed = views.seed(file).and_then(value).and_then(|seed| seed.as_u64()).unwrap_or(0);
    let stages = std::mem::take(&mut lower.stages);
    let spans = std::mem::take(&mut lower.spans);
    let body = Body::new(stages, Vec::new());
    let (pipeline, point) = (pipeline.text.clone(), point.to_owned());
    (Plan { version: PLAN_VERSION, pipeline, point, seed, params, body }, spans)
}

/// The state of the lowering of one pipeline.
struct Lower<'a> {
    program: &'a Program,
    out: &'a mut Vec<Diagnostic>,
    /// The value that each player, follower and exploration has here.
    players: BTreeMap<String, String>,
    /// The variables.
    locals: Locals,
    /// What is known of every value that is rollouts, and where it was assigned.
    sampled: BTreeMap<String, (Rollouts, Span)>,
    /// Values made so far of each name that is numbered.
    counters: BTreeMap<String, usize>,
    /// How often each variable is assigned.
    assignments: BTreeMap<String, usize>,
    /// Blocks that have their stage.
    made: BTreeSet<String>,
    /// The stages of the body at hand.
    stages: Vec<Stage>,
    spans: BTreeMap<String, Span>,
    /// Number of repeats around.
    depth: usize,
    /// Number of calls of objectives around.
    calls: usize,
    terms: Terms,
}

/// An objective that comes to more terms than this, of which some are in error, is not looked into again.
const MANY_TERMS: usize = 1000;

/// What calls of objectives have become so far.
#[derive(Default)]
struct Terms {
    count: usize,
    /// Some of them were in error: nothing is said of their number.
    unknown: bool,
}

impl<'a> Lower<'a> {
    fn new(program: &'a Program, out: &'a mut Vec<Diagnostic>) -> Self {
        Self {
            program,
            out,
            players: BTreeMap::new(),
            locals: Locals::default(),
            sampled: BTreeMap::new(),
            counters: BTreeMap::new(),
            assignments: BTreeMap::new(),
            made: BTreeSet::new(),
            stages: Vec::new(),
            spans: BTreeMap::new(),
            depth: 0,
            calls: 0,
            terms: Terms::default(),
        }
    }
    /// The next value of a name: `pi@0`, `pi@1`, ...
    fn fresh(&mut self, name: &str) -> String {
        let counter = match self.counters.get_mut(name) {
            Some(counter) => counter,
            None => self.counters.entry(name.to_owned()).or_insert(0),
        };
        let value = format!("{name}@{counter}");
        *counter += 1;
        value
    }

    /// The value of a variable: numbered, if it is assigned more than once.
    fn fresh_local(&mut self, name: &str) -> String {
        // A variable of a pipeline from another file may be called as a block of this one.
        let taken = self.program.scope.blocks.contains_key(name) || self.program.scope.params.contains_key(name);
        if taken || self.assignments.get(name).is_some_and(|times| *times > 1) {
            self.fresh(name)
        } else {
            name.to_owned()
        }
    }

    /// Adds a stage, and remembers where it comes from.
    fn push(&mut self, stage: Stage, span: Span) {
        self.spans.insert(stage.name.clone(), span);
        self.stages.push(stage);
    }

    /// The checks, with the variables at hand.
    fn check(&mut self) -> Check<'_> {
        Check { scope: &self.program.scope, locals: Some(&self.locals), out: self.out }
    }

    /// The fields of a block; none of them where it isn't there or is wrong.
    fn block(&self, name: &str) -> &Args {
        static NONE: std::sync::LazyLock<Args> = std::sync::LazyLock::new(Args::default);
        self.program.blocks.get(name).map_or(&NONE, |block| &block.args)
    }

    /// The policy itself, or the one that it follows.
    fn leader(&self, policy: &str) -> String {
        self.block(policy).name("follows").unwrap_or(policy).to_owned()
    }

    /// The value that a player has here; its name where an error kept it from being made.
    fn player(&self, name: &str) -> String {
        self.players.get(name).cloned().unwrap_or_else(|| name.to_owned())
    }

    /// Gives a variable its value.
    fn define(&mut self, name: &str, local: Local) {
        if let Some(rollouts) = &local.rollouts {
            self.sampled.insert(local.value.clone(), (rollouts.clone(), local.span));
        }
        self.locals.map.insert(name.to_owned(), local);
    }

    /// Counts the assignments of every variable.
    fn find_assignments(&mut self, stmts: &[Stmt]) {
        for stmt in stmts {
            match stmt {
                Stmt::Assign { name, .. } => {
                    *self.assignments.entry(name.text.clone()).or_insert(0) += 1;
                    self.locals.assigned.entry(name.text.clone()).or_insert(name.span);
                }
                Stmt::Append { name, .. } => {
                    // Each `+=` makes a new value of a set that had one before.
                    *self.assignments.entry(name.text.clone()).or_insert(1) += 1;
                    self.locals.assigned.entry(name.text.clone()).or_insert(name.span);
                }
                Stmt::Repeat { body, .. } => self.find_assignments(&body.stmts),
                Stmt::Climb { .. } | Stmt::Call { .. } => {}
            }
        }
    }
}

/// A parameter's value in the plan.
fn constant(value: &Constant) -> Json {
    match value {
        // Exact: whole numbers are kept below 2^53.
        #[allow(clippy::cast_possible_truncation)]
        Constant::Number(number) if number.whole => json!(number.value as i64),
        Constant::Number(number) => json!(number.value),
        Constant::Bool(value) => json!(value),
        Constant::Text(text) => json!(text),
    }
}
