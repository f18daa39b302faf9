//! Names in the values and conditions of sweeps. They are used even if no block mentions them, because they decide
//! which points exist.

use std::collections::BTreeSet;

use pbpo_grammar::ast::{AxisValues, Expr, ExprKind, Item, Stmt, SweepAxis, SweepEntry};

use crate::modules::Project;

/// Returns the global names of all words in the values and conditions of sweeps.
pub(crate) fn by_sweeps(project: &Project) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in &project.entries {
        let Item::Sweep(sweep) = &*entry.item else { continue };
        for entry in &sweep.entries {
            match entry {
                SweepEntry::Axis(one) => axis(project, one, &mut found),
                SweepEntry::Zip(axes, _) => axes.iter().for_each(|one| axis(project, one, &mut found)),
                SweepEntry::Where(condition, _) => expr(project, condition, &mut found),
                SweepEntry::Set(set) => expr(project, &set.value, &mut found),
            }
        }
    }
    found
}

fn axis(project: &Project, axis: &SweepAxis, found: &mut BTreeSet<String>) {
    match &axis.values {
        AxisValues::Range(range) => {
            expr(project, &range.low, found);
            expr(project, &range.high, found);
        }
        AxisValues::List(values) => expr(project, values, found),
    }
}

fn expr(project: &Project, value: &Expr, found: &mut BTreeSet<String>) {
    match &value.kind {
        ExprKind::Path(path) => {
            found.extend(path.first().and_then(|word| project.views.global(word)).map(str::to_owned));
        }
        ExprKind::Call { args, .. } => args.iter().for_each(|arg| expr(project, &arg.value, found)),
        ExprKind::Record { body, .. } => body.stmts.iter().for_each(|stmt| {
            if let Stmt::Assign { value, .. } = stmt {
                expr(project, value, found);
            }
        }),
        ExprKind::List(items) => items.iter().for_each(|item| expr(project, item, found)),
        ExprKind::Neg(arg) | ExprKind::Not(arg) => expr(project, arg, found),
        ExprKind::Binary { left, right, .. } => {
            expr(project, left, found);
            expr(project, right, found);
        }
        ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Bool(_) | ExprKind::Error => {}
    }
}
