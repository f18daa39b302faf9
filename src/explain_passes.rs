//! `pbpoc plan FILE --explain passes` and `--optimized`: the changes that passes make to a plan, and the result.

use pbpo_plan::Plan;
use pbpo_plan::passes::{self, Report};

use crate::cli::{Failure, OK, USAGE, eprint, print_either};
use crate::plan::{Emit, PlanArgs, one};

/// Prints either of them. Returns the exit code.
pub fn run(plans: &[&Plan], args: &PlanArgs) -> Result<u8, Failure> {
    let [plan] = plans else {
        eprint("error: the points of a sweep have a plan each\nhelp: add the name of one point, `SWEEP[...]`\n");
        return Err(Failure(USAGE));
    };
    let (made, reports) = passes::run((*plan).clone());
    let explains = args.explain.is_some();
    let text = if explains { explain(&reports) } else { one(&made, args.emit) };
    print_either(&text, !explains && args.emit == Emit::Json);
    Ok(OK)
}

/// Returns a paragraph for each pass.
fn explain(reports: &[Report]) -> String {
    let paragraph = |report: &Report| {
        let lines: String = report.lines.iter().map(|line| format!("  {line}\n")).collect();
        format!("pass {}\n{}", report.pass, if lines.is_empty() { "  nothing to do\n" } else { &lines })
    };
    reports.iter().map(paragraph).collect::<Vec<_>>().join("\n")
}
