//! Definitions that double with every call are refused quickly. There are no fixtures for them, because each of their
//! broken versions would take as long as a whole file.

use pbpo_compiler::{Input, check};

/// Returns the refusals of a chain in which `line(27)` calls `line(26)`, and so on.
fn refusals(first: &str, line: impl Fn(usize, usize) -> String) -> Vec<String> {
    let lines: Vec<String> = (1..28).map(|at| line(at, at - 1)).collect();
    let found = check(Input::text("page.pbpo", &format!("pbpo 1\n{first}\n{}\n", lines.join("\n"))), &[]);
    found.diagnostics.iter().map(|finding| format!("{} {}", finding.code.text(), finding.message)).collect()
}

#[test]
fn calls_that_double_are_refused_once() {
    let twice = refusals("objective f0(x: value) = x + x", |at, before| {
        format!("objective f{at}(x: value) = f{before}(x) + f{before}(x)")
    });
    assert_eq!(twice, ["PB0109 `f13` becomes more than 100000 terms"]);
}

#[test]
fn arguments_that_double_are_refused_once() {
    let args =
        refusals("objective f0(x: value) = x", |at, before| format!("objective f{at}(x: value) = f{before}(x + x)"));
    assert_eq!(args, ["PB0109 `f14` becomes more than 100000 terms"]);
    let pipelines =
        refusals("pipeline p0(n: int) {\n}", |at, before| format!("pipeline p{at}(n: int) = p{before}(n + n)"));
    assert_eq!(pipelines, ["PB0109 `p15` becomes more than 100000 terms"]);
}
