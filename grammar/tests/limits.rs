//! Texts that nest without end, also where brackets look like a part of a comment or a text.

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
    assert!(too_deep(&faults(&format!("pbpo 1\npolicy a {{ x = '#' + {}", "(".repeat(100_000)))));
}

#[test]
fn what_the_parser_can_take_is_too_deep_for_the_tree() {
    for start in ["x = '#' + ", "x = '\"' + "] {
        assert!(too_deep(&faults(&format!("pbpo 1\npolicy a {{ {start}{}1", "(".repeat(200)))), "{start}");
    }
    let loops = format!("pbpo 1\npipeline p {{ x = '#', {}", "repeat 2 { ".repeat(200));
    assert!(too_deep(&faults(&loops)));
}
