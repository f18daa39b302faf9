//! Places of nodes in difficult texts: each node is inside its parent.

use pbpo_grammar::ast::{Body, ExprKind, Item, Stmt};
use pbpo_grammar::{FileId, Span, parse};

fn assert_inside(inner: Span, outer: Span, text: &str) {
    assert!(outer.start <= inner.start && inner.end <= outer.end, "{inner:?} is not inside {outer:?}:\n{text}");
}

/// Returns the body of the only block.
fn body(text: &str) -> Body {
    let items = parse(FileId::default(), text).items;
    let [Item::Block(block)] = items.as_slice() else { panic!("{items:?}") };
    assert_inside(block.body.span, block.span, text);
    block.body.clone()
}

#[test]
fn a_record_without_its_brace_ends_with_its_last_field() {
    for end in ["", " ", "  \t", "\n", " ,\n ", " // a remark"] {
        let text = format!("pbpo 1\npolicy a {{ x = b {{ c = 1{end}");
        let body = body(&text);
        let Some(Stmt::Assign { value, .. }) = body.stmts.first() else { panic!("{body:?}") };
        let ExprKind::Record { body, .. } = &value.kind else { panic!("{value:?}") };
        assert_inside(body.span, value.span, &text);
    }
}

#[test]
fn junk_in_place_of_an_argument_ends_with_its_last_mark() {
    let text = "pbpo 1\npolicy p {\n  y = sample(pi, = sft }\n";
    let body = body(text);
    let Some(Stmt::Assign { value, .. }) = body.stmts.first() else { panic!("{body:?}") };
    let ExprKind::Call { args, .. } = &value.kind else { panic!("{value:?}") };
    assert_eq!(args.len(), 2);
    args.iter().for_each(|arg| assert_inside(arg.value.span, value.span, text));
}

#[test]
fn a_blank_of_another_script_is_no_letter() {
    let text = "pbpo 1\npolicy p { x = a\u{1680} }\n";
    let file = parse(FileId::default(), text);
    assert!(!file.faults.is_empty());
    let Some(Stmt::Assign { value, .. }) = body(text).stmts.into_iter().next() else { panic!("{file:?}") };
    let ExprKind::Path(path) = &value.kind else { panic!("{value:?}") };
    assert_inside(path[0].span, value.span, text);
}
