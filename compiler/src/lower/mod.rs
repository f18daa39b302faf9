//! Pipelines to plans: statements become stages, players become values in SSA form.
//!
//! `names.rs`, `prelude.rs`: the used blocks and their stages; `ops.rs`: operations on the right of `=`; `pairs.rs`:
//! the two sides of a label; `repeat.rs`: loops and their carried values; `objective/`: objectives of `ascend` and
//! `descend`; `exact.rs`, `worlds.rs`: the exact track; `linear.rs`: reward models on frozen features.

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
use pbpo_plan::{Body, PLAN_VERSION, Plan, Stage, ValueName};
use serde_json::{Value as Json, json};

use crate::check::{Check, Program};
use crate::diagnostic::Diagnostic;
use crate::hir::{Args, Constant};
use crate::scope::{Local, Locals, Rollouts};

/// Lowers one pipeline. The plan is valid only if there was no error.
pub fn pipeline(
    program: &Program,
    block: &Pipeline,
    point: &str,
    out: &mut Vec<Diagnostic>,
) -> Option<(Plan, BTreeMap<String, Span>)> {
    let before = out.len();
    let (body, calls) = calls::body(program, block, out)?;
    let lowered = lower_body(program, &body, &block.name, point, out);
    calls::in_calls(out, before, &calls, true);
    Some(lowered)
}

/// Checks the body of a pipeline whose parameters are replaced by blocks of their kinds.
pub fn check_body(program: &Program, body: &Braces, out: &mut Vec<Diagnostic>) {
    lower_body(program, body, &Ident { text: String::new(), span: body.span }, "", out);
}

/// Checks the call of a pipeline that is written as a call.
pub fn check_call(program: &Program, pipeline: &Pipeline, out: &mut Vec<Diagnostic>) {
    calls::body(program, pipeline, out);
}

/// Checks an objective with stand-ins for its parameters. Returns true if it expands to more than `MANY_TERMS` terms
/// and calls an objective that has errors.
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
    // Words have the meaning that they have in the pipeline's own file.
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
    /// The current value of each player, follower and exploration.
    players: BTreeMap<String, ValueName>,
    /// The variables.
    locals: Locals,
    /// The known facts about each rollouts value, and the place where it was assigned.
    sampled: BTreeMap<ValueName, (Rollouts, Span)>,
    /// The number of values made so far for each numbered name.
    counters: BTreeMap<String, u32>,
    /// The number of assignments of each variable.
    assignments: BTreeMap<String, usize>,
    /// The blocks that have their stage.
    made: BTreeSet<String>,
    /// The stages of the current body.
    stages: Vec<Stage>,
    spans: BTreeMap<String, Span>,
    /// The number of surrounding repeats.
    depth: usize,
    /// The number of surrounding calls of objectives.
    calls: usize,
    terms: Terms,
}

/// An objective with errors that expands to more terms than this is not expanded again at its calls.
const MANY_TERMS: usize = 1000;

/// The size of the calls of objectives so far.
#[derive(Default)]
struct Terms {
    count: usize,
    /// True if some of them had errors, so that their number is not reported.
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
    /// Returns the next value of a name: `pi@0`, `pi@1`, ...
    fn fresh(&mut self, name: &str) -> ValueName {
        let counter = match self.counters.get_mut(name) {
            Some(counter) => counter,
            None => self.counters.entry(name.to_owned()).or_insert(0),
        };
        let value = ValueName::numbered(name, *counter);
        *counter += 1;
        value
    }

    /// Returns the value of a variable: numbered, if it is assigned more than once.
    fn fresh_local(&mut self, name: &str) -> ValueName {
        // A variable from another file's pipeline may have the name of a block of this file.
        let taken = self.program.scope.blocks.contains_key(name) || self.program.scope.params.contains_key(name);
        if taken || self.assignments.get(name).is_some_and(|times| *times > 1) {
            self.fresh(name)
        } else {
            ValueName::of(name)
        }
    }

    /// Adds a stage, and remembers its place in the file.
    fn push(&mut self, stage: Stage, span: Span) {
        self.spans.insert(stage.name.clone(), span);
        self.stages.push(stage);
    }

    /// Returns the checks, with the current variables.
    fn check(&mut self) -> Check<'_> {
        Check { scope: &self.program.scope, locals: Some(&self.locals), out: self.out }
    }

    /// Returns the fields of a block; empty if it is missing or wrong.
    fn block(&self, name: &str) -> &Args {
        static NONE: std::sync::LazyLock<Args> = std::sync::LazyLock::new(Args::default);
        self.program.blocks.get(name).map_or(&NONE, |block| &block.args)
    }

    /// Returns the policy itself, or the one that it follows.
    fn leader(&self, policy: &str) -> String {
        self.block(policy).name("follows").unwrap_or(policy).to_owned()
    }

    /// Returns the current value of a player, or its name if an error prevented the value.
    fn player(&self, name: &str) -> ValueName {
        self.players.get(name).cloned().unwrap_or_else(|| ValueName::of(name))
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
                    // Each `+=` makes a new value of a set that already has one.
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
        // The conversion is exact: whole numbers are kept below 2^53.
        #[allow(clippy::cast_possible_truncation)]
        Constant::Number(number) if number.whole => json!(number.value as i64),
        Constant::Number(number) => json!(number.value),
        Constant::Bool(value) => json!(value),
        Constant::Text(text) => json!(text),
    }
}
