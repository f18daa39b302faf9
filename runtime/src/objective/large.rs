//! Leaves over batches too large for one graph, and the moved player's gradient through them.

use burn::optim::GradientsParams;
use burn::tensor::{Gradients, Tensor};
use pbpo_plan::{BatchRef, ValueName};

use super::leaves::{Leaves, source_rows, wrong};
use super::pieces::{Pieces, Size, What};
use crate::error::Fault;
use crate::model::recompute::add;
use crate::player::Model;

impl<'v> Leaves<'v> {
    /// Tells whether a player's forward over a batch is computed in pieces.
    pub(super) fn is_large(&mut self, player: &ValueName, batch: &BatchRef) -> Result<bool, Fault> {
        let size = Size::of(self.model(player)?);
        let limits = self.limits;
        Ok(size.is_exceeded(self.batch(batch)?, limits))
    }

    /// Returns a player's values for a batch, computed in pieces, `[rows, positions]` or `[rows, 1]`.
    pub(super) fn in_pieces(&mut self, player: &ValueName, batch: &BatchRef, what: What) -> Result<Tensor<2>, Fault> {
        let model = self.plain(player)?;
        let value = self.pieces(model, batch, &[&what])?.values(model, &what).autodiff();
        if self.moved.value != *player {
            return Ok(value);
        }
        let seen = value.require_grad();
        self.pulled.entry(batch.clone()).or_default().push((what, seen.clone()));
        Ok(seen)
    }

    pub(super) fn kl_in_pieces(&mut self, p: &ValueName, q: &ValueName, batch: &BatchRef) -> Result<Tensor<2>, Fault> {
        let other = |name: &ValueName| match self.plain(name)? {
            Model::Policy(model) => Ok(model.clone()),
            Model::Reward(_) => Err(wrong(name, "policy", self.value(name)?)),
        };
        // The gradient is taken in only one of the two players.
        match self.moved.value == *q {
            true => {
                let what = What::KlFrom(other(p)?);
                self.in_pieces(q, batch, what)
            }
            false => {
                let what = What::KlTo(other(q)?);
                self.in_pieces(p, batch, what)
            }
        }
    }

    fn pieces(&self, player: &Model, batch: &BatchRef, wanted: &[&What]) -> Result<Pieces<'v>, Fault> {
        Ok(Pieces::new(source_rows(self.values, batch)?, player, wanted, self.limits, self.device()))
    }

    /// Returns the moved player's gradients through values that were computed in pieces; `outer` are the objective's
    /// gradients.
    pub fn pull(&self, outer: &Gradients) -> Result<GradientsParams, Fault> {
        let mut sum = GradientsParams::new();
        let player = self.plain(&self.moved.value)?;
        for (batch, wanted) in &self.pulled {
            let gradient = |seen: &Tensor<2>| seen.grad(outer).unwrap_or_else(|| seen.clone().inner().zeros_like());
            let wanted: Vec<_> = wanted.iter().map(|(what, seen)| (what.clone(), gradient(seen))).collect();
            let whats: Vec<&What> = wanted.iter().map(|(what, _)| what).collect();
            let part = self.pieces(player, batch, &whats)?.gradients(player, &wanted);
            add(player, &mut sum, part);
        }
        Ok(sum)
    }
}
