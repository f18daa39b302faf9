//! The leaves of an objective: forwards of players over batches, each computed once for a step.

use std::collections::{BTreeMap, HashMap};

use burn::tensor::{Device, Int, Tensor};
use pbpo_plan::memory::Limits;
use pbpo_plan::{BatchRef, Gives, Leaf, Side, ValueName};

use super::Quantity;
use super::forwards::Output;
use super::pieces::{LIMITS, What};
use crate::batch::{Batch, Row};
use crate::context::Context;
use crate::error::Fault;
use crate::model::Head;
use crate::player::Model;
use crate::value::Value;

/// The player whose parameters are differentiated; all other players are frozen.
pub struct Moved {
    /// The name of the player's value.
    pub value: ValueName,
    /// Its model, tracked by autodiff.
    pub model: Model,
}

/// Computes leaves from the stage's inputs, with a forward of each player over each batch at most once.
pub struct Leaves<'v> {
    pub(super) values: &'v HashMap<ValueName, Value>,
    pub(super) moved: Moved,
    /// The autodiff device of all quantities.
    device: Device,
    batches: BTreeMap<BatchRef, Batch>,
    pub(super) log_probs: BTreeMap<(ValueName, BatchRef), Tensor<3>>,
    pub(crate) logps: BTreeMap<(ValueName, BatchRef), Tensor<2>>,
    pub(crate) rewards: BTreeMap<(ValueName, BatchRef), Tensor<2>>,
    /// The moved player's values for batches in pieces, as the objective uses them.
    pub(super) pulled: BTreeMap<BatchRef, Vec<(What, Tensor<2>)>>,
    /// The limits of a batch in one graph.
    pub limits: Limits,
}

impl<'v> Leaves<'v> {
    pub fn new(values: &'v HashMap<ValueName, Value>, moved: Moved, device: &Device) -> Self {
        Self {
            values,
            moved,
            device: device.clone().autodiff(),
            batches: BTreeMap::new(),
            log_probs: BTreeMap::new(),
            logps: BTreeMap::new(),
            rewards: BTreeMap::new(),
            pulled: BTreeMap::new(),
            limits: LIMITS,
        }
    }

    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Returns the player after the backward pass.
    pub fn into_moved(self) -> Moved {
        self.moved
    }

    /// Returns the value of a leaf.
    pub fn get(&mut self, leaf: &Leaf) -> Result<Quantity, Fault> {
        Ok(match leaf {
            Leaf::Logp { policy, batch } => self.tokens(batch, |l| l.logp(policy, batch))?,
            Leaf::Entropy { policy, batch } if self.is_large(policy, batch)? => {
                self.tokens(batch, |l| l.in_pieces(policy, batch, What::Entropy))?
            }
            Leaf::Kl { p, q, batch } if self.is_large(p, batch)? || self.is_large(q, batch)? => {
                self.tokens(batch, |l| l.kl_in_pieces(p, q, batch))?
            }
            Leaf::Entropy { policy, batch } => self.tokens(batch, |l| {
                let log_probs = l.log_probs(policy, batch)?;
                Ok((log_probs.clone().exp() * log_probs).sum_dim(2).squeeze_dim::<2>(2).neg())
            })?,
            Leaf::Kl { p, q, batch } => self.tokens(batch, |l| {
                let (p, q) = (l.log_probs(p, batch)?, l.log_probs(q, batch)?);
                Ok((p.clone().exp() * (p - q)).sum_dim(2).squeeze_dim::<2>(2))
            })?,
            Leaf::TokenReward { reward_model, batch } => self.tokens(batch, |l| l.reward(reward_model, batch))?,
            Leaf::Reward { reward_model, batch } => self.rows(batch, |l| l.reward(reward_model, batch))?,
            Leaf::Score { oracle, batch } => self.rows(batch, |l| l.scores(oracle, batch))?,
            Leaf::Size { preferences } => match self.value(preferences)? {
                Value::Preferences(p) => Quantity::Number(p.len() as f64),
                other => return Err(wrong(preferences, "preferences", other)),
            },
        })
    }

    /// Returns the padded rows of a batch.
    pub fn batch(&mut self, batch: &BatchRef) -> Result<&Batch, Fault> {
        if !self.batches.contains_key(batch) {
            self.batches.insert(batch.clone(), padded(self.values, batch, &self.device)?);
        }
        Ok(&self.batches[batch])
    }

    /// Returns the probability that the chosen side of each pair is preferred, `[rows, 1]`; `None` for a set whose
    /// labels are all hard.
    pub(super) fn probabilities(&self, set: &ValueName) -> Result<Option<Tensor<2>>, Fault> {
        let pairs = match self.value(set)? {
            Value::Preferences(pairs) => pairs,
            other => return Err(wrong(set, "preferences", other)),
        };
        let column = || {
            let values: Vec<f32> = pairs.pairs().map(|pair| pair.probability).collect();
            Tensor::<1>::from_floats(values.as_slice(), &self.device).unsqueeze_dim(1)
        };
        Ok(pairs.is_soft().then(column))
    }

    /// Returns the number of rows for each prompt of rollouts.
    pub fn per_prompt(&self, rollouts: &ValueName) -> Result<usize, Fault> {
        match self.value(rollouts)? {
            Value::Rollouts(r) => Ok(r.per_prompt),
            other => Err(wrong(rollouts, "rollouts", other)),
        }
    }

    /// Returns the log-probability of each response token, `[rows, positions]`.
    pub fn logp(&mut self, policy: &ValueName, batch: &BatchRef) -> Result<Tensor<2>, Fault> {
        let key = (policy.clone(), batch.clone());
        if let Some(logp) = self.logps.get(&key) {
            return Ok(logp.clone());
        }
        if self.is_large(policy, batch)? {
            let logp = self.in_pieces(policy, batch, What::Logp)?;
            self.logps.insert(key, logp.clone());
            return Ok(logp);
        }
        let log_probs = self.log_probs(policy, batch)?;
        let targets: Tensor<3, Int> = self.batch(batch)?.targets().unsqueeze_dim(2);
        let logp: Tensor<2> = log_probs.gather(2, targets).squeeze_dim(2);
        self.logps.insert(key, logp.clone());
        Ok(logp)
    }

    /// Returns a per-token leaf with 0 at padding, so that functions of it do not overflow there.
    fn tokens(
        &mut self,
        batch: &BatchRef,
        leaf: impl FnOnce(&mut Self) -> Result<Tensor<2>, Fault>,
    ) -> Result<Quantity, Fault> {
        let value = leaf(self)? * self.batch(batch)?.mask();
        Ok(Quantity::Matrix { value, rows: Some(batch.clone()) })
    }

    fn rows(
        &mut self,
        batch: &BatchRef,
        leaf: impl FnOnce(&mut Self) -> Result<Tensor<2>, Fault>,
    ) -> Result<Quantity, Fault> {
        Ok(Quantity::Matrix { value: leaf(self)?, rows: Some(batch.clone()) })
    }

    /// Returns next-token log-probabilities at each predicting position, `[rows, positions, vocab]`.
    fn log_probs(&mut self, policy: &ValueName, batch: &BatchRef) -> Result<Tensor<3>, Fault> {
        let key = (policy.clone(), batch.clone());
        if let Some(log_probs) = self.log_probs.get(&key) {
            return Ok(log_probs.clone());
        }
        let Output::LogProbs(log_probs) = self.forward(policy, batch, Gives::LogProbs)? else {
            return Err(wrong(policy, "policy", self.value(policy)?));
        };
        self.log_probs.insert(key, log_probs.clone());
        Ok(log_probs)
    }

    /// Returns the rewards of a batch, `[rows, positions]` or `[rows, 1]` by the model's head.
    fn reward(&mut self, reward_model: &ValueName, batch: &BatchRef) -> Result<Tensor<2>, Fault> {
        let key = (reward_model.clone(), batch.clone());
        if let Some(reward) = self.rewards.get(&key) {
            return Ok(reward.clone());
        }
        let Model::Reward(model) = self.model(reward_model)? else {
            return Err(wrong(reward_model, "reward_model", self.value(reward_model)?));
        };
        let context = model.backbone.config.context;
        let longest = self.batch(batch)?.longest_read();
        if longest > context {
            let block = reward_model.block();
            let message = format!("`{block}` reads {context} tokens, and a prompt with its response has {longest}");
            return Err(
                Fault::new(message).help("lower `max_new`, or leave long prompts out (`longest` in the data block)")
            );
        }
        if self.is_large(reward_model, batch)? {
            let reward = self.in_pieces(reward_model, batch, What::Rewards)?;
            self.rewards.insert(key, reward.clone());
            return Ok(reward);
        }
        let Output::Matrix(reward) = self.forward(reward_model, batch, Gives::Rewards)? else {
            return Err(wrong(reward_model, "reward_model", self.value(reward_model)?));
        };
        self.rewards.insert(key, reward.clone());
        Ok(reward)
    }

    /// Returns the response reward of each row, `[rows, 1]`, if it was computed in this step.
    pub fn known_reward(&mut self, reward_model: &ValueName, batch: &BatchRef, head: Head) -> Option<Tensor<2>> {
        let reward = self.rewards.get(&(reward_model.clone(), batch.clone()))?.clone().detach();
        match head {
            Head::Sequence | Head::Mean => Some(reward),
            Head::Token => Some((reward * self.batch(batch).ok()?.mask()).sum_dim(1)),
        }
    }

    /// Records, for the moved policy, the log-probabilities of a preference set's two sides and the statistics of its
    /// implicit reward, which is `beta` times its log-ratio to another policy, as TRL does: the mean margin, and the
    /// share of pairs whose chosen side has strictly more. Without a `beta` the margin is that of the log-ratios, and
    /// its name says so. Uses only values that the step has computed.
    pub fn record_implicit(
        &mut self,
        set: &ValueName,
        beta: Option<f64>,
        context: &mut Context<'_>,
    ) -> Result<(), Fault> {
        let Moved { value: moved, model: Model::Policy(_) } = &self.moved else { return Ok(()) };
        let moved = moved.clone();
        let sides = [Side::Chosen, Side::Rejected].map(|side| BatchRef { value: set.clone(), side: Some(side) });
        let mut margins = Vec::new();
        for policy in self.logps.keys().map(|(p, _)| p.clone()).collect::<std::collections::BTreeSet<_>>() {
            let mut sums = Vec::new();
            for side in &sides {
                let Some(logp) = self.logps.get(&(policy.clone(), side.clone())).cloned() else { return Ok(()) };
                sums.push((logp.detach() * self.batch(side)?.mask()).sum_dim(1));
            }
            let (chosen, rejected) = (sums.remove(0), sums.remove(0));
            if policy == moved {
                context.record("logps/chosen", mean(chosen.clone()));
                context.record("logps/rejected", mean(rejected.clone()));
                margins.insert(0, chosen - rejected);
            } else {
                margins.push(chosen - rejected);
            }
        }
        if let [own, reference] = margins.as_slice() {
            let margin = own.clone() - reference.clone();
            let right = margin.clone().mul_scalar(beta.unwrap_or(1.0)).greater_elem(0.0).float();
            let name = if beta.is_some() { "rewards" } else { "logratio" };
            context.record(&format!("{name}/margins"), beta.unwrap_or(1.0) * mean(margin));
            context.record(&format!("{name}/accuracies"), mean(right));
        }
        Ok(())
    }

    fn scores(&mut self, oracle: &ValueName, batch: &BatchRef) -> Result<Tensor<2>, Fault> {
        let Value::Oracle(oracle) = self.value(oracle)? else {
            return Err(wrong(oracle, "an oracle", self.value(oracle)?));
        };
        let source = match self.value(&batch.value)? {
            Value::Rollouts(rollouts) => Some(&rollouts.source),
            Value::Preferences(preferences) => preferences.source.as_ref(),
            other => return Err(wrong(&batch.value, "batch", other)),
        };
        let rows = source_rows(self.values, batch)?;
        let scores = match source {
            Some(source) => oracle.scores(source, &rows, &self.device.clone().without_autodiff())?,
            None => Vec::new(),
        };
        let scores: Vec<f32> = scores.into_iter().map(|score| score as f32).collect();
        let rows = scores.len();
        Ok(Tensor::<1>::from_floats(scores.as_slice(), &self.device).reshape([rows, 1]))
    }

    /// Returns a player's model: the tracked one of the moved player, else a plain one.
    pub(super) fn model(&self, player: &ValueName) -> Result<&Model, Fault> {
        if self.moved.value == *player {
            return Ok(&self.moved.model);
        }
        self.plain(player)
    }

    /// Returns a player's model without autodiff.
    pub(super) fn plain(&self, player: &ValueName) -> Result<&'v Model, Fault> {
        let value = self.value(player)?;
        value.player().map(|player| &player.model).ok_or_else(|| wrong(player, "a player", value))
    }

    /// Makes a player's forward over a batch: part of the objective's graph if the player is moved, else a constant of
    /// it.
    fn forward(&mut self, player: &ValueName, batch: &BatchRef, gives: Gives) -> Result<Output, Fault> {
        let batch = self.batch(batch)?.clone();
        if self.moved.value == *player {
            return Ok(self.moved.model.forward(&batch, gives));
        }
        Ok(self.plain(player)?.forward(&self.on_plain_device(&batch), gives).autodiff())
    }

    pub(super) fn on_plain_device(&self, batch: &Batch) -> Batch {
        batch.clone().to_device(&self.device.clone().without_autodiff())
    }

    pub(super) fn value(&self, name: &ValueName) -> Result<&'v Value, Fault> {
        let values = self.values;
        values.get(name).ok_or_else(|| missing(name))
    }
}

/// Returns the padded rows of a batch, which has at least one.
pub fn padded(values: &HashMap<ValueName, Value>, batch: &BatchRef, device: &Device) -> Result<Batch, Fault> {
    let made = Batch::new(source_rows(values, batch)?, device);
    if made.rows() == 0 {
        return Err(Fault::new(format!("`{}` is empty", batch.value))
            .help("collect pairs with `label` before an objective reads them"));
    }
    Ok(made)
}

pub(super) fn source_rows<'v>(values: &'v HashMap<ValueName, Value>, batch: &BatchRef) -> Result<Vec<&'v Row>, Fault> {
    let value = values.get(&batch.value).ok_or_else(|| missing(&batch.value))?;
    Ok(match (value, batch.side) {
        (Value::Rollouts(r), None) => r.rows.iter().collect(),
        (Value::Preferences(p), Some(Side::Chosen)) => p.pairs().map(|p| &p.chosen).collect(),
        (Value::Preferences(p), Some(Side::Rejected)) => p.pairs().map(|p| &p.rejected).collect(),
        (other, _) => return Err(wrong(&batch.value, "batch", other)),
    })
}

fn mean(x: Tensor<2>) -> f64 {
    f64::from(x.mean().into_scalar::<f32>())
}

pub(super) fn missing(name: &ValueName) -> Fault {
    Fault::new(format!("the plan uses `{name}` before it is made"))
}

pub(super) fn wrong(name: &ValueName, wanted: &str, found: &Value) -> Fault {
    Fault::new(format!("`{name}` is {} where {wanted} is wanted", found.kind()))
}
