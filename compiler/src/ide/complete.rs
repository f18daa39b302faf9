//! Completion: the words that can be typed at a place.

use pbpo_grammar::ast::Item;

use super::Ide;
use super::cursor::{Cursor, ITEMS};
use super::offers::Offers;
use super::path::{Target, block_fields, inner};
use super::place::{Place, field_at, words};
use crate::schema::{Field, Kind, Ty};

/// A word that can be typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    pub label: String,
    pub kind: CompletionKind,
    /// Its type or declaration on one line.
    pub detail: String,
    pub doc: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompletionKind {
    Keyword,
    Field,
    /// A value word of the language.
    Value,
    Function,
    /// A declaration.
    Name,
    /// A variable of a pipeline, or a parameter of a definition.
    Variable,
    Unit,
    Module,
}

impl Ide {
    /// Returns the words that can replace the word before an offset.
    pub fn completions(&self, file: &str, at: usize) -> Vec<Completion> {
        let Some(source) = self.file(file) else { return Vec::new() };
        let Some(text) = self.sources.get(source.id).map(|file| &file.text) else { return Vec::new() };
        let Some(cursor) = Cursor::new(text, at) else { return Vec::new() };
        let item = cursor.item.and_then(|name| self.seen(source.id, name)).map(|entry| &*entry.item);
        let mut offers = Offers::new(self, source.id, item);
        let place = self.place(source.id, &cursor);
        offers.at(&place, &cursor);
        // A path may be set in parts.
        let parts = matches!(place, Place::Settings | Place::Sweep { .. });
        offers.done(if parts { &[] } else { &cursor.given })
    }
}

impl Offers<'_> {
    fn at(&mut self, place: &Place<'_>, cursor: &Cursor<'_>) {
        match place {
            Place::Top => self.top(cursor),
            Place::Fields { fields, args } => self.fields(fields, *args, cursor),
            Place::Body => self.statement(cursor),
            Place::Call(callee) => self.argument(callee, cursor),
            Place::Names(path) => self.exports(path),
            Place::Settings => self.setting(cursor, &[]),
            Place::Sweep { zip: true } => self.setting(cursor, &["in"]),
            Place::Sweep { zip: false } => self.setting(cursor, &["in", "zip", "where", "ablate", "limit"]),
            Place::Formals => {
                if let [_, ":"] = cursor.head.as_slice() {
                    self.types();
                }
            }
            Place::Values(ty) => self.value(*ty, &cursor.path),
            Place::Runnable => self.named(|item| runnable(item, true)),
            Place::Ablated => self.named(|item| matches!(item, Item::Block(_))),
            Place::Unknown => {}
        }
    }

    /// Offers words outside of all brackets.
    fn top(&mut self, cursor: &Cursor<'_>) {
        match cursor.head.as_slice() {
            [] => {
                self.keywords(&ITEMS);
                self.keywords(&Kind::ALL.map(Kind::word));
            }
            ["use"] => self.modules(""),
            ["use", "std", "/"] => self.modules("std/"),
            ["variant", _] => self.keywords(&["of"]),
            ["variant", _, "of"] => self.named(|item| runnable(item, false)),
            ["sweep", _] => self.keywords(&["over"]),
            ["sweep", _, "over"] => self.named(|item| runnable(item, true)),
            ["param", _, ":"] => self.keywords(&["int", "float", "bool", "text", "path"]),
            ["param", _, ":", _] => self.keywords(&["in"]),
            ["param", .., "="] => self.params(),
            ["allow" | "warn" | "deny", ..] => self.lints(),
            ["pipeline", .., "="] => self.named(|item| matches!(item, Item::Pipeline(p) if p.formals.is_some())),
            ["objective", _, "(", ..] | ["objective", _, ")", "=", ..] => self.expression(),
            _ => {}
        }
    }

    /// Offers words among the fields of a block or a record, or the arguments of a call.
    fn fields(&mut self, fields: &[&'static Field], args: bool, cursor: &Cursor<'_>) {
        match cursor.head.as_slice() {
            [] => {
                if cursor.path.is_empty() {
                    fields.iter().for_each(|field| self.field(field));
                }
                let place = fields.iter().filter(|field| field.positional).nth(cursor.commas);
                if let Some(field) = place.filter(|_| args) {
                    self.value(field.ty, &cursor.path);
                }
            }
            [_, "=", .., last] | [last] if last.starts_with(|c: char| c.is_ascii_digit()) => {
                self.unit(field_at(fields, args, &cursor.head));
            }
            [_, "=", ..] => {
                if let Some(field) = field_at(fields, args, &cursor.head) {
                    self.value(field.ty, &cursor.path);
                }
            }
            _ => {}
        }
    }

    /// Offers words among the statements of a pipeline.
    fn statement(&mut self, cursor: &Cursor<'_>) {
        match cursor.head.as_slice() {
            [] => {
                self.keywords(&["repeat", "ascend", "descend"]);
                self.ops(false);
                self.variables(|_| true);
            }
            [_, "="] => self.ops(true),
            [_, "+="] => {
                self.ops(true);
                self.variables(|flow| flow == crate::schema::Flow::Preferences);
            }
            ["repeat"] => self.params(),
            ["repeat", _] => self.keywords(&["episodes"]),
            ["ascend" | "descend"] => {
                self.blocks(Kind::Policy);
                self.blocks(Kind::RewardModel);
            }
            ["ascend" | "descend", _] => self.keywords(&["on"]),
            ["ascend" | "descend", .., "within"] => self.blocks(Kind::Constraint),
            ["ascend" | "descend", _, "on", .., ")"] => self.keywords(&["within"]),
            ["ascend" | "descend", _, "on", ..] => self.expression(),
            _ => {}
        }
    }

    /// Offers words among the arguments of a call in an expression.
    fn argument(&mut self, callee: &str, cursor: &Cursor<'_>) {
        match cursor.head.as_slice() {
            [] => self.call(callee, cursor.commas),
            [name, "="] => self.named_argument(callee, name),
            [.., "over"] => self.keywords(&["token"]),
            [.., mark] if ["+", "-", "*", "/"].contains(mark) => self.expression(),
            _ => {}
        }
    }

    /// Offers words for `path = value` and `path in values`; `keywords` may stand here too.
    fn setting(&mut self, cursor: &Cursor<'_>, keywords: &[&str]) {
        let head = cursor.head.as_slice();
        match head {
            [] | ["where", ..] => self.part(&cursor.path),
            [.., "in"] => self.keywords(&["linear", "log"]),
            [.., "="] => match self.ide.target(self.file, &words(head)) {
                Some(Target::Field(field, _)) => self.value(field.ty, &cursor.path),
                _ => self.params(),
            },
            [_] if keywords.contains(&"in") => self.keywords(&["in"]),
            _ => {}
        }
        if head.is_empty() && cursor.path.is_empty() {
            keywords.iter().filter(|word| **word != "in").for_each(|word| self.keywords(&[word]));
        }
    }

    /// Offers the next word of a path.
    fn part(&mut self, path: &[&str]) {
        if path.is_empty() {
            self.named(|item| matches!(item, Item::Block(_) | Item::Param(_) | Item::Pipeline(_)));
            return;
        }
        match self.ide.target(self.file, path) {
            Some(Target::Block(entry)) => {
                if let Item::Block(block) = &*entry.item
                    && let Some(kind) = Kind::parse(&block.kind.text)
                {
                    block_fields(kind, &block.body).iter().for_each(|field| self.field(field));
                }
            }
            Some(Target::Field(field, value)) => inner(field, value).iter().for_each(|field| self.field(field)),
            Some(Target::Pipeline(pipeline)) => match self.ide.called(self.file, pipeline) {
                Some(called) => self.formals(&called.item),
                None => self.keywords(&["episodes"]),
            },
            _ => {}
        }
    }

    /// Offers a value of a type. `path` holds the words before the dot.
    pub(super) fn value(&mut self, ty: Ty, path: &[&str]) {
        match (ty, path) {
            (Ty::Init, [_]) => self.keywords(&["init"]),
            (Ty::Score, [_]) => self.keywords(&["score"]),
            (_, [_, ..]) => {}
            (Ty::Int(..) | Ty::Float(..), _) => self.params(),
            (Ty::OrNone(ty), _) => {
                self.keywords(&["none"]);
                self.value(*ty, path);
            }
            (Ty::Block(kind), _) => self.blocks(kind),
            (Ty::Either(one, other), _) => {
                self.blocks(one);
                self.blocks(other);
            }
            (Ty::Init, _) => self.initialised(),
            (Ty::Score, _) => self.scores(),
            (Ty::Choice(_) | Ty::Task | Ty::Words(_), _) => self.alternatives(ty),
            (Ty::Value(wanted), _) => self.variables(|flow| flow == wanted),
            (Ty::Record(_) | Ty::Text | Ty::Name, _) => {}
        }
    }
}

/// Tells whether a sweep can be over an item, or, without `sweeps`, a variant of it.
fn runnable(item: &Item, sweeps: bool) -> bool {
    match item {
        Item::Pipeline(pipeline) => pipeline.formals.is_none(),
        Item::Variant(_) => true,
        Item::Sweep(_) => sweeps,
        _ => false,
    }
}
