//! Answers an editor's questions about a place in a file. Input and output are plain data: byte offsets, spans, texts;
//! the protocol is in the command line's `lsp/`. It works on broken files too: only bad lines are left out.
//!
//! - `mentions.rs`, `values.rs`: the meaning of every word of a file, from the syntax tree. Hover, definition and
//!   rename use it.
//! - `lex.rs`, `cursor.rs`, `place.rs`: the brackets around a place, from the text alone. Completion uses them, because
//!   the line being typed is not valid syntax yet.
//! - `path.rs`: `pi.optimizer.lr`. `text.rs`: types and declarations in words.

mod complete;
mod cursor;
mod hover;
mod lex;
mod mentions;
mod offers;
mod path;
mod place;
mod rename;
mod text;
mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

use pbpo_grammar::ast::{File, Item};
use pbpo_grammar::{FileId, Span};

pub use complete::{Completion, CompletionKind};
pub use hover::Hover;
pub(crate) use text::type_text;

use crate::Input;
use crate::modules::{self, Entry, Project};
use crate::source::SourceMap;
use mentions::{Mention, What};

/// A program for an editor: the requested file, and all that it imports.
pub struct Ide {
    project: Project,
    sources: SourceMap,
    files: Vec<Source>,
    /// The place of each declaration among the entries, by its global name.
    places: BTreeMap<String, usize>,
}

/// A file outside the standard library.
struct Source {
    id: FileId,
    /// The items that declare no name, and the parts that could not be parsed.
    tree: Arc<File>,
}

/// An item for an outline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    pub name: String,
    /// The kind: `policy`, `param`, `sweep`.
    pub kind: String,
    pub name_span: Span,
    pub span: Span,
}

impl Ide {
    /// Reads a file and its imports.
    pub fn new(input: Input<'_>) -> Self {
        let mut sources = SourceMap::default();
        let project = modules::load(input.name, input.text, input.loader, &mut sources, &mut Vec::new());
        let own = |id: FileId| sources.get(id).is_some_and(|file| crate::stdlib::text(&file.name).is_none());
        let trees = project.files.iter().filter(|(id, _)| own(*id));
        let files = trees.map(|(id, tree)| Source { id: *id, tree: tree.clone() }).collect();
        // If two declarations have one name, the first counts.
        let names = project.entries.iter().enumerate().rev().map(|(place, entry)| (entry.global.clone(), place));
        let places = names.collect();
        Self { project, sources, files, places }
    }

    /// Returns the texts that spans point into.
    pub fn sources(&self) -> &SourceMap {
        &self.sources
    }

    /// Tells whether a file is part of the program.
    pub fn contains(&self, name: &str) -> bool {
        self.file(name).is_some()
    }

    /// Returns the place where the thing at an offset is declared; `None` for declarations of the standard library.
    pub fn definition(&self, file: &str, at: usize) -> Option<Span> {
        match self.mention(file, at)?.what {
            What::Global(global) => {
                let entry = self.entry(&global).filter(|entry| !entry.std)?;
                entry.item.name().map(|name| name.span)
            }
            What::Formal(owner, name) => {
                self.entry(&owner).filter(|entry| !entry.std)?;
                self.formal_of(&owner, &name).map(|formal| formal.name.span)
            }
            What::Local(owner, name) => {
                let local = |mention: &Mention| mention.what == What::Local(owner.clone(), name.clone());
                let entry = self.entry(&owner)?;
                self.mentions(entry.file).into_iter().find(local).map(|mention| mention.span)
            }
            What::File(id) => self.source(id).map(|_| Span::new(id, 0, 0)),
            _ => None,
        }
    }

    /// Returns the place where a file imports another.
    pub fn import(&self, file: &str, imported: &str) -> Option<Span> {
        let mentions = self.mentions(self.file(file)?.id);
        let leads = |mention: &Mention| match mention.what {
            What::File(id) => self.sources.get(id).is_some_and(|file| file.name == imported),
            _ => false,
        };
        mentions.into_iter().find(leads).map(|mention| mention.span)
    }

    /// Returns the items of a file.
    pub fn symbols(&self, file: &str) -> Vec<Symbol> {
        let Some(source) = self.file(file) else { return Vec::new() };
        let symbol = |item: &Item| {
            let name = item.name()?;
            let kind = text::kind_word(item).to_owned();
            Some(Symbol { name: name.text.clone(), kind, name_span: name.span, span: item.span() })
        };
        self.items(source).into_iter().filter_map(symbol).collect()
    }

    fn file(&self, name: &str) -> Option<&Source> {
        self.files.iter().find(|source| self.sources.get(source.id).is_some_and(|file| file.name == name))
    }

    fn source(&self, id: FileId) -> Option<&Source> {
        self.files.iter().find(|source| source.id == id)
    }

    /// Returns the items of a file, in its order.
    fn items<'a>(&'a self, source: &'a Source) -> Vec<&'a Item> {
        let named = self.project.entries.iter().filter(|entry| entry.file == source.id).map(|entry| &*entry.item);
        let mut items: Vec<&Item> = named.chain(&source.tree.items).collect();
        items.sort_by_key(|item| item.span());
        items
    }

    /// Returns the declaration of a global name.
    fn entry(&self, global: &str) -> Option<&Entry> {
        self.project.entries.get(*self.places.get(global)?)
    }

    /// Returns the declaration that a word means in a file.
    fn seen(&self, file: FileId, word: &str) -> Option<&Entry> {
        self.entry(self.project.views.in_file(file).get(word)?)
    }

    /// Returns the meaning of every word of a file, in its order.
    fn mentions(&self, id: FileId) -> Vec<Mention> {
        self.source(id).map_or_else(Vec::new, |source| mentions::of(self, id, &self.items(source)))
    }

    /// Returns the meaning of the word at an offset; in a line that cannot be parsed, by its name alone.
    fn mention(&self, file: &str, at: usize) -> Option<Mention> {
        let source = self.file(file)?;
        let touches = |span: Span| (span.start as usize) <= at && at <= (span.end as usize);
        let found = self.mentions(source.id).into_iter().rfind(|mention| touches(mention.span));
        found.or_else(|| {
            let text: &Arc<str> = &self.sources.get(source.id)?.text;
            let word = lex::word_at(text, at)?;
            let global = self.project.views.in_file(source.id).get(word.text)?;
            let junk = !self.items(source).iter().any(|item| touches(item.span()));
            let span = Span::new(source.id, word.start, word.start + word.text.len());
            junk.then(|| Mention { span, what: What::Global(global.clone()) })
        })
    }
}
