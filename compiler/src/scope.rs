//! Names: what a file declares, and what a pipeline has assigned so far.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use pbpo_grammar::Span;

use crate::hir::{Decl, Param};
use crate::schema::{Flow, Kind};

/// The declarations of a file.
#[derive(Debug, Default)]
pub struct Scope {
    pub blocks: BTreeMap<String, Decl>,
    /// Names of the blocks in the order of the file.
    pub order: Vec<String>,
    pub params: BTreeMap<String, Param>,
    /// Names that something unreadable may have declared: nothing is said of them.
    pub doubtful: BTreeSet<String>,
    /// Unknown names that were complained of, where each further place would be the same mistake.
    pub missing: RefCell<BTreeSet<String>>,
    /// Names that were referred to.
    pub used: RefCell<BTreeSet<String>>,
}

impl Scope {
    /// The block of a name. Marks it as used.
    pub fn block(&self, name: &str) -> Option<&Decl> {
        let decl = self.blocks.get(name)?;
        self.mark(name);
        Some(decl)
    }

    /// The parameter of a name. Marks it as used.
    pub fn param(&self, name: &str) -> Option<&Param> {
        let param = self.params.get(name)?;
        self.mark(name);
        Some(param)
    }

    /// Marks a name as used.
    fn mark(&self, name: &str) {
        let mut used = self.used.borrow_mut();
        if !used.contains(name) {
            used.insert(name.to_owned());
        }
    }

    /// Names of the blocks of a kind.
    pub fn of_kind(&self, kind: Kind) -> Vec<&str> {
        self.order
            .iter()
            .filter(|name| self.blocks.get(*name).is_some_and(|decl| decl.kind == Some(kind)))
            .map(String::as_str)
            .collect()
    }
}

/// A variable of a pipeline at some place in it.
#[derive(Clone, Debug)]
pub struct Local {
    /// The plan's name of its value.
    pub value: String,
    /// Nothing, if its assignment was in error.
    pub flow: Option<Flow>,
    /// Where it was assigned.
    pub span: Span,
    /// What is known of rollouts.
    pub rollouts: Option<Rollouts>,
    /// Has a value in the plan, but no statement has given it one yet.
    pub pending: bool,
}

/// What is known of rollouts before the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollouts {
    /// The policy that `sample` drew them from; nothing for explored ones.
    pub policy: Option<String>,
    /// The data that their prompts are from.
    pub prompts: Option<String>,
    /// Number of responses, and of responses for each prompt.
    pub count: i64,
    pub per_prompt: i64,
}

/// The variables of a pipeline.
#[derive(Clone, Debug, Default)]
pub struct Locals {
    pub map: BTreeMap<String, Local>,
    /// Where each variable is assigned first, anywhere in the pipeline.
    pub assigned: BTreeMap<String, Span>,
}

impl Locals {
    /// A variable that has a value by now.
    pub fn get(&self, name: &str) -> Option<&Local> {
        self.map.get(name).filter(|local| !local.pending)
    }

    /// Names of the variables that hold this.
    pub fn of_flow(&self, flow: Flow) -> Vec<&str> {
        self.map
            .iter()
            .filter(|(_, local)| local.flow == Some(flow) && !local.pending)
            .map(|(name, _)| name.as_str())
            .collect()
    }
}
