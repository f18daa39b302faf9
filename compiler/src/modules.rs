//! Files and what they import: `use std/games { pbpo }`, `use "players.pbpo" { pi }`.
//!
//! Every file is a module with separate names. A declaration has one *global* name: in the main file the name itself;
//! if the main file imports it, its name there; else `module::name`, which cannot be written in a file. [`Views`] maps
//! the words of each file to global names.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pbpo_grammar::ast::{FaultKind, File, Ident, Import, ImportPath, Item, Level};
use pbpo_grammar::{FileId, Span};
use pbpo_outside::shown::is_control;

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::source::SourceMap;
use crate::{stdlib, syntax};

/// Reads the files that a file imports. The compiler itself touches no disk.
pub trait Loader {
    /// Returns the text of a file, by its path as the compiler has composed it, or the reason why it can't be read.
    fn load(&self, path: &str) -> Result<String, String>;
}

/// A loader for texts that import only the standard library.
pub struct NoFiles;

impl Loader for NoFiles {
    fn load(&self, _path: &str) -> Result<String, String> {
        Err("files can't be imported here".into())
    }
}

/// A declaration of a program.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The global name.
    pub global: String,
    pub file: FileId,
    /// True for the standard library.
    pub std: bool,
    pub item: Arc<Item>,
}

/// The global names that each file sees. A text without a view, as that of a `--set`, sees the same as the main file.
#[derive(Clone, Debug, Default)]
pub struct Views {
    main: BTreeMap<String, String>,
    files: BTreeMap<FileId, BTreeMap<String, String>>,
}

impl Views {
    /// Returns the global name of a word at its place.
    pub fn global(&self, word: &Ident) -> Option<&str> {
        self.in_file(word.span.file).get(&word.text).map(String::as_str)
    }

    /// Returns every name that a file sees, with its global name.
    pub fn in_file(&self, file: FileId) -> &BTreeMap<String, String> {
        self.files.get(&file).unwrap_or(&self.main)
    }

    /// Returns the global name of `seed` in a file, or that of the main file if the file has none.
    pub fn seed(&self, file: FileId) -> Option<&str> {
        self.in_file(file).get("seed").or_else(|| self.main.get("seed")).map(String::as_str)
    }

    /// Tells whether this is a file, and not a text of the command line.
    pub fn is_file(&self, file: FileId) -> bool {
        self.files.contains_key(&file)
    }

    /// Puts a name into a file's view, or removes it. Returns its earlier meaning.
    pub fn put(&mut self, file: FileId, name: &str, global: Option<String>) -> Option<String> {
        let view = self.files.entry(file).or_insert_with(|| self.main.clone());
        match global {
            Some(global) => view.insert(name.to_owned(), global),
            None => view.remove(name),
        }
    }
}

/// All files of a program, linked.
#[derive(Debug, Default)]
pub struct Project {
    pub main: FileId,
    /// Declarations, imported files first, each file in its own order.
    pub entries: Vec<Entry>,
    /// The first entry of each global name.
    index: BTreeMap<String, usize>,
    pub views: Views,
    /// Words that unparsable text may have declared, in any file.
    pub doubtful: BTreeSet<String>,
    /// `allow`, `warn` and `deny` of the main file, in order.
    pub lints: Vec<(Level, Ident)>,
    /// The names of the main file's imports, as they are called there.
    pub imports: Vec<Ident>,
    /// The syntax trees of all files: their faults, and the items that declare no name.
    pub files: Vec<(FileId, Arc<File>)>,
}

/// Reads and links the main file and everything it imports.
pub fn load(
    name: &str,
    source: &str,
    loader: &dyn Loader,
    sources: &mut SourceMap,
    out: &mut Vec<Diagnostic>,
) -> Project {
    let main = sources.add(name, source);
    let mut work = Load {
        loader,
        sources,
        out,
        modules: Vec::new(),
        known: BTreeMap::new(),
        stack: Vec::new(),
        depths: BTreeMap::new(),
    };
    work.all(main, local(name.to_owned()), source);
    let modules = work.modules;
    link(main, modules, out)
}

/// A file while the program is being linked.
struct Module {
    file: FileId,
    /// The name in messages: a path, or `std/games`.
    path: String,
    tree: File,
    /// The declared names.
    names: BTreeSet<String>,
    /// The module of each import; `None` if it can't be read.
    imports: Vec<Option<usize>>,
}

struct Load<'a> {
    loader: &'a dyn Loader,
    sources: &'a mut SourceMap,
    out: &'a mut Vec<Diagnostic>,
    modules: Vec<Module>,
    /// The indices of the modules by their paths.
    known: BTreeMap<String, usize>,
    /// The files that are being read, outermost first: no recursion, because a chain of files may be longer than the
    /// stack is deep.
    stack: Vec<Reading>,
    /// The places of these files on the stack by their paths.
    depths: BTreeMap<String, usize>,
}

/// A file whose imports are being read.
struct Reading {
    file: FileId,
    path: String,
    tree: File,
    /// The imports that are still to be read.
    left: std::vec::IntoIter<Import>,
    /// The modules of those that were read.
    imports: Vec<Option<usize>>,
}

/// The largest number of files of a program.
const MOST_FILES: usize = 20_000;
/// The largest number of files of a circle that a message names at each of its ends.
const MOST_NAMED: usize = 4;

impl Load<'_> {
    /// Reads the main file and everything it imports: each file comes behind its imports.
    fn all(&mut self, file: FileId, path: String, source: &str) {
        self.start(file, path, source);
        while let Some(reading) = self.stack.last_mut() {
            let Some(import) = reading.left.next() else {
                self.finish();
                continue;
            };
            let from = reading.path.clone();
            if let Some(module) = self.import(&import, &from)
                && let Some(reading) = self.stack.last_mut()
            {
                reading.imports.push(module);
            }
        }
    }

    /// Parses a file and puts it on the stack.
    fn start(&mut self, file: FileId, path: String, source: &str) {
        let tree = pbpo_grammar::parse(file, source);
        self.out.extend(syntax::diagnostics(&tree, file, source));
        let left: Vec<Import> = tree.items.iter().filter_map(import).cloned().collect();
        self.depths.insert(path.clone(), self.stack.len());
        self.stack.push(Reading { file, path, tree, left: left.into_iter(), imports: Vec::new() });
    }

    /// Takes a file from the stack, and gives its index to the file that imports it.
    fn finish(&mut self) {
        let Some(Reading { file, path, tree, imports, .. }) = self.stack.pop() else { return };
        let names = tree.items.iter().filter_map(Item::name).map(|name| name.text.clone()).collect();
        let index = self.modules.len();
        self.depths.remove(&path);
        self.known.insert(path.clone(), index);
        self.modules.push(Module { file, path, tree, names, imports });
        if let Some(reading) = self.stack.last_mut() {
            reading.imports.push(Some(index));
        }
    }

    /// Returns the module of an import: `Some(None)` if it can't be read, `None` if its file was put on the stack.
    fn import(&mut self, import: &Import, from: &str) -> Option<Option<usize>> {
        let (path, text) = match &import.path {
            ImportPath::Module(name) => (name.clone(), stdlib::text(name).map(Cow::Borrowed)),
            ImportPath::File(relative) => match self.file(from, relative) {
                Ok((path, text)) => (path, Some(Cow::Owned(text))),
                Err(reason) => {
                    self.unreadable(import, relative, &reason);
                    return Some(None);
                }
            },
        };
        if self.cycle(&path, import.path_span) {
            return Some(None);
        }
        if let Some(known) = self.known.get(&path) {
            return Some(Some(*known));
        }
        let Some(text) = text else {
            let names = || stdlib::MODULES.iter().map(|(name, _)| *name).collect();
            let error =
                Diagnostic::error(Code::UnknownModule, import.path_span, format!("no module is called `{path}`"))
                    .label("not in the standard library")
                    .suggest(self.out.len(), &path, names);
            self.out.push(error);
            return Some(None);
        };
        if self.known.len() + self.stack.len() >= MOST_FILES {
            self.unreadable(import, &path, &format!("a program has at most {MOST_FILES} files"));
            return Some(None);
        }
        let file = self.sources.add(&path, &text);
        self.start(file, path, &text);
        None
    }

    /// Returns the path and text of an imported file. Files without the `.pbpo` ending are not opened, and files
    /// without the header are not quoted, so that messages leak no other file.
    fn file(&self, from: &str, relative: &str) -> Result<(String, String), String> {
        if relative.contains(is_control) {
            return Err("its name has a control character".into());
        }
        let path = local(join(from, relative)?);
        if !relative.ends_with(".pbpo") {
            return Err("its name does not end in `.pbpo`".into());
        }
        let text = self.loaded(&path)?;
        Ok((path, text))
    }

    /// Returns the text of a file; an empty text if the file is known already.
    fn loaded(&self, path: &str) -> Result<String, String> {
        if self.depths.contains_key(path) || self.known.contains_key(path) {
            return Ok(String::new());
        }
        let text = self.loader.load(path)?;
        if syntax::has_header(&text) { Ok(text) } else { Err("it does not start with `pbpo 1`".into()) }
    }

    fn unreadable(&mut self, import: &Import, path: &str, reason: &str) {
        self.out.push(
            Diagnostic::error(Code::UnknownModule, import.path_span, format!("can't import `{path}`: {reason}"))
                .label("imported here")
                .help("give the path of a `.pbpo` file, relative to this one"),
        );
    }

    /// Reports that a file would import itself, with the cycle. Returns true if it did.
    fn cycle(&mut self, path: &str, at: Span) -> bool {
        let Some(first) = self.depths.get(path).copied() else { return false };
        let mut way: Vec<&str> = self.stack.iter().skip(first).map(|reading| reading.path.as_str()).collect();
        way.push(path);
        if way.len() > 2 * MOST_NAMED {
            way.splice(MOST_NAMED..way.len() - MOST_NAMED, ["..."]);
        }
        self.out.push(
            Diagnostic::error(Code::ImportCycle, at, "files import each other in a circle")
                .label(way.join(" -> "))
                .help("move what both need into a third file"),
        );
        true
    }
}

/// Returns the path of a file on disk in a form that cannot be taken for a module of the standard library.
fn local(path: String) -> String {
    if stdlib::text(&path).is_some() { format!("./{path}") } else { path }
}

fn import(item: &Item) -> Option<&Import> {
    match item {
        Item::Import(import) => Some(import),
        _ => None,
    }
}

/// Resolves `relative` beside the file `from`. Refuses absolute paths, and paths with more `..` than there are folders.
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
    // Imports of the main file have the same name in their own module.
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
    let mut alike: BTreeMap<String, usize> = BTreeMap::new();
    for (index, module) in modules.iter().enumerate() {
        let same = alike.entry(stem(&module.path, 0)).or_default();
        let stem = free(&stem(&module.path, index), *same, &mut stems);
        *same += 1;
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
                    let error = not_exported(&modules, from, &name.name, out.len());
                    // The misspelt name is probably used below.
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
    /// Returns the index of the declaration of a global name among the entries.
    pub fn place(&self, global: &str) -> Option<usize> {
        self.index.get(global).copied()
    }

    /// Returns the declaration of a global name in the file.
    pub fn item(&self, global: &str) -> Option<&Item> {
        self.entries.get(self.place(global)?).map(|entry| &*entry.item)
    }

    fn add(&mut self, module: Module, main: bool, globals: &BTreeMap<(usize, String), String>, index: usize) {
        let std = stdlib::text(&module.path).is_some();
        let Module { file, mut tree, .. } = module;
        self.doubtful.extend(tree.doubtful.iter().cloned());
        // An invalid name was already reported.
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
            self.index.entry(global.clone()).or_insert(self.entries.len());
            self.entries.push(Entry { global: global.clone(), file, std, item: Arc::new(item) });
        }
        self.files.push((file, Arc::new(tree)));
    }
}

/// The declarations of a program, of which overrides change some: only these are copied.
#[derive(Clone, Debug)]
pub struct Entries<'p> {
    pub project: &'p Project,
    changed: BTreeMap<usize, Arc<Item>>,
}

impl<'p> Entries<'p> {
    pub fn new(project: &'p Project) -> Self {
        Self { project, changed: BTreeMap::new() }
    }

    /// Returns the declaration at an index.
    pub fn at(&self, index: usize) -> Option<&Arc<Item>> {
        self.changed.get(&index).or_else(|| self.project.entries.get(index).map(|entry| &entry.item))
    }

    /// Returns the declaration at an index with its entry.
    pub fn get(&self, index: usize) -> Option<(&'p Entry, &Arc<Item>)> {
        Some((self.project.entries.get(index)?, self.at(index)?))
    }

    /// Returns the declaration of a global name.
    pub fn item(&self, global: &str) -> Option<&Item> {
        self.at(self.project.place(global)?).map(|item| &**item)
    }

    /// Returns the declaration at an index, mutably.
    pub fn edit(&mut self, index: usize) -> Option<&mut Item> {
        let written = &self.project.entries.get(index)?.item;
        Some(Arc::make_mut(self.changed.entry(index).or_insert_with(|| written.clone())))
    }

    /// Returns every declaration with its entry.
    pub fn iter(&self) -> impl Iterator<Item = (&'p Entry, &Arc<Item>)> {
        let entries = self.project.entries.iter().enumerate();
        entries.map(|(index, entry)| (entry, self.changed.get(&index).unwrap_or(&entry.item)))
    }
}

/// Returns the imports of a module that could be read.
fn imports(modules: &[Module], index: usize) -> Vec<(&Import, usize)> {
    let Some(module) = modules.get(index) else { return Vec::new() };
    let written = module.tree.items.iter().filter_map(import);
    written.zip(&module.imports).filter_map(|(import, module)| Some((import, (*module)?))).collect()
}

/// Returns the module that declares a name which another module re-exports.
fn origin(modules: &[Module], index: usize, name: &str) -> Option<(usize, String)> {
    let module = modules.get(index)?;
    module.names.contains(name).then(|| (index, name.to_owned()))
}

fn not_exported(modules: &[Module], index: usize, name: &Ident, said: usize) -> Option<Diagnostic> {
    let module = modules.get(index)?;
    if module.tree.doubtful.contains(&name.text) {
        return None;
    }
    let names = || module.names.iter().map(String::as_str).collect();
    let error = format!("`{}` declares no `{}`", module.path, name.text);
    Some(
        Diagnostic::error(Code::UnknownImport, name.span, error)
            .label("not declared there")
            .suggest(said, &name.text, names),
    )
}

/// Returns the stem with the first number from `number` on that makes it unique: the second `a.pbpo` must not take the
/// name of an `a1.pbpo`.
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

/// Returns the stem of a path: `games` of `std/games` and of `lib/games.pbpo`.
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
