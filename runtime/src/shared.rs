//! Stages that several points of a sweep share: each is run once.
//!
//! Two stages are the same if their identities are equal: operation, inputs, and the seed if they draw. The values of a
//! stage are kept until the last point that has it.

use std::collections::{HashMap, HashSet};

use pbpo_plan::Plan;
use pbpo_plan::identity::{Identity, identities};

use crate::context::Counted;
use crate::event::Event;
use crate::value::Value;

/// The outputs of a stage, the events during it, and what it has counted.
#[derive(Clone)]
pub struct Known {
    pub values: Vec<Value>,
    pub events: Vec<Event>,
    pub counted: Counted,
}

/// The stages that will be needed again.
#[derive(Default)]
pub struct Shared {
    /// The number of remaining points that have a stage.
    left: HashMap<Identity, usize>,
    known: HashMap<Identity, Known>,
    /// The stages that the current point has requested.
    asked: HashSet<Identity>,
}

impl Shared {
    /// Counts the stages of points that are run in any order, each once. Stages outside of loops are shared; a loop
    /// counts as one stage.
    pub fn new<'p>(plans: impl IntoIterator<Item = &'p Plan>) -> Self {
        let mut left = HashMap::new();
        for plan in plans {
            let identities = identities(plan);
            // Checkpoints are not shared, because every point writes them into its own directory.
            let stages = plan.body.stages().filter(|stage| !stage.saves());
            for identity in stages.filter_map(|stage| identities.get(&stage.name)) {
                *left.entry(*identity).or_insert(0) += 1;
            }
        }
        Self { left, ..Self::default() }
    }

    /// Returns the stored result of a stage, for the current point.
    pub fn take(&mut self, identity: &Identity) -> Option<Known> {
        self.asked.insert(*identity);
        let left = self.left.get_mut(identity)?;
        *left = left.saturating_sub(1);
        if *left == 0 { self.known.remove(identity) } else { self.known.get(identity).cloned() }
    }

    /// Ends a point. Stages that it did not request, because a pass dropped them or the run failed earlier, are counted
    /// as done for it.
    pub fn over(&mut self, plan: &Plan) {
        let asked = std::mem::take(&mut self.asked);
        let identities = identities(plan);
        let stages = plan.body.stages().filter_map(|stage| identities.get(&stage.name));
        for identity in stages.filter(|identity| !asked.contains(*identity)) {
            self.take(identity);
        }
        self.asked.clear();
    }

    /// Tells whether a remaining point has a stage.
    pub fn wants(&self, identity: &Identity) -> bool {
        self.left.get(identity).is_some_and(|left| *left > 0)
    }

    /// Keeps the outputs of a stage for later points.
    pub fn keep(&mut self, identity: Identity, known: Known) {
        self.known.insert(identity, known);
    }

    /// Returns the number of stages whose values are held.
    pub fn held(&self) -> usize {
        self.known.len()
    }
}
