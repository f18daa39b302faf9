//! `pbpoc plan FILE --explain passes`: what each pass did to the plan.

use pbpo_compiler::passes;
use pbpo_compiler::plan::Plan;

/// A paragraph for each pass.
pub fn text(plan: &Plan) -> String {
    let (_, reports) = passes::run(plan.clone());
    let paragraph = |report: &passes::Report| {
        let lines = if report.lines.is_empty() { vec!["nothing to do".to_owned()] } else { report.lines.clone() };
        let lines: Vec<String> = lines.into_iter().map(|line| format!("  {line}\n")).collect();
        format!("pass {}\n{}", report.pass, lines.concat())
    };
    reports.iter().map(paragraph).collect::<Vec<_>>().join("\n")
}

/// The plan that a run executes.
pub fn optimized(plan: &Plan) -> Plan {
    passes::run(plan.clone()).0
}
