//! A summary of a sweep's points: the number of stages, and the number of different ones. Stages outside of loops
//! count; a loop counts as one.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use super::identity::{Identity, identities};
use super::{Plan, Stage};
use crate::parallel;

/// The shared stages of the points of a sweep.
#[derive(Clone, Debug)]
pub struct Shape {
    pub name: String,
    /// The number of stages in all points together.
    pub stages: usize,
    /// The number of different stages.
    pub unique: usize,
    /// For each point its name, its number of stages, and the number of those that are new in it.
    pub points: Vec<(String, usize, usize)>,
    /// For each operation, its stages and the different ones among them.
    pub ops: BTreeMap<&'static str, (usize, usize)>,
}

impl Shape {
    pub fn of(name: &str, plans: &[&Plan]) -> Shape {
        let outermost = parallel::map(plans, |_, plan| -> Vec<(Identity, &Stage)> {
            let all = identities(plan);
            let stages = plan.body.stages();
            stages.filter_map(|stage| Some((*all.get(&stage.name)?, stage))).collect()
        });
        let mut shape = Shape { name: name.to_owned(), stages: 0, unique: 0, points: Vec::new(), ops: BTreeMap::new() };
        let mut seen: HashMap<Identity, ()> = HashMap::new();
        for (plan, stages) in plans.iter().zip(&outermost) {
            let mut new = 0;
            for (identity, stage) in stages {
                let first = seen.insert(*identity, ()).is_none() || stage.saves();
                let count = shape.ops.entry(stage.op.word()).or_insert((0, 0));
                count.0 += 1;
                count.1 += usize::from(first);
                new += usize::from(first);
            }
            shape.stages += stages.len();
            shape.unique += new;
            shape.points.push((plan.point.clone(), stages.len(), new));
        }
        shape
    }

    /// Returns the stable text form.
    pub fn text(&self) -> String {
        let (stages, points, unique) = (self.stages, self.points.len(), self.unique);
        let mut out = format!("pbpo-sweep 1\nsweep  {}\n", self.name);
        let _ = writeln!(out, "{stages} stages in {points} points, {unique} unique\n");
        let width = self.ops.keys().map(|op| op.len()).max().unwrap_or(0).max(12);
        let _ = writeln!(out, "{:<width$} {:>7} {:>7}", "op", "stages", "unique");
        for (op, (all, different)) in &self.ops {
            let _ = writeln!(out, "{op:<width$} {all:>7} {different:>7}");
        }
        let width = self.points.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0).max(5);
        let _ = writeln!(out, "\n{:<width$} {:>7} {:>7}", "point", "stages", "new");
        for (name, all, new) in &self.points {
            let _ = writeln!(out, "{name:<width$} {all:>7} {new:>7}");
        }
        out
    }
}
