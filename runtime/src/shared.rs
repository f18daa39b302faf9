//! Stages that several points of a sweep have in common: each is run once.
//!
//! Two stages are the same if their identities are: what they do and what they work on, and the seed where
//! they draw. The values of a stage are kept until the last point that has it.

use std::collections::{HashMap, HashSet};

use pbpo_plan::Plan;
use pbpo_plan::identity::{Identity, identities};

use crate::event::Event;
use crate::value::Value;

/// What a stage has made, and what it told on the way.
#[derive(Clone)]
pub struct Known {
    pub values: Vec<Value>,
    pub events: Vec<Event>,
}

/// The stages that will be needed again.
#[derive(Default)]
pub struct Shared {
    /// How many points are still to come that have a stage.
    left: HashMap<Identity, usize>,
    known: HashMap<Identity, Known>,
    /// What the point at hand has asked for.
    asked: HashSet<Identity>,
}

impl Shared {
    /// For points that will be run in any order, each once. Stages outside of loops are shared; a loop is
    /// one of them.
    pub fn new<'p>(plans: impl IntoIterator<Item = &'p Plan>) -> Self {
        let mut left = HashMap::new();
        for plan in plans {
            let identities = identities(plan);
            // Checkpoints are written by every point, into its own directory.
            let stages = plan.body.stages().filter(|stage| !stage.saves());
            for identity in stages.filter_map(|stage| identities.get(&stage.name)) {
                *left.entry(*identity).or_insert(0) += 1;
            }
        }
        Self { left, ..Self::default() }
    }

    /// What is known of a stage, for the point at hand.
    pub fn take(&mut self, identity: &Identity) -> Option<Known> {
        self.asked.insert(*identity);
        let left = self.left.get_mut(identity)?;
        *left = left.saturating_sub(1);
        if *left == 0 { self.known.remove(identity) } else { self.known.get(identity).cloned() }
    }

    /// A point is over: what it has not asked for, because a pass dropped the stage or the run failed before it,
    /// it needs no more.
    pub fn over(&mut self, plan: &Plan) {
        let asked = std::mem::take(&mut self.asked);
        let identities = identities(plan);
        let stages = plan.body.stages().filter_map(|stage| identities.get(&stage.name));
        for identity in stages.filter(|identity| !asked.contains(*identity)) {
            self.take(identity);
        }
        self.asked.clear();
    }

    /// Whether a point to come has a stage.
    pub fn wants(&self, identity: &Identity) -> bool {
        self.left.get(identity).is_some_and(|left| *left > 0)
    }

    /// Keeps what a stage has made for the points to come.
    pub fn keep(&mut self, identity: Identity, known: Known) {
        self.known.insert(identity, known);
    }

    /// Number of stages whose values are held.
    pub fn held(&self) -> usize {
        self.known.len()
    }
}
