//! Files and what they import: `use std/games { pbpo }`, `use "players.pbpo" { pi }`.
//!
//! Every file is a module with names of its own. A declaration has one *global* name: in the main file
//! the name itself; imported by the main file, the name it has there; else `module::name`, which no file
//! can write. [`Views`] says which global name a word means in which file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pbpo_grammar::ast::{FaultKind, File, Ident, Import, ImportPath, Item, Level};
use pbpo_grammar::{FileId, Span};

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::source::SourceMap;
use crate::{stdlib, syntax};

/// Reads the files that a file imports. The compiler itself touches no disk.
pub trait Loader {
    /// The text of a file, by its path as the compiler has put it together; or why it can't be read.
    fn load(&self, path: &str) -> Result<String, String>;
}

/// A loader for texts that can import nothing but the standard library.
pub struct NoFiles;

impl Loader for NoFiles {
    fn load(&self, _path: &str) -> Result<String, String> {
        Err("files can't be imported here".into())
    }
}

/// A declaration of a program.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its global name.
    pub global: String,
    pub file: FileId,
    /// Of the standard library.
    pub std: bool,
    pub item: Arc<Item>,
}

/// The global names of what can be seen in each file. What has no view, as the text of a `--set`, sees
/// what the main file does.
#[derive(Clone, Debug, Default)]
pub struct Views {
    main: BTreeMap<String, String>,
    files: BTreeMap<FileId, BTreeMap<String, String>>,
}

impl Views {
    /// The global name that a word means where it stands.
    pub fn global(&self, word: &Ident) -> Option<&str> {
        self.in_file(word.span.file).get(&word.text).map(String::as_str)
    }

    /// Every name that can be seen in a file, with its global name.
    pub fn in_file(&self, file: FileId) -> &BTreeMap<String, String> {
        self.files.get(&file).unwrap_or(&self.main)
    }

    /// The global name of what a file calls `seed`; what the main file calls so, where the file has none.
    pub fn seed(&self, file: FileId) -> Option<&str> {
        self.in_file(file).get("seed").or_else(|| self.main.get("seed")).map(String::as_str)
    }

    /// Whether this is a file, and no text of the command line.
    pub fn is_file(&self, file: FileId) -> bool {
        self.files.contains_key(&file)
    }

    /// Adds a name to a file's view.
    pub fn add(&mut self, file: FileId, name: &str, global: &str) {
        self.files.entry(file).or_insert_with(|| self.main.clone()).insert(name.to_owned(), global.to_owned());
    }
}

/// All files of a program, linked.
#[derive(Debug, Default)]
pub struct Project {
    pub main: FileId,
    /// Declarations, imported files first, each file in its own order.
    pub entries: Vec<Entry>,
    pub views: Views,
    /// Words that junk may have declared, in any file.
    pub doubtful: BTreeSet<String>,
    /// `allow`, `warn` and `deny` of the main file, in order.
    pub lints: Vec<(Level, Ident)>,
    /// What is imported by the main file: the name it has there.
    pub imports: Vec<Ident>,
    /// Syntax trees of all files: their faults, and the items that declare nothing.
    pub files: Vec<(FileId, Arc<File>)>,
}

/// Reads and links the main file and all that it imports.
pub fn load(
    name: &str,
    source: &str,
    loader: &dyn Loader,
    sources: &mut SourceMap,
    out: &mut Vec<Diagnostic>,
) -> Project {
    let main = sources.add(name, source);
    let mut work = Load { loader, sources, out, modules: Vec::new(), stack: Vec::new() };
    work.module(main, local(name.to_owned()), source);
    let modules = work.modules;
    link(main, modules, out)
}

/// A file while the program is put together.
struct Module {
    file: FileId,
    /// As messages show it: a path, or `std/games`.
    path: String,
    tree: File,
    /// The module of each import; nothing where it can't be read.
    imports: Vec<Option<usize>>,
}

struct Load<'a> {
    loader: &'a dyn Loader,
    sources: &'a mut SourceMap,
    out: &'a mut Vec<Diagnostic>,
    modules: Vec<Module>,
    /// Paths of the files that are being read, outermost first.
    stack: Vec<String>,
}

impl Load<'_> {
    /// Parses a file, and what it imports before it: its index.
    fn module(&mut self, file: FileId, path: String, source: &str) -> usize {
        let tree = pbpo_grammar::parse(file, source);
        self.out.extend(syntax::diagnostics(&tree, file, source));
        self.stack.push(path.clone());
        let imports: Vec<Import> = tree.items.iter().filter_map(import).cloned().collect();
        let imports = imports.iter().map(|import| self.import(import, &path)).collect();
        self.stack.pop();
        self.modules.push(Module { file, path, tree, imports });
        self.modules.len() - 1
    }

    fn import(&mut self, import: &Import, from: &str) -> Option<usize> {
        let (path, text) = match &import.path {
            ImportPath::Module(name) => (name.clone(), stdlib::text(name).map(str::to_owned)),
            ImportPath::File(relative) => {
                let path = join(from, relative).map(local);
                match path.as_ref().map_err(|error| error.clone()).and_then(|path| self.loaded(path)) {
                    Ok(text) => (path.unwrap_or_default(), Some(text)),
                    Err(reason) => {
                        self.unreadable(import, relative, &reason);
                        return None;
                    }
                }
            }
        };
        if self.cycle(&path, import.path_span) {
            return None;
        }
        if let Some(known) = self.modules.iter().position(|module| module.path == path) {
            return Some(known);
        }
        let Some(text) = text else {
            let names: Vec<&str> = stdlib::MODULES.iter().map(|(name, _)| *name).collect();
            self.out.push(
                Diagnostic::error(Code::UnknownModule, import.path_span, format!("no module is called `{path}`"))
                    .label("not in the standard library")
                    .suggest(&path, &names),
            );
            return None;
        };
        let file = self.sources.add(&path, &text);
        Some(self.module(file, path, &text))
    }

    /// The text of a file; empty where it is known already.
    fn loaded(&self, path: &str) -> Result<String, String> {
        let known = self.stack.iter().any(|open| open == path) || self.modules.iter().any(|m| m.path == path);
        if known { Ok(String::new()) } else { self.loader.load(path) }
    }

    fn unreadable(&mut self, import: &Import, path: &str, reason: &str) {
        self.out.push(
            Diagnostic::error(Code::UnknownModule, import.path_span, format!("can't import `{path}`: {reason}"))
                .label("imported here")
                .help("give the path of a `.pbpo` file, relative to this one"),
        );
    }

    /// Says that a file would import itself, with the whole way round.
    fn cycle(&mut self, path: &str, at: Span) -> bool {
        let Some(first) = self.stack.iter().position(|open| open == path) else { return false };
        let mut way: Vec<&str> = self.stack.iter().skip(first).map(String::as_str).collect();
        way.push(path);
        self.out.push(
            Diagnostic::error(Code::ImportCycle, at, "files import each other in a circle")
                .label(way.join(" -> "))
                .help("move what both need into a third file"),
        );
        true
    }
}

/// A file on the disk is no module of the standard library, though its path reads `std/games`.
fn local(path: String) -> String {
    if stdlib::text(&path).is_some() { format!("./{path}") } else { path }
}

fn import(item: &Item) -> Option<&Import> {
    match item {
        Item::Import(import) => Some(import),
        _ => None,
    }
}

/// `relative` beside the file `from`: no absolute path, and no way out by more `..` than there are folders.
pub(crate) fn join(from: &str, relative: &str) -> Result<String, String> {
    if relative.starts_with(['/', '\\']) || relative.contains(':') {
        return Err("the path must be relative".into());
    }
    let (root, folder) = match from.rsplit_once('/') {
        Some((folder, _)) => (folder.starts_with('/'), folder),
        None => (false, ""),
    };
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    for part in relative.split('/').filter(|part| !part.is_empty() && *part != ".") {
        match (part, parts.last()) {
            ("..", Some(last)) if *last != ".." => {
                parts.pop();
            }
            (part, _) => parts.push(part),
        }
    }
    Ok(format!("{}{}", if root { "/" } else { "" }, parts.join("/")))
}

/// Gives every declaration its global name, and every file its view.
fn link(main: FileId, modules: Vec<Module>, out: &mut Vec<Diagnostic>) -> Project {
    let mut project = Project { main, ..Project::default() };
    let root = modules.len().saturating_sub(1);
    // What the main file imports is called there as it is here.
    let mut globals: BTreeMap<(usize, String), String> = BTreeMap::new();
    let mut stems: BTreeSet<String> = BTreeSet::new();
    let own = |word: &str| origin(&modules, root, word).is_some();
    for (import, module) in imports(&modules, root) {
        for name in import.names.iter().filter(|name| !own(&name.here().text)) {
            if let Some(origin) = origin(&modules, module, &name.name.text) {
                globals.entry(origin).or_insert_with(|| name.here().text.clone());
            }
        }
    }
    for (index, module) in modules.iter().enumerate() {
        let same = modules.iter().take(index).filter(|other| stem(&other.path, 0) == stem(&module.path, 0)).count();
        let stem = free(&stem(&module.path, index), same, &mut stems);
        for name in module.tree.items.iter().filter_map(Item::name) {
            let global = if index == root { name.text.clone() } else { format!("{stem}::{}", name.text) };
            globals.entry((index, name.text.clone())).or_insert(global);
        }
    }
    for (index, module) in modules.iter().enumerate() {
        let mut view: BTreeMap<String, String> = BTreeMap::new();
        let mut places: BTreeMap<String, Span> = BTreeMap::new();
        for name in module.tree.items.iter().filter_map(Item::name) {
            if let Some(global) = globals.get(&(index, name.text.clone())) {
                view.insert(name.text.clone(), global.clone());
                places.entry(name.text.clone()).or_insert(name.span);
            }
        }
        for (import, from) in imports(&modules, index) {
            for name in &import.names {
                let here = name.here();
                let Some(origin) = origin(&modules, from, &name.name.text) else {
                    let error = not_exported(&modules, from, &name.name);
                    // The name that was meant is likely used below.
                    let meant = error.as_ref().and_then(|error| error.fix.as_ref()).map(|fix| &fix.edits);
                    project.doubtful.extend(meant.into_iter().flatten().map(|(_, word)| word.clone()));
                    out.extend(error);
                    project.doubtful.insert(here.text.clone());
                    continue;
                };
                if let Some(earlier) = places.get(&here.text) {
                    out.push(crate::check::duplicate(here, *earlier));
                    continue;
                }
                places.insert(here.text.clone(), here.span);
                view.extend(globals.get(&origin).map(|global| (here.text.clone(), global.clone())));
                if index == root {
                    project.imports.push(here.clone());
                }
            }
        }
        if index == root {
            project.views.main.clone_from(&view);
        }
        project.views.files.insert(module.file, view);
    }
    for (index, module) in modules.into_iter().enumerate() {
        project.add(module, index == root, &globals, index);
    }
    project
}

impl Project {
    fn add(&mut self, module: Module, main: bool, globals: &BTreeMap<(usize, String), String>, index: usize) {
        let std = stdlib::text(&module.path).is_some();
        let Module { file, mut tree, .. } = module;
        self.doubtful.extend(tree.doubtful.iter().cloned());
        // A word that is no name was complained of as such.
        self.doubtful.extend(tree.faults.iter().filter_map(|fault| match &fault.kind {
            FaultKind::Foreign { found, write } if write.is_empty() => Some(found.clone()),
            _ => None,
        }));
        let unread = tree.items.iter().filter_map(import).zip(&module.imports).filter(|(_, module)| module.is_none());
        for (import, _) in unread {
            self.doubtful.extend(import.names.iter().map(|name| name.here().text.clone()));
        }
        for item in std::mem::take(&mut tree.items) {
            if let (Item::Lint(lint), true) = (&item, main) {
                self.lints.extend(lint.names.iter().map(|name| (lint.level, name.clone())));
            }
            let Some(global) = item.name().and_then(|name| globals.get(&(index, name.text.clone()))) else {
                tree.items.push(item);
                continue;
            };
            self.entries.push(Entry { global: global.clone(), file, std, item: Arc::new(item) });
        }
        self.files.push((file, Arc::new(tree)));
    }
}

/// The imports of a module that could be read.
fn imports(modules: &[Module], index: usize) -> Vec<(&Import, usize)> {
    let Some(module) = modules.get(index) else { return Vec::new() };
    let written = module.tree.items.iter().filter_map(import);
    written.zip(&module.imports).filter_map(|(import, module)| Some((import, (*module)?))).collect()
}

/// The module that declares a name which another module offers.
fn origin(modules: &[Module], index: usize, name: &str) -> Option<(usize, String)> {
    let module = modules.get(index)?;
    let declared = module.tree.items.iter().filter_map(Item::name).any(|item| item.text == name);
    declared.then(|| (index, name.to_owned()))
}

fn not_exported(modules: &[Module], index: usize, name: &Ident) -> Option<Diagnostic> {
    let module = modules.get(index)?;
    if module.tree.doubtful.contains(&name.text) {
        return None;
    }
    let names: Vec<&str> = module.tree.items.iter().filter_map(Item::name).map(|name| name.text.as_str()).collect();
    let error = format!("`{}` declares no `{}`", module.path, name.text);
    Some(
        Diagnostic::error(Code::UnknownImport, name.span, error)
            .label("not declared there")
            .suggest(&name.text, &names),
    )
}

/// The stem with the first number from this on that makes it another than all before: the second `a.pbpo` may
/// not take the name of an `a1.pbpo`.
fn free(stem: &str, number: usize, taken: &mut BTreeSet<String>) -> String {
    let mut number = number;
    loop {
        let name = if number == 0 { stem.to_owned() } else { format!("{stem}{number}") };
        if taken.insert(name.clone()) {
            return name;
        }
        number += 1;
    }
}

/// `games` of `std/games` and of `lib/games.pbpo`.
fn stem(path: &str, index: usize) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.strip_suffix(".pbpo").unwrap_or(file);
    let plain = !stem.is_empty() && stem.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { stem.to_owned() } else { format!("file{index}") }
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn paths_are_relative_to_the_file_that_imports() {
        assert_eq!(join("a/b.pbpo", "c.pbpo").unwrap(), "a/c.pbpo");
        assert_eq!(join("a/b.pbpo", "../c.pbpo").unwrap(), "c.pbpo");
        assert_eq!(join("/x/b.pbpo", "./d/c.pbpo").unwrap(), "/x/d/c.pbpo");
        assert_eq!(join("b.pbpo", "../c.pbpo").unwrap(), "../c.pbpo");
        assert!(join("b.pbpo", "/etc/passwd").is_err());
    }
}
