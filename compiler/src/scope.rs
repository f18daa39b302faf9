//! Names: the declarations of a file, and the assignments of a pipeline so far.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pbpo_grammar::ast::{Ident, Item};
use pbpo_grammar::{FileId, Span};
use pbpo_plan::ValueName;

use crate::hir::{Decl, Param};
use crate::layered::Layered;
use crate::modules::Views;
use crate::schema::{Flow, Kind};

/// The declarations of a program, by their global names (see `modules.rs`).
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// All declarations except parameters. Entries shared by all points of a program are not copied.
    pub blocks: Layered<Decl>,
    /// Names of the blocks in the order of the files.
    pub order: Arc<Vec<String>>,
    pub params: Layered<Param>,
    /// Objectives and pipelines.
    pub items: Layered<Arc<Item>>,
    /// The global name of each word at its place.
    pub views: Arc<Views>,
    /// Objectives and pipelines with errors: their calls are not checked.
    pub broken: Arc<BTreeSet<String>>,
    /// Names that an unparsable part may have declared: they are not reported.
    pub doubtful: Arc<BTreeSet<String>>,
    /// Unknown names that were reported and would be the same mistake at each further place.
    pub missing: Marks,
    /// Names that were referred to, in any point.
    pub used: Arc<Marks>,
}

impl Scope {
    /// Returns the global name of a word.
    pub fn global(&self, word: &Ident) -> Option<&str> {
        self.views.global(word)
    }

    /// Returns the declaration that a word means, without marking it as used.
    pub fn peek(&self, word: &Ident) -> Option<&Decl> {
        self.blocks.get(self.global(word)?)
    }

    /// Returns the declaration that a word means, with its global name. Marks it as used.
    pub fn block(&self, word: &Ident) -> Option<(&str, &Decl)> {
        let (name, decl) = self.blocks.get_key_value(self.global(word)?)?;
        self.mark(name);
        Some((name, decl))
    }

    /// Returns the objective or pipeline that a word means.
    pub fn item(&self, word: &Ident) -> Option<&Item> {
        self.items.get(self.global(word)?).map(|item| &**item)
    }

    /// Returns the name of a task in the standard library, under any imported name.
    pub fn task<'w>(&'w self, word: &'w Ident) -> &'w str {
        match self.item(word) {
            Some(Item::Extern(task)) => {
                if let Some(global) = self.global(word) {
                    self.mark(global);
                }
                &task.name.text
            }
            _ => &word.text,
        }
    }

    /// Returns the parameter that a word means. Marks it as used.
    pub fn param(&self, word: &Ident) -> Option<&Param> {
        let name = self.global(word)?;
        let param = self.params.get(name)?;
        self.mark(name);
        Some(param)
    }

    /// Returns the names of pipelines or objectives that a file sees.
    pub fn of_items(&self, kind: Kind, file: FileId) -> Vec<&str> {
        let view = self.views.in_file(file);
        let right = |global: &str| self.blocks.get(global).is_some_and(|decl| decl.kind == Some(kind));
        view.iter().filter(|(_, global)| right(global)).map(|(name, _)| name.as_str()).collect()
    }

    /// Marks a name as used.
    pub fn mark(&self, name: &str) {
        self.used.add(name);
    }

    /// Prepares for many cheap copies.
    pub fn share(&mut self) {
        self.blocks.share();
        self.params.share();
        self.items.share();
        self.missing.share();
    }

    /// Returns the names that a file, or a definition in it, has for the blocks of a kind.
    pub fn of_kind(&self, kind: Kind, file: FileId) -> Vec<&str> {
        let right = |name: &str| self.blocks.get(name).is_some_and(|decl| decl.kind == Some(kind));
        let mut words: BTreeMap<&str, &str> = BTreeMap::new();
        for (word, global) in self.views.in_file(file).iter().filter(|(_, global)| right(global)) {
            words.entry(global).or_insert(word);
        }
        self.order.iter().filter_map(|name| words.get(name.as_str()).copied()).collect()
    }
}

/// A set of names that can be added while a program is only read, also by several threads.
#[derive(Debug, Default)]
pub struct Marks {
    /// The earlier names, which copies share.
    shared: Arc<BTreeSet<String>>,
    own: Mutex<BTreeSet<String>>,
}

impl Marks {
    /// Adds a name. Returns true if it is new.
    pub fn add(&self, name: &str) -> bool {
        let mut names = self.names();
        !self.shared.contains(name) && !names.contains(name) && names.insert(name.to_owned())
    }

    pub fn contains(&self, name: &str) -> bool {
        self.shared.contains(name) || self.names().contains(name)
    }

    fn share(&mut self) {
        let own = std::mem::take(&mut *self.names());
        Arc::make_mut(&mut self.shared).extend(own);
    }

    fn names(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for Marks {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), own: Mutex::new(self.names().clone()) }
    }
}

/// A variable of a pipeline at some place in it.
#[derive(Clone, Debug)]
pub struct Local {
    /// The plan's name of its value.
    pub value: ValueName,
    /// The kind of its value; `None` if its assignment was in error.
    pub flow: Option<Flow>,
    /// The place where it was assigned.
    pub span: Span,
    /// The known facts about rollouts.
    pub rollouts: Option<Rollouts>,
    /// True if it has a value in the plan, but no statement has given it one yet.
    pub pending: bool,
}

/// The facts about rollouts that are known before the run.
#[derive(Clone, Debug)]
pub struct Rollouts {
    /// The policy from which `sample` drew them; `None` for explored ones.
    pub policy: Option<String>,
    /// The data of their prompts.
    pub prompts: Option<String>,
    /// The number of responses, and of responses for each prompt.
    pub count: i64,
    pub per_prompt: i64,
    /// The value whose `sample` drew the prompts; `None` if a loop may have changed that.
    pub drawn: Option<ValueName>,
}

impl Rollouts {
    /// Tells whether a variable may hold one in place of the other: each `sample` draws different prompts.
    pub fn alike(&self, other: &Self) -> bool {
        (&self.policy, &self.prompts, self.count, self.per_prompt)
            == (&other.policy, &other.prompts, other.count, other.per_prompt)
    }
}

/// The variables of a pipeline.
#[derive(Clone, Debug, Default)]
pub struct Locals {
    pub map: BTreeMap<String, Local>,
    /// The place where each variable is first assigned, anywhere in the pipeline.
    pub assigned: BTreeMap<String, Span>,
}

impl Locals {
    /// Returns a variable that has a value at this point.
    pub fn get(&self, name: &str) -> Option<&Local> {
        self.map.get(name).filter(|local| !local.pending)
    }

    /// Returns the names of the variables of this kind.
    pub fn of_flow(&self, flow: Flow) -> Vec<&str> {
        self.map
            .iter()
            .filter(|(_, local)| local.flow == Some(flow) && !local.pending)
            .map(|(name, _)| name.as_str())
            .collect()
    }
}
