//! Names: where they are declared, where they stand, and what to change to rename them.

use pbpo_grammar::ast::{Arg, AxisValues, Body, Expr, ExprKind, File, Ident, Item, PipelineBody, Stmt, SweepEntry};
use pbpo_grammar::{FileId, Span};

use super::Analysis;
use super::context::word;
use crate::stdlib;

/// A change in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub span: Span,
    pub text: String,
}

/// Why a name can't be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenameError(pub String);

/// A word that stands for something, and the item it is in.
struct Use {
    word: Ident,
    /// A variable of a pipeline is assigned here.
    assigned: bool,
    item: usize,
}

fn file(analysis: &Analysis, id: FileId) -> File {
    let text = analysis.sources().get(id).map_or("", |file| &file.text);
    pbpo_grammar::parse(id, text)
}

/// The name under the cursor with its uses, in one file for a variable, else in all.
fn symbol(analysis: &Analysis, offset: usize) -> Option<(Vec<Use>, Option<String>)> {
    let (start, end) = word(analysis.text(), offset);
    let all = uses(&file(analysis, FileId::default()));
    let here = all.iter().find(|u| u.word.span.start as usize == start && u.word.span.end as usize == end)?;
    let views = &analysis.work.project.views;
    if let Some(global) = views.global(&here.word).map(str::to_owned) {
        let mut found = Vec::new();
        for (id, _) in &analysis.work.project.files {
            let same =
                uses(&file(analysis, *id)).into_iter().filter(|u| views.global(&u.word) == Some(global.as_str()));
            found.extend(same);
        }
        return Some((found, Some(global)));
    }
    let (text, item) = (here.word.text.clone(), here.item);
    let local: Vec<Use> = all.into_iter().filter(|u| u.item == item && u.word.text == text).collect();
    local.iter().any(|u| u.assigned).then_some((local, None))
}

pub(super) fn definition(analysis: &Analysis, offset: usize) -> Option<Span> {
    let (uses, global) = symbol(analysis, offset)?;
    match global {
        Some(global) => {
            let entry = analysis.work.project.entries.iter().find(|entry| entry.global == global)?;
            entry.item.name().map(|name| name.span)
        }
        None => uses.iter().find(|u| u.assigned).map(|u| u.word.span),
    }
}

pub(super) fn references(analysis: &Analysis, offset: usize) -> Vec<Span> {
    symbol(analysis, offset).map(|(uses, _)| uses.iter().map(|u| u.word.span).collect()).unwrap_or_default()
}

pub(super) fn rename(analysis: &Analysis, offset: usize, to: &str) -> Result<Vec<Edit>, RenameError> {
    let fail = |message: String| Err(RenameError(message));
    let plain = to.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !plain || !to.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return fail(format!("`{to}` is no name: write ASCII letters, digits and `_`"));
    }
    let Some((uses, global)) = symbol(analysis, offset) else {
        return fail("there is no name here that can be changed".into());
    };
    if let Some(global) = &global {
        let entry = analysis.work.project.entries.iter().find(|entry| entry.global == *global);
        if entry.is_some_and(|entry| entry.std) {
            return fail("names of the standard library can't be changed; import it `as` another".into());
        }
        let old = uses.first().map_or("", |u| u.word.text.as_str());
        if uses.iter().any(|u| u.word.text != old) {
            return fail("it has another name in another file".into());
        }
    }
    let views = &analysis.work.project.views;
    let taken = uses.iter().any(|u| views.in_file(u.word.span.file).contains_key(to))
        || variables(analysis, usize::MAX).iter().any(|(name, _)| name == to);
    if taken {
        return fail(format!("`{to}` is the name of something else"));
    }
    if stdlib::text(to).is_some() {
        return fail(format!("`{to}` is a module"));
    }
    Ok(uses.iter().map(|u| Edit { span: u.word.span, text: to.to_owned() }).collect())
}

/// Variables of pipelines with the operation that made them; where the cursor is in one, its own.
pub(super) fn variables(analysis: &Analysis, offset: usize) -> Vec<(String, String)> {
    let items = file(analysis, FileId::default()).items;
    let inside = |item: &&Item| (item.span().start as usize..=item.span().end as usize).contains(&offset);
    let only = items.iter().find(inside).cloned();
    let mut found = Vec::new();
    for item in only.as_ref().map_or(items.as_slice(), std::slice::from_ref) {
        if let Item::Pipeline(pipeline) = item
            && let PipelineBody::Stmts(body) = &pipeline.body
        {
            assigned(body, &mut found);
        }
    }
    found
}

fn assigned(body: &Body, found: &mut Vec<(String, String)>) {
    for stmt in &body.stmts {
        match stmt {
            Stmt::Assign { name, value, .. } | Stmt::Append { name, value } => {
                let made = match &value.kind {
                    ExprKind::Call { callee, .. } => callee.first().map_or("", |word| word.text.as_str()),
                    _ => "",
                };
                found.push((name.text.clone(), made.to_owned()));
            }
            Stmt::Repeat { body, .. } => assigned(body, found),
            Stmt::Climb { .. } => {}
        }
    }
}

/// Every word of a file that stands for a declaration or a variable.
fn uses(file: &File) -> Vec<Use> {
    let mut walk = Walk { found: Vec::new(), item: 0 };
    for (index, item) in file.items.iter().enumerate() {
        walk.item = index;
        walk.item(item);
    }
    walk.found
}

struct Walk {
    found: Vec<Use>,
    item: usize,
}

impl Walk {
    fn word(&mut self, word: &Ident, assigned: bool) {
        self.found.push(Use { word: word.clone(), assigned, item: self.item });
    }

    fn item(&mut self, item: &Item) {
        if let Some(name) = item.name() {
            self.word(name, false);
        }
        match item {
            Item::Import(import) => import.names.iter().for_each(|name| self.word(name.here(), false)),
            Item::Param(param) => self.expr(&param.value),
            Item::Block(block) => self.fields(&block.body),
            Item::Objective(objective) => self.expr(&objective.value),
            Item::Pipeline(pipeline) => match &pipeline.body {
                PipelineBody::Stmts(body) => self.stmts(body),
                PipelineBody::Call(call) => self.expr(call),
            },
            Item::Variant(variant) => {
                self.word(&variant.of, false);
                variant.settings.iter().for_each(|set| self.setting(&set.path, Some(&set.value)));
            }
            Item::Sweep(sweep) => self.sweep(sweep),
            Item::Lint(_) | Item::Extern(_) => {}
        }
    }

    fn sweep(&mut self, sweep: &pbpo_grammar::ast::Sweep) {
        sweep.over.iter().for_each(|word| self.word(word, false));
        for entry in &sweep.entries {
            let axes = match entry {
                SweepEntry::Axis(axis) => std::slice::from_ref(axis),
                SweepEntry::Zip(axes, _) => axes.as_slice(),
                SweepEntry::Where(expr, _) => {
                    self.expr(expr);
                    &[]
                }
                SweepEntry::Set(set) => {
                    self.setting(&set.path, Some(&set.value));
                    &[]
                }
            };
            for axis in axes {
                self.setting(&axis.path, None);
                if let AxisValues::List(values) = &axis.values {
                    self.expr(values);
                }
            }
        }
    }

    fn setting(&mut self, path: &[Ident], value: Option<&Expr>) {
        path.first().into_iter().for_each(|word| self.word(word, false));
        value.into_iter().for_each(|value| self.expr(value));
    }

    /// Fields of a block or record: their names stand for nothing else.
    fn fields(&mut self, body: &Body) {
        for stmt in &body.stmts {
            if let Stmt::Assign { value, .. } = stmt {
                self.expr(value);
            }
        }
    }

    fn stmts(&mut self, body: &Body) {
        for stmt in &body.stmts {
            match stmt {
                Stmt::Assign { name, value, .. } | Stmt::Append { name, value } => {
                    self.word(name, true);
                    self.expr(value);
                }
                Stmt::Repeat { count, body, .. } => {
                    self.expr(count);
                    self.stmts(body);
                }
                Stmt::Climb { player, objective, within, .. } => {
                    self.word(player, false);
                    self.expr(objective);
                    within.iter().for_each(|within| self.expr(within));
                }
            }
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Path(path) => path.first().into_iter().for_each(|word| self.word(word, false)),
            ExprKind::Call { callee, args } => {
                callee.first().into_iter().for_each(|word| self.word(word, false));
                args.iter().for_each(|Arg { value, .. }| self.expr(value));
            }
            ExprKind::Record { body, .. } => self.fields(body),
            ExprKind::List(items) => items.iter().for_each(|item| self.expr(item)),
            ExprKind::Neg(arg) | ExprKind::Not(arg) => self.expr(arg),
            ExprKind::Binary { left, right, .. } => {
                self.expr(left);
                self.expr(right);
            }
            ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Bool(_) | ExprKind::Error => {}
        }
    }
}
