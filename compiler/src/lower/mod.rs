//! Pipelines to plans: statements become stages, players become values in SSA form.
//!
//! `prelude.rs`: the stages of blocks; `ops.rs`: what stands on the right of `=`; `repeat.rs`: loops
//! and what they carry; `objective/`: what `ascend` and `descend` move along.

mod objective;
mod ops;
mod prelude;
mod repeat;
mod stmt;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Block, Expr, ExprKind, Stmt};
use serde_json::{Value as Json, json};

use crate::check::{Check, Program};
use crate::diagnostic::Diagnostic;
use crate::hir::{Args, Constant};
use crate::plan::{Body, PLAN_VERSION, Plan, Stage};
use crate::scope::{Local, Locals, Rollouts};

/// Lowers one pipeline. The plan means something only if there was no error.
pub fn pipeline(
    program: &Program<'_>,
    block: &Block,
    overrides: &[String],
    out: &mut Vec<Diagnostic>,
) -> (Plan, BTreeMap<String, Span>) {
    let mut lower = Lower {
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
    };
    lower.find_assignments(&block.body.stmts);
    let mut used = HashSet::new();
    names(&block.body.stmts, &mut used);
    lower.prelude(&used);
    for stmt in &block.body.stmts {
        lower.stmt(stmt);
    }
    let params: BTreeMap<String, Json> =
        program.scope.params.iter().filter_map(|(name, p)| Some((name.clone(), constant(p.value.as_ref()?)))).collect();
    let seed = params.get("seed").and_then(Json::as_u64).unwrap_or(0);
    let pipeline = block.name.text.clone();
    let point = if overrides.is_empty() {
        pipeline.clone()
    } else {
        let parts: Vec<String> = overrides.iter().map(|text| text.split_whitespace().collect()).collect();
        format!("{pipeline}[{}]", parts.join(","))
    };
    let body = Body::new(std::mem::take(&mut lower.stages), Vec::new());
    (Plan { version: PLAN_VERSION, pipeline, point, seed, params, body }, lower.spans)
}

/// The state of the lowering of one pipeline.
struct Lower<'a> {
    program: &'a Program<'a>,
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
}

impl Lower<'_> {
    /// The next value of a name: `pi@0`, `pi@1`, ...
    fn fresh(&mut self, name: &str) -> String {
        let counter = self.counters.entry(name.to_owned()).or_insert(0);
        let value = format!("{name}@{counter}");
        *counter += 1;
        value
    }

    /// The value of a variable: numbered, if it is assigned more than once.
    fn fresh_local(&mut self, name: &str) -> String {
        if self.assignments.get(name).is_some_and(|times| *times > 1) { self.fresh(name) } else { name.to_owned() }
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
                Stmt::Climb { .. } => {}
            }
        }
    }
}

/// A stage without inputs; its name is the first output's.
fn stage(op: &str, outputs: &[&str]) -> Stage {
    Stage {
        name: outputs.first().copied().unwrap_or_default().to_owned(),
        op: op.to_owned(),
        inputs: Vec::new(),
        outputs: outputs.iter().map(|output| (*output).to_owned()).collect(),
        config: BTreeMap::new(),
        objective: None,
        body: None,
    }
}

impl Stage {
    /// With an input.
    fn with(mut self, port: &str, value: impl Into<String>) -> Self {
        self.inputs.push((port.to_owned(), value.into()));
        self
    }

    /// With a setting.
    fn set(mut self, key: &str, value: impl Into<Json>) -> Self {
        self.config.insert(key.to_owned(), value.into());
        self
    }

    /// With a setting that may not be there.
    fn maybe(self, key: &str, value: Option<impl Into<Json>>) -> Self {
        match value {
            Some(value) => self.set(key, value),
            None => self,
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

/// Every name that statements mention.
fn names<'e>(stmts: &'e [Stmt], found: &mut HashSet<&'e str>) {
    for stmt in stmts {
        match stmt {
            Stmt::Assign { value, .. } | Stmt::Append { value, .. } => names_in(value, found),
            Stmt::Repeat { count, body, .. } => {
                names_in(count, found);
                names(&body.stmts, found);
            }
            Stmt::Climb { player, objective, within, .. } => {
                found.insert(&player.text);
                names_in(objective, found);
                within.iter().for_each(|within| names_in(within, found));
            }
        }
    }
}

fn names_in<'e>(expr: &'e Expr, found: &mut HashSet<&'e str>) {
    match &expr.kind {
        ExprKind::Path(path) => found.extend(path.first().map(|name| name.text.as_str())),
        ExprKind::Call { callee, args } => {
            found.extend(callee.first().map(|name| name.text.as_str()));
            args.iter().for_each(|arg| names_in(&arg.value, found));
        }
        ExprKind::Record { body, .. } => names(&body.stmts, found),
        ExprKind::List(items) => items.iter().for_each(|item| names_in(item, found)),
        ExprKind::Neg(arg) => names_in(arg, found),
        ExprKind::Binary { left, right, .. } => {
            names_in(left, found);
            names_in(right, found);
        }
        ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Bool(_) | ExprKind::Error => {}
    }
}
