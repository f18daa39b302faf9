//! Lints over sweeps.

use pbpo_grammar::ast::{AxisValues, Expr, ExprKind, Item, Sweep, SweepAxis, SweepEntry};

use crate::check::path_text;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::modules::Project;
use crate::points::Target;

/// Checks every sweep of the main file.
pub fn check(project: &Project, out: &mut Vec<Diagnostic>) {
    for entry in project.entries.iter().filter(|entry| entry.file == project.main) {
        if let Item::Sweep(sweep) = &*entry.item {
            one_seed(project, sweep, out);
            axes(sweep).for_each(|axis| linear_rate(axis, out));
        }
    }
}

fn axes(sweep: &Sweep) -> impl Iterator<Item = &SweepAxis> {
    sweep.entries.iter().flat_map(|entry| match entry {
        SweepEntry::Axis(axis) => std::slice::from_ref(axis),
        SweepEntry::Zip(axes, _) => axes.as_slice(),
        SweepEntry::Where(..) | SweepEntry::Set(_) => &[],
    })
}

/// Reports a sweep that compares, with one seed for each side.
fn one_seed(project: &Project, sweep: &Sweep, out: &mut Vec<Diagnostic>) {
    let several = |values: &AxisValues| match values {
        AxisValues::Range(range) => format!("{:?}", range.low.kind) != format!("{:?}", range.high.kind),
        AxisValues::List(Expr { kind: ExprKind::List(items), .. }) => items.len() > 1,
        AxisValues::List(_) => true,
    };
    let seed = |axis: &SweepAxis| {
        let target = Target::of(&project.views, &axis.path);
        target.is_some_and(|target| target.is_seed(project))
    };
    let seeds = axes(sweep).any(|axis| seed(axis) && several(&axis.values));
    let compares = sweep.over.len() > 1
        || axes(sweep).any(|axis| !seed(axis) && several(&axis.values))
        || sweep.entries.iter().any(|entry| matches!(entry, SweepEntry::Set(set) if path_text(&set.path) == "ablate"));
    if compares && !seeds {
        out.push(
            Diagnostic::warning(Code::OneSeed, sweep.name.span, format!("sweep `{}` has one seed", sweep.name.text))
                .label("differences may be chance")
                .help("add `seed in 0..4`, or say `allow one_seed`"),
        );
    }
}

/// Reports learning rates in equal steps over more than a factor of ten.
fn linear_rate(axis: &SweepAxis, out: &mut Vec<Diagnostic>) {
    let rate = axis.path.last().is_some_and(|last| last.text == "lr" || last.text.ends_with("_lr"));
    let AxisValues::List(values) = &axis.values else { return };
    let Some(numbers) = rate.then(|| spaced(values)).flatten() else { return };
    let (Some(low), Some(high)) = (numbers.first(), numbers.last()) else { return };
    let (low, high) = (low.min(*high), low.max(*high));
    if low > 0.0 && high / low >= 10.0 {
        out.push(
            Diagnostic::warning(Code::LinearRate, values.span, "learning rates in equal steps")
                .label(format!("a factor of {:.0} from end to end", high / low))
                .help(format!("write `log({low:e}, {high:e}, count = {})`", numbers.len())),
        );
    }
}

/// Returns the numbers of an axis, if they are in equal steps.
fn spaced(values: &Expr) -> Option<Vec<f64>> {
    match &values.kind {
        ExprKind::Call { callee, args } if path_text(callee) == "linear" => {
            let ends: Vec<f64> =
                args.iter().filter(|arg| arg.name.is_none()).filter_map(|arg| number(&arg.value)).collect();
            let count = args.iter().find(|arg| arg.name.is_some()).and_then(|arg| number(&arg.value))?;
            let [low, high] = ends.as_slice() else { return None };
            let step = |at: f64| low + (high - low) * at / (count - 1.0);
            Some(
                std::iter::successors(Some(0.0), |at| (at + 1.0 < count.min(1e4)).then_some(at + 1.0))
                    .map(step)
                    .collect(),
            )
        }
        ExprKind::List(items) if items.len() > 2 => {
            let numbers: Vec<f64> = items.iter().map(number).collect::<Option<_>>()?;
            let steps: Vec<f64> = numbers.windows(2).filter_map(|pair| Some(pair.last()? - pair.first()?)).collect();
            let first = *steps.first()?;
            steps.iter().all(|step| (step - first).abs() < 1e-6 * first.abs()).then_some(numbers)
        }
        _ => None,
    }
}

fn number(expr: &Expr) -> Option<f64> {
    match &expr.kind {
        ExprKind::Number(number) => Some(number.value),
        _ => None,
    }
}
