//! Prepares the forwards that a plan lists for a step: takes those that an earlier stage has made, and makes the others
//! at once, side by side on the threads of the CPU, which the backend leaves idle at the size of one forward.

use std::collections::BTreeSet;

use pbpo_plan::forward::forwards_where;
use pbpo_plan::{Expr, Forward, Gives, ValueName};

use super::forwards::{Apart, Output, side_by_side};
use super::leaves::{Leaves, wrong};
use crate::batch::Batch;
use crate::device::{is_cpu, threads};
use crate::error::Fault;
use crate::player::Model;
use crate::value::{Value, tracked};

/// The role of a forward in the gradient.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// A forward of a player that is not moved.
    Frozen,
    /// The only forward of the moved player: part of the objective's graph.
    Only,
    /// One of several forwards of the moved player: with a separate graph.
    Apart,
}

/// A forward to make.
struct Work<'f> {
    forward: &'f Forward,
    role: Role,
    model: Model,
    batch: Batch,
}

impl Leaves<'_> {
    /// Prepares the forwards that a plan lists. Returns those of the moved player that have a separate graph, for
    /// [`super::forwards::gradients`]. Forwards that are not made here (on a GPU, or with one thread) are made when the
    /// objective needs them.
    pub fn prepare(&mut self, forwards: &[Forward]) -> Result<Vec<Apart>, Fault> {
        let mut made = Vec::new();
        for forward in forwards {
            match &forward.from {
                Some(from) => self.insert(forward, self.given(from)?.autodiff()),
                None => made.push(forward),
            }
        }
        let mut apart = Vec::new();
        if !is_cpu(self.device()) || threads() < 2 {
            return Ok(apart);
        }
        let made = self.whole(forwards, made)?;
        let moved = made.iter().filter(|forward| self.moved.value == forward.player).count();
        let work = made.into_iter().map(|forward| self.work(forward, moved)).collect::<Result<Vec<_>, _>>()?;
        let done = side_by_side(work, |work| (work.model.forward(&work.batch, work.forward.gives), work));
        for (output, Work { forward, role, model, .. }) in done {
            let output = match role {
                Role::Frozen => output.autodiff(),
                Role::Only => output,
                Role::Apart => {
                    let own = Apart::new(model, output);
                    let seen = own.seen();
                    apart.push(own);
                    seen
                }
            };
            self.insert(forward, output);
        }
        Ok(apart)
    }

    /// Returns the forwards to make that are not computed in pieces; the others are computed when the objective needs
    /// them. If one forward of a token-by-token comparison (KL) is in pieces, all of them are.
    fn whole<'f>(&mut self, all: &[Forward], made: Vec<&'f Forward>) -> Result<Vec<&'f Forward>, Fault> {
        let compares = |forward: &Forward| forward.gives == Gives::LogProbs;
        let mut compared = BTreeSet::new();
        for forward in all.iter().filter(|forward| compares(forward)) {
            if self.is_large(&forward.player, &forward.batch)? {
                compared.insert(&forward.batch);
            }
        }
        let mut whole = Vec::with_capacity(made.len());
        for forward in made {
            let apart = compares(forward) && compared.contains(&forward.batch);
            if !apart && !self.is_large(&forward.player, &forward.batch)? {
                whole.push(forward);
            }
        }
        Ok(whole)
    }

    /// Returns the forwards that a plan lists for an objective, and those of the other side of soft pairs.
    pub fn listed(&self, objective: &Expr, forwards: &[Forward]) -> Vec<Forward> {
        let soft = |set: &ValueName| matches!(self.values.get(set), Some(Value::Preferences(pairs)) if pairs.is_soft());
        if !forwards.iter().any(|forward| soft(&forward.batch.value)) {
            return forwards.to_vec();
        }
        let given = |needed: &Forward| forwards.iter().find(|f| f.from.is_some() && f.same(needed)).cloned();
        forwards_where(objective, &soft).into_iter().map(|needed| given(&needed).unwrap_or(needed)).collect()
    }

    /// Returns the output of a `forward` stage.
    fn given(&self, name: &ValueName) -> Result<Output, Fault> {
        match self.value(name)? {
            Value::Forward(output) => Ok(output.as_ref().clone()),
            other => Err(wrong(name, "a forward", other)),
        }
    }

    /// Returns a forward with the model that makes it; `moved` is the number of forwards of the moved player.
    fn work<'f>(&mut self, forward: &'f Forward, moved: usize) -> Result<Work<'f>, Fault> {
        let role = match (self.moved.value == forward.player, moved) {
            (false, _) => Role::Frozen,
            (true, 1) => Role::Only,
            (true, _) => Role::Apart,
        };
        let batch = self.batch(&forward.batch)?.clone();
        let batch = if role == Role::Frozen { self.on_plain_device(&batch) } else { batch };
        let model = match role {
            Role::Only => self.moved.model.clone(),
            Role::Apart => tracked(self.plain(&forward.player)?),
            Role::Frozen => self.plain(&forward.player)?.clone(),
        };
        Ok(Work { forward, role, model, batch })
    }

    /// Stores a forward's output for the leaves.
    fn insert(&mut self, forward: &Forward, output: Output) {
        let key = (forward.player.clone(), forward.batch.clone());
        match (output, forward.gives) {
            (Output::Later, _) => {}
            (Output::LogProbs(log_probs), _) => drop(self.log_probs.insert(key, log_probs)),
            (Output::Matrix(rewards), Gives::Rewards) => drop(self.rewards.insert(key, rewards)),
            (Output::Matrix(logp), Gives::Logp | Gives::LogProbs) => drop(self.logps.insert(key, logp)),
        }
    }
}
