//! The score-function part of a gradient: the part of an expectation over a policy's own samples that depends on the
//! policy through sampling.
//!
//! `d/dP E_{y~P} g(y) = E[ sum_t A_t d/dP log P(y_t | y_<t)
//! ]` with advantages `A` made from `g` without gradient: reward-to-go if `g` is per token, and a baseline that does
//! not depend on the sample.

use burn::tensor::{Tensor, TensorData};
use pbpo_plan::{BatchRef, Estimator, ValueName};

use super::{Evaluator, Quantity};
use crate::error::Fault;

impl Evaluator<'_, '_> {
    /// Sums `arg` (`[rows, 1]` or `[rows, positions]`) over tokens, and adds a term of value zero whose gradient is the
    /// score-function term.
    pub(super) fn estimate(
        &mut self,
        estimator: &Estimator,
        policy: &ValueName,
        rollouts: &ValueName,
        arg: Quantity,
    ) -> Result<Quantity, Fault> {
        let batch = BatchRef { value: rollouts.clone(), side: None };
        let mask = self.leaves.batch(&batch)?.mask();
        let logp = self.leaves.logp(policy, &batch)?;
        let value = self.matrix(&arg);
        let [rows, positions] = mask.dims();
        let per_token = value.dims()[1] > 1 || positions == 1;
        let value = if per_token { value * mask.clone() } else { value };
        let advantages = advantages(estimator, value.clone().detach(), self.leaves.per_prompt(rollouts)?);
        let score = advantages * (logp.clone() - logp.detach()) * mask;
        let total = if per_token { value.sum_dim(1) } else { value };
        let value = total.expand([rows, 1]) + score.sum_dim(1);
        Ok(Quantity::Matrix { value, rows: Some(batch) })
    }
}

/// Returns advantages `[rows, positions]` of returns: per token (masked rewards) or `[rows, 1]` per response.
pub(super) fn advantages(estimator: &Estimator, rewards: Tensor<2>, per_prompt: usize) -> Tensor<2> {
    let returns = if rewards.dims()[1] > 1 { reward_to_go(rewards) } else { rewards };
    match estimator {
        Estimator::Reinforce => {
            let rows = returns.dims()[0];
            leave_one_out(returns, rows)
        }
        Estimator::Rloo { .. } => leave_one_out(returns, per_prompt),
        Estimator::Grpo { .. } => {
            let [rows, positions] = returns.dims();
            let groups = returns.reshape([rows / per_prompt, per_prompt, positions]);
            let centred = groups.clone() - groups.mean_dim(1);
            let std = centred.clone().square().mean_dim(1).sqrt().add_scalar(1e-4);
            (centred / std).reshape([rows, positions])
        }
    }
}

/// Computes `G_t = sum_{s >= t} r_s`, by a product with a triangle of ones.
fn reward_to_go(rewards: Tensor<2>) -> Tensor<2> {
    let n = rewards.dims()[1];
    let ones = (0..n * n).map(|i| f32::from(u8::from(i / n >= i % n))).collect();
    let triangle: Tensor<2> = Tensor::from_data(TensorData::new::<f32, _>(ones, [n, n]), &rewards.device());
    rewards.matmul(triangle)
}

/// Subtracts from each return the mean of the other returns of its group; a group of one keeps its return.
fn leave_one_out(returns: Tensor<2>, group: usize) -> Tensor<2> {
    let [rows, positions] = returns.dims();
    if group < 2 {
        return returns;
    }
    let groups = returns.reshape([rows / group, group, positions]);
    let others = (groups.clone().sum_dim(1) - groups.clone()).div_scalar((group - 1) as f64);
    (groups - others).reshape([rows, positions])
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn matrix(rows: &[[f32; 2]]) -> Tensor<2> {
        Tensor::stack(rows.iter().map(|r| Tensor::<1>::from_floats(*r, &Device::flex())).collect(), 0)
    }

    fn values(advantages: Tensor<2>) -> Vec<f32> {
        advantages.into_data_as::<f32>().try_into_vec().unwrap()
    }

    #[test]
    fn rewards_to_go_less_the_mean_of_the_others() {
        let rewards = matrix(&[[1.0, 2.0], [4.0, 0.0], [1.0, 1.0], [3.0, 3.0]]);
        // The returns are 3 2 | 4 0 | 2 1 | 6 3.
        let rloo = advantages(&Estimator::Rloo { group: 2 }, rewards.clone(), 2);
        assert_eq!(values(rloo), [-1.0, 2.0, 1.0, -2.0, -4.0, -2.0, 4.0, 2.0]);
        let reinforce = advantages(&Estimator::Reinforce, rewards.clone(), 2);
        assert_eq!(values(reinforce)[0], 3.0 - 12.0 / 3.0);
        let grpo = advantages(&Estimator::Grpo { group: 2 }, rewards, 2);
        assert!((values(grpo)[4] + 1.0).abs() < 1e-3, "(2 - 4) / 2");
    }
}
