//! Finds variables of pipelines that are never read. Results of `label` are stored, and those of `evaluate` reported,
//! in any case; responses that are never read are wasted.

use std::collections::BTreeSet;

use pbpo_grammar::ast::{Expr, ExprKind, Ident, Item, PipelineBody, Stmt};

use crate::check::path_text;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::modules::Project;

/// The operations whose result is useless by itself.
const IDLE: [&str; 3] = ["sample", "explore", "draw"];

/// Checks every pipeline of the main file that has a body.
pub fn check(project: &Project, out: &mut Vec<Diagnostic>) {
    for entry in project.entries.iter().filter(|entry| entry.file == project.main) {
        let Item::Pipeline(pipeline) = &*entry.item else { continue };
        let PipelineBody::Stmts(body) = &pipeline.body else { continue };
        let (mut made, mut read) = (Vec::new(), BTreeSet::new());
        body.stmts.iter().for_each(|stmt| look(stmt, &mut made, &mut read));
        let mut said = BTreeSet::new();
        for name in made.into_iter().filter(|name| !read.contains(name.text.as_str())) {
            if said.insert(&name.text) {
                out.push(
                    Diagnostic::warning(Code::Unused, name.span, format!("variable `{}` is never used", name.text))
                        .label("assigned, not read")
                        .help("remove it, or use it"),
                );
            }
        }
    }
}

fn look<'e>(stmt: &'e Stmt, made: &mut Vec<&'e Ident>, read: &mut BTreeSet<&'e str>) {
    match stmt {
        Stmt::Assign { name, value, .. } => {
            if matches!(&value.kind, ExprKind::Call { callee, .. } if IDLE.contains(&path_text(callee).as_str())) {
                made.push(name);
            }
            mentions(value, read);
        }
        Stmt::Append { value, .. } | Stmt::Call { call: value } => mentions(value, read),
        Stmt::Repeat { count, body, .. } => {
            mentions(count, read);
            body.stmts.iter().for_each(|stmt| look(stmt, made, read));
        }
        Stmt::Climb { objective, within, .. } => {
            mentions(objective, read);
            within.iter().for_each(|within| mentions(within, read));
        }
    }
}

fn mentions<'e>(expr: &'e Expr, read: &mut BTreeSet<&'e str>) {
    match &expr.kind {
        ExprKind::Path(path) => read.extend(path.first().map(|word| word.text.as_str())),
        ExprKind::Call { args, .. } => args.iter().for_each(|arg| mentions(&arg.value, read)),
        ExprKind::List(items) => items.iter().for_each(|item| mentions(item, read)),
        ExprKind::Neg(arg) | ExprKind::Not(arg) => mentions(arg, read),
        ExprKind::Binary { left, right, .. } => {
            mentions(left, read);
            mentions(right, read);
        }
        // The fields of a record are values of blocks, which cannot be variables.
        ExprKind::Record { .. } | ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Bool(_) | ExprKind::Error => {}
    }
}
