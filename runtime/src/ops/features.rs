//! `features`: phi, the pooled last hidden state of a frozen model, projected to `d` dimensions.

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use pbpo_plan::Stage;
use pbpo_plan::ops::features::{Layer, Pool, Settings};
use rand_chacha::ChaCha8Rng;

use super::{Op, config};
use crate::batch::{Batch, Row};
use crate::context::Context;
use crate::env::Env;
use crate::error::Fault;
use crate::rng::normals;
use crate::value::{Features, Value};

pub struct MakeFeatures;

impl Op for MakeFeatures {
    fn run(&self, stage: &Stage, env: &mut Env, context: &mut Context<'_>) -> Result<Vec<Value>, Fault> {
        let Settings { layer: Layer::Last, pool, project } = config(stage)?;
        let init = env.init(stage, "init")?;
        let (model, tokenizer) = (init.model.clone().frozen(), init.tokenizer.clone());
        let width = model.config.width;
        let dim = (project as usize).min(width);
        let projection = (dim < width).then(|| orthonormal(&mut context.rng(&stage.name), width, dim));
        Ok(vec![Value::Features(Arc::new(Features {
            model,
            tokenizer,
            mean_pool: pool == Pool::Mean,
            projection,
            dim,
        }))])
    }
}

impl Features {
    /// Returns phi of each row, `[d]`. Hidden states are divided by sqrt(width), so that `|phi|` is at most about 1
    /// (our choice). Features that are not finite are a fault.
    pub fn of(&self, rows: &[&Row], device: &Device) -> Result<Vec<Vec<f64>>, Fault> {
        let width = self.model.config.width;
        let mut all = Vec::with_capacity(rows.len());
        let longest = rows.iter().map(|row| row.length()).max().unwrap_or(1);
        for chunk in rows.chunks((self.model.reads(longest) / longest).clamp(1, 256)) {
            let batch = Batch::new(chunk.iter().copied(), device);
            let pooled: Tensor<2> = if self.mean_pool {
                batch.mean_response(self.model.hidden(batch.tokens(), None))
            } else {
                // The same tokens as for a classifier, so that a linear reward over these features is one.
                let hidden = self.model.hidden(batch.read(), None);
                let [n, length, _] = hidden.dims();
                hidden.reshape([n * length, width]).select(0, batch.last_read(self.model.config.pad))
            };
            let pooled = pooled.div_scalar((width as f64).sqrt());
            let pooled = match &self.projection {
                Some(p) => {
                    let data = TensorData::new(p.clone(), [width, self.dim]);
                    pooled.matmul(Tensor::from_data(data, device))
                }
                None => pooled,
            };
            let values: Vec<f64> = pooled.into_data_as::<f64>().try_into_vec().expect("features are floats");
            if let Some(odd) = values.iter().find(|value| !value.is_finite()) {
                return Err(Fault::model_not_finite("a feature of a response", *odd));
            }
            all.extend(values.chunks(self.dim).map(<[f64]>::to_vec));
        }
        Ok(all)
    }
}

/// Returns a random matrix `[rows, cols]` with orthonormal columns (Gram-Schmidt on normal draws).
fn orthonormal(rng: &mut ChaCha8Rng, rows: usize, cols: usize) -> Vec<f32> {
    let mut columns: Vec<Vec<f64>> = Vec::with_capacity(cols);
    for _ in 0..cols {
        let mut column: Vec<f64> = normals(rng, rows).into_iter().map(f64::from).collect();
        for other in &columns {
            let along: f64 = column.iter().zip(other).map(|(a, b)| a * b).sum();
            column.iter_mut().zip(other).for_each(|(a, b)| *a -= along * b);
        }
        let norm = column.iter().map(|a| a * a).sum::<f64>().sqrt();
        column.iter_mut().for_each(|a| *a /= norm);
        columns.push(column);
    }
    (0..rows * cols).map(|i| columns[i % cols][i / cols] as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projection_has_orthonormal_columns() {
        let p = orthonormal(&mut crate::rng::stream([3; 32], 0), 10, 4);
        for a in 0..4 {
            for b in 0..4 {
                let dot: f32 = (0..10).map(|r| p[r * 4 + a] * p[r * 4 + b]).sum();
                assert!((dot - f32::from(u8::from(a == b))).abs() < 1e-6);
            }
        }
    }
}
