//! References, and renaming of declarations in the files of a program.

use pbpo_grammar::ast::ExprKind;
use pbpo_grammar::{FileId, Span};

use super::mentions::{Mention, What};
use super::{Ide, lex, text};
use crate::schema::{self, functions, ops};

/// Words that can't be names.
const RESERVED: [&str; 14] =
    ["pbpo", "use", "in", "on", "of", "over", "within", "repeat", "ascend", "descend", "and", "or", "not", "where"];

impl Ide {
    /// Returns every place where the thing at an offset is named, in all files, under any of its names.
    pub fn references(&self, file: &str, at: usize) -> Vec<Span> {
        let Some(wanted) = self.mention(file, at) else { return Vec::new() };
        self.all_mentions().into_iter().filter(|mention| mention.what == wanted.what).map(|m| m.span).collect()
    }

    /// Returns the word that a rename would change, or the reason why it cannot be changed.
    pub fn renamable(&self, file: &str, at: usize) -> Result<Span, String> {
        let mention = self.mention(file, at).ok_or("nothing here has a name")?;
        let owner = match &mention.what {
            What::Global(name) | What::Formal(name, _) | What::Local(name, _) => name,
            _ => return Err("this word is part of the language".into()),
        };
        let entry = self.entry(owner).ok_or("nothing here has a name")?;
        // A declaration of the library may have an alias here.
        let word = self.sources.text(mention.span);
        if entry.std && (!matches!(mention.what, What::Global(_)) || entry.item.name().is_some_and(|n| n.text == word))
        {
            return Err(format!("`{word}` belongs to the standard library"));
        }
        if word == "seed" && matches!(&*entry.item, pbpo_grammar::ast::Item::Param(_)) {
            return Err("`seed` is the seed of the run by its name".into());
        }
        Ok(mention.span)
    }

    /// Returns the places to change, in all files, for a new name of the thing at an offset, or the reason against it.
    pub fn rename(&self, file: &str, at: usize, new: &str) -> Result<Vec<Span>, String> {
        let span = self.renamable(file, at)?;
        let old = self.sources.text(span).to_owned();
        let wanted = self.mention(file, at).ok_or("nothing here has a name")?.what;
        if !valid(new) {
            return Err(format!("`{new}` is no name: use letters, digits and `_`"));
        }
        if new == "seed" && new != old {
            return Err("`seed` would be the seed of the run by its name".into());
        }
        if reserved(new) {
            return Err(format!("`{new}` is a word of the language"));
        }
        let spans: Vec<Span> = self
            .all_mentions()
            .into_iter()
            .filter(|mention| mention.what == wanted && self.sources.text(mention.span) == old)
            .filter(|mention| !self.is_alias(&wanted, &old) || mention.span.file == span.file)
            .map(|mention| mention.span)
            .collect();
        if new == old {
            return Ok(Vec::new());
        }
        let mut files: Vec<FileId> = spans.iter().map(|span| span.file).collect();
        files.dedup();
        for file in files {
            self.room(file, &wanted, &old, new)?;
        }
        Ok(spans)
    }

    /// Tells whether a declaration has this name only where it is imported.
    fn is_alias(&self, what: &What, name: &str) -> bool {
        let What::Global(global) = what else { return false };
        self.entry(global).and_then(|entry| entry.item.name()).is_some_and(|declared| declared.text != name)
    }

    /// Tells whether a name is free in a file and would hide no other name.
    fn room(&self, file: FileId, what: &What, old: &str, new: &str) -> Result<(), String> {
        let name = self.sources.get(file).map_or("", |file| &file.name);
        let taken = format!("`{new}` is taken in `{name}`");
        if self.project.views.in_file(file).contains_key(new) {
            return Err(taken);
        }
        let inner = |mention: &Mention| match (&mention.what, what) {
            // A parameter or variable hides a declaration; two of them collide only in one owner.
            (What::Formal(_, name) | What::Local(_, name), What::Global(_)) => name == new,
            (What::Formal(other, name) | What::Local(other, name), What::Formal(owner, _) | What::Local(owner, _)) => {
                other == owner && name == new
            }
            _ => false,
        };
        if self.mentions(file).iter().any(inner) {
            return Err(taken);
        }
        let junk = self.source(file).is_some_and(|source| source.tree.doubtful.iter().any(|word| word == old));
        if junk { Err(format!("`{old}` is also in a line of `{name}` that can't be read")) } else { Ok(()) }
    }

    fn all_mentions(&self) -> Vec<Mention> {
        self.files.iter().flat_map(|source| self.mentions(source.id)).collect()
    }

    /// Returns the declaration of a parameter of an objective or a pipeline.
    pub(super) fn formal_of(&self, owner: &str, name: &str) -> Option<&pbpo_grammar::ast::Formal> {
        text::formals(&self.entry(owner)?.item).iter().find(|formal| formal.name.text == name)
    }
}

fn valid(name: &str) -> bool {
    name.chars().all(lex::is_part) && !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// Tells whether a word is reserved: a declaration with that name would change its meaning.
fn reserved(name: &str) -> bool {
    RESERVED.contains(&name)
        || is_value(name)
        || functions::find(name).is_some()
        || ops::find(name).is_some()
        || schema::Kind::parse(name).is_some()
}

/// Tells whether a word is a value, as `true`, or another language's, as `None`; neither can be a name in an
/// expression.
fn is_value(word: &str) -> bool {
    let read = pbpo_grammar::parse_expr(FileId::default(), word);
    !read.is_ok_and(|expr| matches!(&expr.kind, ExprKind::Path(path) if path.iter().all(|part| part.text == word)))
}
