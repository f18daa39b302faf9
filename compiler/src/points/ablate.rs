//! `ablate = [a, b]`: the baseline, and each of some blocks switched off.

use std::sync::Arc;

use pbpo_grammar::ast::{Block, Expr, ExprKind, Ident, Item, Setting};

use super::sweep::{Choice, Factor};
use super::{Finder, Override};
use crate::check::field_span;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::schema::{Kind, blocks};

impl Finder<'_> {
    /// Returns the baseline, and each of some blocks switched off.
    pub(super) fn ablate(&mut self, setting: &Setting) -> Option<Factor> {
        let ExprKind::List(items) = &setting.value.kind else {
            let error = Diagnostic::error(Code::WrongType, setting.value.span, "expected a list of blocks");
            self.out.push(error.label("not a list").help("write `ablate = [enhancer, confidence]`"));
            return None;
        };
        let mut options = vec![Choice { name: Some("baseline".to_owned()), sets: Vec::new() }];
        // All wrong blocks are reported, not only the first.
        let found: Vec<_> = items.iter().map(|item| self.without(item)).collect();
        options.extend(found.into_iter().collect::<Option<Vec<_>>>()?);
        Some(Factor { options, span: setting.span() })
    }

    /// Returns the choice that sets a block to its kind's neutral value.
    fn without(&mut self, item: &Expr) -> Option<Choice> {
        let name = match &item.kind {
            ExprKind::Path(path) if path.len() == 1 => path.first()?,
            _ => {
                self.out.push(Diagnostic::error(Code::WrongType, item.span, "expected the name of a block"));
                return None;
            }
        };
        let found = self.project.views.global(name).and_then(|global| self.item(global));
        let Some(Item::Block(block)) = found else {
            if self.project.doubtful.contains(&name.text) {
                return None;
            }
            let said = self.out.len();
            let switches = self.project.entries.iter().filter(|entry| off(&entry.item).is_some());
            let names = || switches.map(|entry| entry.global.as_str()).collect();
            let error = Diagnostic::error(Code::UnknownName, name.span, format!("no block is called `{}`", name.text));
            self.out.push(error.label("not a block").suggest(said, &name.text, names));
            return None;
        };
        let Some((field, value)) = off_block(block) else {
            self.out.push(
                Diagnostic::error(
                    Code::NotAblatable,
                    name.span,
                    format!("{} `{}` can't be switched off", block.kind.text, name.text),
                )
                .label("no neutral value")
                .also(block.name.span, "declared here")
                .help("explorations, constraints and followers have one; write a `variant` for others"),
            );
            return None;
        };
        let word = |text: &str| Ident { text: text.to_owned(), span: name.span };
        let path = [name.clone(), word(field)];
        let value = Expr { kind: ExprKind::Path(vec![word(value)]), span: name.span };
        Some(Choice { name: Some(format!("no_{}", name.text)), sets: vec![Arc::new(Override::new(&path, &value))] })
    }
}

/// Returns the field and the value that switch a block off.
fn off_block(block: &Block) -> Option<(&'static str, &'static str)> {
    let follower = field_span(&block.body, "follows").is_some();
    blocks::neutral(Kind::parse(&block.kind.text)?, follower)
}

fn off(item: &Item) -> Option<(&'static str, &'static str)> {
    match item {
        Item::Block(block) => off_block(block),
        _ => None,
    }
}
