//! Texts that nest very deeply, also with brackets that look like a part of a comment or a text.

use pbpo_grammar::ast::{Fault, FaultKind};
use pbpo_grammar::{FileId, parse};

fn faults(text: &str) -> Vec<Fault> {
    parse(FileId::default(), text).faults
}

fn too_deep(faults: &[Fault]) -> bool {
    faults.iter().any(|fault| matches!(fault.kind, FaultKind::TooDeep))
}

#[test]
fn brackets_without_end_are_too_deep() {
    let starts = ["a = ", "a = '#' + ", "x y \" ", "policy a { x = f(b c \" ", "policy a { x = '\"', y = "];
    for start in starts {
        for bracket in ["(", "f(", "[", "a { b = "] {
            let found = faults(&format!("pbpo 1\n{start}{}\n", bracket.repeat(100_000)));
            let large = found.iter().any(|fault| matches!(fault.kind, FaultKind::TooLarge));
            assert!(!large && !found.is_empty(), "{start}{bracket}: {found:?}");
        }
    }
    assert!(too_deep(&faults(&format!("pbpo 1\npolicy a {{ x = {}", "(".repeat(100_000)))));
    assert!(too_deep(&faults(&format!("pbpo 1\npipeline p {{ x = 1, {}", "repeat 2 { ".repeat(200)))));
}

/// The parser does not check its stack: every bracket that it opens must have been counted before, also line by line.
#[test]
fn lines_that_each_open_a_bracket_in_disguise_do_no_harm() {
    for line in ["; \"(", "x = '\"' (", "x = '#' (", "x = '//' (", "a b { ] ", "a b = f(\"(\", {", "use x { \" } ("] {
        for inside in ["", "policy a {\n", "pipeline p { x = f(\n"] {
            assert!(!faults(&format!("pbpo 1\n{inside}{}", format!("{line}\n").repeat(50_000))).is_empty(), "{line}");
        }
    }
}
