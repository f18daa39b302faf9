//! Differences between two plans, with their reasons.
//!
//! Stages are matched first by identity, then by operation and name without its number, in order, and then loops by
//! their order alone: a loop's name is that of the first value it carries, which may differ. Two matching stages differ
//! in themselves (a setting, the objective, the seed) or in an input.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde::Serialize;
use serde_json::Value as Json;

use super::identity::{Identity, identities};
use super::{Body, Expr, Op, Plan, Stage, ValueName};

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    pub kind: Kind,
    /// The stage's name, in the new plan if it exists there.
    pub stage: String,
    pub op: Op,
    /// Why: the stage's own changes first, else the inputs that changed.
    pub reasons: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Added,
    Removed,
    Changed,
}

/// All differences, in the order of the new plan; removed stages come last.
#[derive(Clone, Debug, Serialize)]
pub struct Diff {
    pub equal: usize,
    pub changes: Vec<Change>,
}

/// Operation, name without its number, and how many such came before.
type Key = (Op, String, usize);

/// A stage with its identity.
struct Known<'p> {
    stage: &'p Stage,
    identity: Identity,
    key: Key,
    /// The number of surrounding loops.
    depth: usize,
}

impl Diff {
    pub fn of(old: &Plan, new: &Plan) -> Diff {
        let (old_stages, new_stages) = (known(old), known(new));
        let same: BTreeSet<Identity> = new_stages.iter().map(|known| known.identity).collect();
        let before: BTreeSet<Identity> = old_stages.iter().map(|known| known.identity).collect();
        let mut rest: BTreeMap<&Key, &Known<'_>> = old_stages
            .iter()
            .filter(|known| !same.contains(&known.identity))
            .map(|known| (&known.key, known))
            .collect();
        let pairs = pairs(&old_stages, new_stages.iter().filter(|known| !before.contains(&known.identity)), &mut rest);
        // Maps names of values in the old plan to those in the new one, for stages that match.
        let mut renamed: BTreeMap<&ValueName, &ValueName> = BTreeMap::new();
        for known in &new_stages {
            let other = old_stages
                .iter()
                .find(|other| other.identity == known.identity)
                .or_else(|| pairs.get(&known.key).copied());
            for (from, to) in other.iter().flat_map(|other| other.stage.outputs.iter().zip(&known.stage.outputs)) {
                renamed.insert(from, to);
            }
        }
        let mut changed: BTreeSet<&ValueName> = new_stages
            .iter()
            .filter(|known| !before.contains(&known.identity))
            .flat_map(|known| &known.stage.outputs)
            .collect();
        // A carried value corresponds if it enters or comes back as a corresponding value.
        for carry in new_stages.iter().filter_map(|known| known.stage.body.as_deref()).flat_map(|body| &body.carries) {
            if changed.contains(&carry.from) || changed.contains(&carry.back) {
                changed.insert(&carry.enter);
            }
        }
        let (mut equal, mut changes) = (0, Vec::new());
        for known in &new_stages {
            if before.contains(&known.identity) {
                equal += 1;
                continue;
            }
            let (kind, reasons) = match pairs.get(&known.key) {
                Some(other) => {
                    let seeds = (old.seed, new.seed);
                    (Kind::Changed, reasons(other.stage, known.stage, &renamed, &changed, seeds))
                }
                None => (Kind::Added, Vec::new()),
            };
            changes.push(change(kind, known.stage, reasons));
        }
        changes.extend(
            old_stages
                .iter()
                .filter(|known| rest.contains_key(&known.key))
                .map(|known| change(Kind::Removed, known.stage, Vec::new())),
        );
        Diff { equal, changes }
    }

    /// Lines for people: `~ pi@0 = policy: optimizer.lr 0.0002 -> 0.0001`.
    pub fn text(&self) -> String {
        let count = |kind| self.changes.iter().filter(|change| change.kind == kind).count();
        let mut out = format!(
            "{} equal, {} changed, {} added, {} removed\n",
            self.equal,
            count(Kind::Changed),
            count(Kind::Added),
            count(Kind::Removed)
        );
        for change in &self.changes {
            let mark = match change.kind {
                Kind::Added => '+',
                Kind::Removed => '-',
                Kind::Changed => '~',
            };
            let _ = writeln!(out, "{mark} {} = {}", change.stage, change.op);
            for reason in &change.reasons {
                let _ = writeln!(out, "    {reason}");
            }
        }
        out
    }
}

/// Returns the old counterpart of each new stage, by its key; the remaining old stages were removed.
fn pairs<'n, 'o: 'n>(
    old: &'o [Known<'o>],
    new: impl Iterator<Item = &'n Known<'n>> + Clone,
    rest: &mut BTreeMap<&'o Key, &'o Known<'o>>,
) -> BTreeMap<&'n Key, &'o Known<'o>> {
    let mut pairs = BTreeMap::new();
    for known in new.clone() {
        pairs.extend(rest.remove(&known.key).map(|other| (&known.key, other)));
    }
    for known in new.filter(|known| known.stage.op == Op::Repeat) {
        let is = |other: &&Known<'_>| {
            other.stage.op == Op::Repeat && other.depth == known.depth && rest.contains_key(&other.key)
        };
        if let (false, Some(other)) = (pairs.contains_key(&known.key), old.iter().find(is)) {
            rest.remove(&other.key);
            pairs.insert(&known.key, other);
        }
    }
    pairs
}

fn change(kind: Kind, stage: &Stage, reasons: Vec<String>) -> Change {
    Change { kind, stage: stage.name.clone(), op: stage.op, reasons }
}

fn known(plan: &Plan) -> Vec<Known<'_>> {
    let identities = identities(plan);
    let mut found = Vec::new();
    let mut counts: BTreeMap<(Op, String), usize> = BTreeMap::new();
    collect(&plan.body, 0, &mut |stage, depth| {
        let base = stage.base().to_owned();
        let count = counts.entry((stage.op, base.clone())).or_insert(0);
        let Some(identity) = identities.get(&stage.name).copied() else { return };
        found.push(Known { stage, identity, key: (stage.op, base, *count), depth });
        *count += 1;
    });
    found
}

fn collect<'p>(body: &'p Body, depth: usize, visit: &mut impl FnMut(&'p Stage, usize)) {
    for stage in body.stages() {
        visit(stage, depth);
        if let Some(inner) = &stage.body {
            collect(inner, depth + 1, visit);
        }
    }
}

/// Returns the reasons why a stage changed.
fn reasons(
    old: &Stage,
    new: &Stage,
    renamed: &BTreeMap<&ValueName, &ValueName>,
    changed: &BTreeSet<&ValueName>,
    seeds: (u64, u64),
) -> Vec<String> {
    let mut own = Vec::new();
    settings("", &as_json(old), &as_json(new), &mut own);
    // A unit of a count does not matter if another count changed.
    if own.iter().any(|reason| reason.starts_with("count ")) {
        own.retain(|reason| !reason.starts_with("unit "));
    }
    let now = |value: &ValueName| renamed.get(value).copied().unwrap_or(value).clone();
    let text = |objective: Option<Expr>| objective.map(|objective| objective.to_string()).unwrap_or_default();
    let before = text(old.objective.clone().map(|objective| objective.renamed(&now)));
    let after = text(new.objective.clone());
    if before != after {
        own.push(format!("objective {before}\n           -> {after}"));
    }
    if seeds.0 != seeds.1 && new.op.info().random {
        own.push(format!("seed {} -> {}", seeds.0, seeds.1));
    }
    let mut by_input = Vec::new();
    for (port, value) in &new.inputs {
        let was = old.input(port).map(now);
        match was {
            None => own.push(format!("input {port}: {value}, new")),
            Some(was) if was != *value => by_input.push(format!("because {port} is {value}, was {was}")),
            Some(_) if changed.contains(value) => by_input.push(format!("because of {value}")),
            Some(_) => {}
        }
    }
    own.extend(
        old.inputs
            .iter()
            .filter(|(port, _)| new.input(port).is_none())
            .map(|(port, value)| format!("input {port}: {value}, gone")),
    );
    if new.body.is_some() {
        // Stages in the loop report their own changes.
        by_input.retain(|reason| reason.contains(", was "));
        if own.is_empty() && by_input.is_empty() {
            own.push("because of what is inside".into());
        }
    }
    if own.is_empty() { by_input } else { own }
}

fn as_json(stage: &Stage) -> Json {
    Json::Object(stage.config.clone().into_iter().collect())
}

/// Collects settings that differ, with their paths.
fn settings(path: &str, old: &Json, new: &Json, out: &mut Vec<String>) {
    match (old, new) {
        (Json::Object(a), Json::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                settings(&inner, a.get(key).unwrap_or(&Json::Null), b.get(key).unwrap_or(&Json::Null), out);
            }
        }
        (a, b) if a == b => {}
        (a, b) => out.push(format!("{path} {} -> {}", word(a), word(b))),
    }
}

fn word(value: &Json) -> String {
    match value {
        Json::Null => "nothing".into(),
        Json::String(text) if text.is_empty() => "nothing".into(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}
