//! Parsing: no panic; every place is inside the file and on characters; a node is inside the one above it.

use pbpo_grammar::{FileId, MAX_BYTES, Span};

use crate::tree;

pub fn run(text: &str) {
    let file = pbpo_grammar::parse(FileId::default(), text);
    let whole = Span::new(FileId::default(), 0, text.len());
    tree::file(&file, whole, &mut |inner, outer| {
        assert!(text.get(inner.start as usize..inner.end as usize).is_some(), "{inner:?} is no part of the text");
        assert!(outer.start <= inner.start && inner.end <= outer.end, "{inner:?} is not inside {outer:?}");
    });
    let in_order = file.faults.is_sorted_by_key(|fault| fault.span);
    assert!(in_order, "faults out of order: {:?}", file.faults);
    let items: Vec<Span> = file.items.iter().map(|item| item.span()).collect();
    assert!(items.windows(2).all(|pair| pair[0].end <= pair[1].start), "items overlap: {items:?}");
    assert!(text.len() <= MAX_BYTES || !file.faults.is_empty());
    if let Ok(value) = pbpo_grammar::parse_expr(FileId::default(), text) {
        tree::expr(&value, whole, &mut |inner, outer| {
            assert!(outer.start <= inner.start && inner.end <= outer.end, "{inner:?} is not inside {outer:?}");
        });
    }
}
