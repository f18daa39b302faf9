//! The declarations of the standard library match the operations of this runtime.

use std::collections::BTreeSet;

use pbpo_compiler::schema::{functions, ops, scored, tasks};
use pbpo_compiler::stdlib;
use pbpo_grammar::ast::Item;
use pbpo_grammar::{FileId, parse};
use pbpo_plan::Op;
use pbpo_runtime::ops::{self as ops_of_runtime, Runs};

fn declared(module: &str) -> BTreeSet<String> {
    let file = parse(FileId::default(), stdlib::text(module).unwrap());
    assert!(file.faults.is_empty(), "{module}: {:?}", file.faults);
    file.items
        .iter()
        .filter(|item| matches!(item, Item::Extern(_)))
        .map(|item| item.name().unwrap().text.clone())
        .collect()
}

fn names<'n>(names: impl IntoIterator<Item = &'n str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn every_declared_operation_is_run() {
    let runs = |op: &Op| {
        let Runs { practical, exact } = ops_of_runtime::runs(*op);
        practical.or(exact).is_some()
    };
    let registry = names(Op::ALL.iter().filter(|op| runs(op)).map(|op| op.word()));
    assert_eq!(
        declared("std/ops"),
        names(ops::all().iter().map(|op| op.name)),
        "a declaration the compiler can't read"
    );
    assert!(declared("std/ops").is_subset(&registry));
    let planned = names(Op::ALL.iter().map(|op| op.word()).filter(|name| *name != "repeat"));
    assert_eq!(planned, registry, "what plans may hold, and what is run");
}

#[test]
fn every_declared_function_and_task_is_known() {
    assert_eq!(declared("std/functions"), names(functions::all().iter().map(|function| function.name)));
    assert_eq!(declared("std/tasks"), names(tasks().iter().map(|task| task.name)));
    for task in scored() {
        assert!(pbpo_runtime::task::tokenizer(task).is_ok(), "{task}");
    }
}
