//! Finds the meaning of every word of a file, from its syntax tree.

use std::collections::BTreeSet;

use pbpo_grammar::ast::{
    AxisValues, Body, Expr, ExprKind, Formal, Ident, Import, ImportPath, Item, Param, Pipeline, PipelineBody, Range,
    Setting, Stmt, Sweep, SweepAxis, SweepEntry,
};
use pbpo_grammar::{FileId, Span};

use super::path::{block_fields, tag};
use super::{Ide, text};
use crate::lints::{LINTS, Lint};
use crate::modules::join;
use crate::schema::functions::FunctionSchema;
use crate::schema::ops::{self, OpSchema};
use crate::schema::{Field, Kind, Variant};
use crate::units::Unit;

/// A word with its meaning.
#[derive(Clone, Debug)]
pub(super) struct Mention {
    pub span: Span,
    pub what: What,
}

/// The meaning of a word.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// A declaration, by its global name.
    Global(String),
    /// A parameter of an objective or a pipeline; the owner comes first.
    Formal(String, String),
    /// A variable of a pipeline; the owner comes first.
    Local(String, String),
    /// A field, with the path that leads to it: `pi optimizer lr`; the path is empty for an argument of an operation.
    Field(&'static Field, Vec<String>),
    /// The count of a pipeline's first loop, by its path.
    Episodes(Vec<String>),
    Choice(&'static Variant),
    Op(&'static OpSchema),
    Function(&'static FunctionSchema),
    Kind(Kind),
    Unit(Unit),
    Lint(&'static Lint),
    /// An imported file.
    File(FileId),
}

impl PartialEq for What {
    /// Tells whether both are the same declaration, parameter or variable.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (What::Global(a), What::Global(b)) => a == b,
            (What::Formal(a, b), What::Formal(c, d)) | (What::Local(a, b), What::Local(c, d)) => a == c && b == d,
            _ => false,
        }
    }
}

/// Returns the meanings of the words of a file's items, in its order.
pub(super) fn of(ide: &Ide, id: FileId, items: &[&Item]) -> Vec<Mention> {
    let mut walk = Walk { ide, file: id, owner: None, locals: BTreeSet::new(), found: Vec::new() };
    for item in items {
        walk.owner = item.name().and_then(|name| ide.project.views.in_file(id).get(&name.text).cloned());
        walk.owner = walk.owner.take().filter(|_| matches!(item, Item::Objective(_) | Item::Pipeline(_)));
        walk.locals.clear();
        walk.item(item);
    }
    walk.found.sort_by_key(|mention| mention.span);
    walk.found
}

/// Collects the mentions of a file. Values are in `values.rs`.
pub(super) struct Walk<'a> {
    pub ide: &'a Ide,
    pub file: FileId,
    /// The objective or pipeline around, by its global name.
    owner: Option<String>,
    /// Variables of the pipeline around.
    locals: BTreeSet<String>,
    found: Vec<Mention>,
}

impl<'a> Walk<'a> {
    pub(super) fn say(&mut self, word: &Ident, what: What) {
        self.found.push(Mention { span: word.span, what });
    }

    fn item(&mut self, item: &Item) {
        if let Some(name) = item.name() {
            self.global(name);
        }
        match item {
            Item::Import(import) => self.import(import),
            Item::Param(param) => self.param(param),
            Item::Lint(lint) => {
                for name in &lint.names {
                    let known = LINTS.iter().find(|lint| lint.name == name.text);
                    self.found.extend(known.map(|lint| Mention { span: name.span, what: What::Lint(lint) }));
                }
            }
            Item::Block(block) => {
                let Some(kind) = Kind::parse(&block.kind.text) else { return };
                self.say(&block.kind, What::Kind(kind));
                self.body(&block_fields(kind, &block.body), &block.body, std::slice::from_ref(&block.name.text));
            }
            Item::Extern(_) => {}
            Item::Objective(objective) => {
                self.formals(&objective.formals);
                self.expr(&objective.value);
            }
            Item::Pipeline(pipeline) => self.pipeline(pipeline),
            Item::Variant(variant) => {
                self.name(&variant.of);
                variant.settings.iter().for_each(|setting| self.setting(setting));
            }
            Item::Sweep(sweep) => self.sweep(sweep),
        }
    }

    /// Adds a word for a declaration in a file.
    pub(super) fn global(&mut self, word: &Ident) {
        if let Some(global) = self.ide.project.views.in_file(self.file).get(&word.text) {
            self.say(word, What::Global(global.clone()));
        }
    }

    fn import(&mut self, import: &Import) {
        let path = match &import.path {
            ImportPath::Module(name) => Some(name.clone()),
            ImportPath::File(path) => self.ide.sources.get(self.file).and_then(|file| join(&file.name, path).ok()),
        };
        let named = |id: &FileId| self.ide.sources.get(*id).map(|file| &file.name) == path.as_ref();
        let Some(from) = self.ide.project.files.iter().map(|(id, _)| *id).find(named) else { return };
        self.found.push(Mention { span: import.path_span, what: What::File(from) });
        for name in &import.names {
            if let Some(global) = self.ide.project.views.in_file(from).get(&name.name.text).cloned() {
                self.say(&name.name, What::Global(global.clone()));
                name.rename.iter().for_each(|rename| self.say(rename, What::Global(global.clone())));
            }
        }
    }

    fn param(&mut self, param: &Param) {
        param.range.iter().for_each(|limits| self.range(limits));
        self.expr(&param.value);
    }

    fn range(&mut self, limits: &Range) {
        self.expr(&limits.low);
        self.expr(&limits.high);
    }

    fn formals(&mut self, formals: &[Formal]) {
        for formal in formals {
            self.formal(&formal.name);
            formal.range.iter().for_each(|limits| self.range(limits));
            formal.default.iter().for_each(|value| self.expr(value));
        }
    }

    fn formal(&mut self, word: &Ident) {
        if let Some(owner) = self.owner.clone() {
            self.say(word, What::Formal(owner, word.text.clone()));
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        self.formals(pipeline.formals.as_deref().unwrap_or_default());
        match &pipeline.body {
            PipelineBody::Call(call) => self.expr(call),
            PipelineBody::Stmts(body) => {
                assigned(body, &mut self.locals);
                body.stmts.iter().for_each(|stmt| self.stmt(stmt));
            }
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Assign { name, value, .. } | Stmt::Append { name, value } => {
                self.name(name);
                self.op(value);
            }
            Stmt::Call { call } => self.op(call),
            Stmt::Repeat { count, unit, body, .. } => {
                self.expr(count);
                unit.iter().for_each(|unit| self.unit(unit));
                body.stmts.iter().for_each(|stmt| self.stmt(stmt));
            }
            Stmt::Climb { player, objective, within, .. } => {
                self.name(player);
                self.expr(objective);
                within.iter().for_each(|within| self.expr(within));
            }
        }
    }

    /// Adds the words of a call of an operation, or of another expression in its place.
    fn op(&mut self, value: &Expr) {
        match (&value.kind, tag(value).and_then(ops::find)) {
            (ExprKind::Call { callee, args }, Some(schema)) => {
                callee.iter().for_each(|word| self.say(word, What::Op(schema)));
                self.args(schema.args, args, &[]);
            }
            _ => self.expr(value),
        }
    }

    /// Adds a word for a variable, a parameter of the owner, or a declaration.
    pub(super) fn name(&mut self, word: &Ident) {
        let formal = |item: &Item| text::formals(item).iter().any(|formal| formal.name.text == word.text);
        let owner = self.owner.as_deref().and_then(|owner| self.ide.entry(owner));
        if owner.is_some_and(|entry| formal(&entry.item)) {
            self.formal(word);
        } else if let (true, Some(owner)) = (self.locals.contains(&word.text), self.owner.clone()) {
            self.say(word, What::Local(owner, word.text.clone()));
        } else {
            self.global(word);
        }
    }

    /// Adds the words of `path = value` in a variant or a sweep.
    fn setting(&mut self, setting: &Setting) {
        self.path(&setting.path);
        self.set(&setting.path, &setting.value);
    }

    fn sweep(&mut self, sweep: &Sweep) {
        sweep.over.iter().for_each(|word| self.name(word));
        for entry in &sweep.entries {
            match entry {
                SweepEntry::Axis(axis) => self.axis(axis),
                SweepEntry::Zip(axes, _) => axes.iter().for_each(|axis| self.axis(axis)),
                SweepEntry::Where(condition, _) => self.expr(condition),
                SweepEntry::Set(setting) => self.setting(setting),
            }
        }
    }

    fn axis(&mut self, axis: &SweepAxis) {
        self.path(&axis.path);
        match &axis.values {
            AxisValues::Range(limits) => self.range(limits),
            AxisValues::List(Expr { kind: ExprKind::List(items), .. }) => {
                items.iter().for_each(|item| self.set(&axis.path, item));
            }
            AxisValues::List(other) => self.expr(other),
        }
    }
}

/// Collects the variables that a pipeline assigns.
fn assigned(body: &Body, found: &mut BTreeSet<String>) {
    for stmt in &body.stmts {
        match stmt {
            Stmt::Assign { name, .. } | Stmt::Append { name, .. } => {
                found.insert(name.text.clone());
            }
            Stmt::Repeat { body, .. } => assigned(body, found),
            Stmt::Climb { .. } | Stmt::Call { .. } => {}
        }
    }
}
