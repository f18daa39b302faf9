//! The walk through a plan: the one order in which its stages run, with the places where loops pass their carried
//! values on and where values end.
//!
//! The runtime executes the steps, the estimate of memory follows them with sizes instead of models, and the estimate
//! of cost counts them. A [`Cursor`] is a place in the walk at any depth of loops, as a value that can be stored.
//!
//! Stages that read files or ask servers come first, so that a missing file is reported before any training. They have
//! no inputs and separate random streams, so the order changes nothing else.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::lifetime::{last_uses, results};
use super::ops::repeat;
use super::{Body, Plan, Stage, ValueName};

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Runs a stage.
    Run,
    /// Begins the first iteration of a loop.
    Begin,
    /// Begins a further iteration, whose first step is at this index.
    Again { first: usize },
    /// Leaves a loop.
    End,
    /// Passes a loop of no iterations.
    Skip,
}

/// A step of the walk. After it has done its work, it gives each value of `passes` its second name, and then drops the
/// values that `over` names.
#[derive(Clone, Debug)]
pub struct Step<'p> {
    pub kind: Kind,
    /// The stage to run, or the `repeat` that begins, goes on or ends.
    pub stage: &'p Stage,
    /// The values that a loop passes on, as (from, to).
    pub passes: Vec<(&'p ValueName, &'p ValueName)>,
    /// The values that nothing reads after this step.
    pub over: Vec<&'p ValueName>,
    /// The number of loops around the stage.
    pub depth: usize,
    /// The number of iterations of the loop; 0 for a stage.
    pub count: u64,
}

impl<'p> Step<'p> {
    /// The body of the loop.
    pub fn body(&self) -> Option<&'p Body> {
        self.stage.body.as_deref()
    }
}

/// A place in a walk: the next step, and the current iteration of each loop around it, outermost first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    pub at: usize,
    /// Counted from 0.
    pub iterations: Vec<u64>,
}

/// The steps of a plan.
pub struct Walk<'p> {
    steps: Vec<Step<'p>>,
}

impl<'p> Walk<'p> {
    /// Returns the walk of a plan.
    pub fn of(plan: &'p Plan) -> Self {
        Self::at_most(plan, u64::MAX)
    }

    /// Returns a walk that makes no more than `most` iterations of each loop, for estimates.
    pub fn at_most(plan: &'p Plan, most: u64) -> Self {
        let mut walk = Self { steps: Vec::new() };
        walk.body(&plan.body, &results(plan), 0, most);
        walk
    }

    fn body(&mut self, body: &'p Body, kept: &HashSet<&ValueName>, depth: usize, most: u64) {
        let all = || body.stages().zip(last_uses(body));
        let source = |stage: &Stage| stage.op.info().source;
        let (first, rest) = (all().filter(|(stage, _)| source(stage)), all().filter(|(stage, _)| !source(stage)));
        for (stage, ends) in first.chain(rest) {
            let over = ends.into_iter().filter(|end| !kept.contains(end)).collect();
            match &stage.body {
                Some(inner) => self.repeat(stage, inner, over, depth, most),
                None => {
                    self.steps.push(Step { kind: Kind::Run, stage, passes: Vec::new(), over, depth, count: 0 });
                }
            }
        }
    }

    /// Adds the steps of a loop, after which nothing reads the values `ends`.
    fn repeat(&mut self, stage: &'p Stage, body: &'p Body, ends: Vec<&'p ValueName>, depth: usize, most: u64) {
        let (captured, count) = (body.captured(), repeat::count(stage).min(most));
        let step = |kind, passes, over| Step { kind, stage, passes, over, depth, count };
        if count == 0 {
            let passes = body.carries.iter().map(|carry| (&carry.from, &carry.out)).collect();
            self.steps.push(step(Kind::Skip, passes, ends));
            return;
        }
        let inner = |value: &&'p ValueName| !captured.contains(value);
        let passes = |from: fn(&super::Carry) -> &ValueName| {
            let changed = body.carries.iter().map(move |carry| (from(carry), &carry.enter));
            changed.filter(|(from, enter)| from != enter).collect::<Vec<_>>()
        };
        // A carried value exists once, so that a step can change it in place.
        self.steps.push(step(Kind::Begin, passes(|carry| &carry.from), ends.iter().copied().filter(inner).collect()));
        let first = self.steps.len();
        self.body(body, &HashSet::new(), depth + 1, most);
        let moved = body.moved().map(|carry| &carry.back).filter(inner).collect();
        self.steps.push(step(Kind::Again { first }, passes(|carry| &carry.back), moved));
        let out = body.carries.iter().map(|carry| (&carry.back, &carry.out)).collect();
        let names = body.carries.iter().flat_map(|carry| [&carry.enter, &carry.back]);
        let over = names.filter(inner).chain(ends).collect();
        self.steps.push(step(Kind::End, out, over));
    }

    /// Returns the next step; `None` at the end of the plan.
    pub fn at(&self, cursor: &Cursor) -> Option<&Step<'p>> {
        self.steps.get(cursor.at)
    }

    /// Tells whether a cursor is a place of this walk.
    pub fn has(&self, cursor: &Cursor) -> bool {
        let depth = |step: &Step<'_>| step.depth + usize::from(matches!(step.kind, Kind::Again { .. } | Kind::End));
        let wanted = self.at(cursor).map_or(0, depth);
        cursor.at <= self.steps.len() && cursor.iterations.len() == wanted
    }

    /// Moves a cursor past its step.
    pub fn advance(&self, cursor: &mut Cursor) {
        match self.at(cursor).map(|step| step.kind) {
            Some(Kind::Run | Kind::Skip) => cursor.at += 1,
            Some(Kind::Begin) => {
                cursor.iterations.push(0);
                cursor.at += 1;
            }
            Some(Kind::Again { first }) => {
                cursor.iterations.iter_mut().last().into_iter().for_each(|iteration| *iteration += 1);
                cursor.at = first;
            }
            Some(Kind::End) => {
                cursor.iterations.pop();
                cursor.at += 1;
            }
            None => {}
        }
        // After the last iteration a loop does not go on.
        let last = |step: &Step<'_>| cursor.iterations.last().is_some_and(|iteration| iteration + 1 >= step.count);
        if self.at(cursor).is_some_and(|step| matches!(step.kind, Kind::Again { .. }) && last(step)) {
            cursor.at += 1;
        }
    }

    /// Moves a cursor past its whole stage, loops included. Returns the step that ends it.
    pub fn skip(&self, cursor: &mut Cursor) -> Option<&Step<'p>> {
        let stage = &self.at(cursor)?.stage.name;
        let end =
            self.steps.iter().skip(cursor.at).position(|step| {
                step.stage.name == *stage && matches!(step.kind, Kind::Run | Kind::End | Kind::Skip)
            })?;
        cursor.at += end + 1;
        self.steps.get(cursor.at - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Carry, Op, PLAN_VERSION};

    fn name(text: &str) -> ValueName {
        text.parse().unwrap()
    }

    fn stage(op: Op, output: &str, input: Option<&str>) -> Stage {
        Stage::new(op, &[&name(output)]).with("player", input.map(name))
    }

    /// `pi@0`, moved twice in each iteration of a loop in a loop.
    fn nested(outer: u64, inner: u64) -> Plan {
        let carry = |from: &str, enter: &str, back: &str, out: &str| Carry {
            from: name(from),
            enter: name(enter),
            back: name(back),
            out: name(out),
        };
        let repeat = |count: u64, body: Body, out: &str, input: &str| Stage {
            body: Some(Box::new(body)),
            ..stage(Op::Repeat, out, Some(input)).with_settings(&repeat::Settings { count, unit: String::new() })
        };
        let moved =
            Body::new(vec![stage(Op::Ascend, "pi@3", Some("pi@2"))], vec![carry("pi@1", "pi@2", "pi@3", "pi@4")]);
        let body = Body::new(vec![repeat(inner, moved, "pi@4", "pi@1")], vec![carry("pi@0", "pi@1", "pi@4", "pi@5")]);
        let stages =
            vec![stage(Op::Policy, "pi@0", None), repeat(outer, body, "pi@5", "pi@0"), stage(Op::Data, "d", None)];
        let (pipeline, point) = ("main".to_owned(), "main".to_owned());
        let params = std::collections::BTreeMap::new();
        Plan { version: PLAN_VERSION, pipeline, point, seed: 0, params, body: Body::new(stages, Vec::new()) }
    }

    /// Returns the steps in the order in which they are made, as `kind stage`.
    fn made(plan: &Plan, most: u64) -> Vec<String> {
        let (walk, mut cursor, mut made) = (Walk::at_most(plan, most), Cursor::default(), Vec::new());
        while let Some(step) = walk.at(&cursor) {
            assert!(walk.has(&cursor), "{cursor:?}");
            let kind = format!("{:?}", step.kind);
            let passes: Vec<String> = step.passes.iter().map(|(from, to)| format!("{from}>{to}")).collect();
            let over: Vec<String> = step.over.iter().map(ToString::to_string).collect();
            let kind = kind.split_whitespace().next().unwrap_or_default();
            made.push(format!("{kind} {} [{}] -[{}]", step.stage.name, passes.join(" "), over.join(" ")));
            walk.advance(&mut cursor);
        }
        assert!(cursor.iterations.is_empty() && walk.has(&cursor));
        made
    }

    /// Sources come first; a loop makes its iterations, passes its values on, and drops those that ended.
    #[test]
    fn loops_pass_their_values_on() {
        let made = made(&nested(2, 2), u64::MAX);
        let wanted = [
            "Run d [] -[]",
            "Run pi@0 [] -[]",
            "Begin pi@5 [pi@0>pi@1] -[pi@0]",
            "Begin pi@4 [pi@1>pi@2] -[pi@1]",
            "Run pi@3 [] -[pi@2]",
            "Again pi@4 [pi@3>pi@2] -[pi@3]",
            "Run pi@3 [] -[pi@2]",
            "End pi@4 [pi@3>pi@4] -[pi@2 pi@3 pi@1]",
            "Again pi@5 [pi@4>pi@1] -[pi@4]",
            "Begin pi@4 [pi@1>pi@2] -[pi@1]",
            "Run pi@3 [] -[pi@2]",
            "Again pi@4 [pi@3>pi@2] -[pi@3]",
            "Run pi@3 [] -[pi@2]",
            "End pi@4 [pi@3>pi@4] -[pi@2 pi@3 pi@1]",
            "End pi@5 [pi@4>pi@5] -[pi@1 pi@4 pi@0]",
        ];
        assert_eq!(made, wanted);
    }

    #[test]
    fn a_loop_of_no_iterations_is_passed_by() {
        let made = made(&nested(0, 2), u64::MAX);
        assert_eq!(made[2..], ["Skip pi@5 [pi@0>pi@5] -[pi@0]"]);
        assert_eq!(self::made(&nested(9, 9), 1).len(), 7, "{:?}", self::made(&nested(9, 9), 1));
    }

    /// A cursor goes past a whole loop at once, from its first step.
    #[test]
    fn a_loop_is_skipped_whole() {
        let plan = nested(2, 2);
        let (walk, mut cursor) = (Walk::of(&plan), Cursor { at: 2, iterations: Vec::new() });
        assert_eq!(walk.skip(&mut cursor).map(|step| step.kind), Some(Kind::End));
        assert!(walk.at(&cursor).is_none() && walk.has(&cursor));
        assert!(!walk.has(&Cursor { at: 4, iterations: vec![0] }) && !walk.has(&Cursor { at: 99, iterations: vec![] }));
    }
}
