//! Finds parameters that are mentioned but change no stage: gives each another value, and compares the identities of
//! all stages.

use std::collections::BTreeSet;

use pbpo_grammar::Span;
use pbpo_grammar::ast::{Expr, ExprKind, Ident, Item, Number, Param};
use pbpo_plan::Plan;
use pbpo_plan::identity::{Identity, identities};

use super::mentioned;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::modules::Project;
use crate::points::Override;
use crate::scope::Scope;

/// The largest number of parameters that are tried.
const MOST_PARAMS: usize = 32;
/// The largest number of stages of all plans together.
pub const MOST_STAGES: usize = 1000;

/// Reports every parameter on which `plans` does not depend; `plans` returns all plans of the file with one more
/// override, or `None` if they do not compile.
pub fn check(
    project: &Project,
    scope: &Scope,
    plans: impl Fn(Option<&Override>) -> Option<Vec<Plan>>,
    out: &mut Vec<Diagnostic>,
) {
    let Some(before) = plans(None).map(|plans| all(&plans)) else { return };
    if before.is_empty() {
        return;
    }
    let swept = mentioned::by_sweeps(project);
    let params =
        project.entries.iter().filter(|entry| entry.file == project.main).filter_map(|entry| match &*entry.item {
            // Parameters that are never mentioned have another lint; those mentioned by sweeps decide which points
            // exist.
            Item::Param(param)
                if param.name.text != "seed"
                    && scope.used.contains(&param.name.text)
                    && !swept.contains(&entry.global) =>
            {
                Some(param)
            }
            _ => None,
        });
    for param in params.take(MOST_PARAMS) {
        let Some(other) = another(param) else { continue };
        let set = Override::new(std::slice::from_ref(&param.name), &other);
        if plans(Some(&set)).is_some_and(|plans| all(&plans) == before) {
            out.push(idle(&param.name));
        }
    }
}

fn idle(name: &Ident) -> Diagnostic {
    Diagnostic::warning(Code::IdleParam, name.span, format!("param `{}` changes no stage", name.text))
        .label("mentioned, without any effect")
        .help("remove it, or use it in what is run")
}

fn all(plans: &[Plan]) -> BTreeSet<Identity> {
    plans.iter().flat_map(|plan| identities(plan).into_values()).collect()
}

/// Returns another possible value of the parameter.
fn another(param: &Param) -> Option<Expr> {
    let at = param.value.span;
    let value = match &param.value.kind {
        ExprKind::Bool(value) => return Some(Expr { kind: ExprKind::Bool(!value), span: at }),
        ExprKind::Number(number) => number,
        _ => return None,
    };
    let ends = param.range.as_ref().and_then(|range| Some((number(&range.low)?, number(&range.high)?)));
    let inside = |other: f64| ends.is_none_or(|(low, high)| (low..=high).contains(&other)) && other != value.value;
    let middle = ends.map_or(value.value * 2.0, |(low, high)| low + (high - low) * 0.37);
    let mut tries = [value.value + 1.0, value.value - 1.0, middle].into_iter();
    let other = tries.find(|other| inside(*other))?;
    let other = if value.whole { other.round() } else { other };
    Some(literal(other, value, at))
}

fn number(expr: &Expr) -> Option<f64> {
    match &expr.kind {
        ExprKind::Number(number) => Some(number.value),
        _ => None,
    }
}

fn literal(value: f64, like: &Number, span: Span) -> Expr {
    Expr { kind: ExprKind::Number(Number { value, whole: like.whole, unit: like.unit.clone() }), span }
}
