//! Tokens per second of training and sampling, for `pbpoc bench` and its PyTorch counterpart `scripts/bench_torch.py`
//! (same model, same shapes).

use std::time::Instant;

use burn::optim::GradientsParams;
use burn::tensor::Device;
use pbpo_plan::ops::policy::AdamW;
use rand::RngExt;
use serde::Serialize;

use crate::batch::{Batch, Row};
use crate::generate::{Sampling, generate};
use crate::model::{Compute, Decoder};
use crate::ops::cross_entropy;
use crate::optimizer::{self, Optimizer};
use crate::rng::stream;
use crate::tokenizer::EOS;
use crate::value::tracked;

/// Shapes of a measurement.
#[derive(Clone, Debug)]
pub struct Shape {
    pub model: pbpo_hub::config::ModelConfig,
    pub compute: Compute,
    pub batch: usize,
    pub seq: usize,
    /// Training steps in each of the repeats.
    pub steps: usize,
    pub sample_batch: usize,
    pub prompt: usize,
    pub max_new: usize,
}

/// The results: medians over the repeats.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    pub framework: &'static str,
    pub version: &'static str,
    pub device: String,
    pub params: usize,
    pub train_tokens_per_s: f64,
    pub sample_tokens_per_s: f64,
}

const REPEATS: usize = 5;

/// Measures on a (plain) device.
pub fn run(shape: &Shape, device: &Device, name: &str) -> Figures {
    use burn::module::Module;
    let mut rng = stream([1; 32], 0);
    let model = Decoder::new(shape.model.clone(), &mut rng, device);
    let model = Decoder { compute: shape.compute, ..model };
    let params = model.num_params();
    let sampled = median((0..=REPEATS).map(|_| sampling_rate(&model, shape)).skip(1).collect());
    let mut tracked = tracked(&model);
    let mut optimizer = Optimizer::new(AdamW {
        lr: 1e-4,
        backbone_lr: None,
        clip: 1.0,
        beta1: 0.9,
        beta2: 0.95,
        weight_decay: 0.0,
        warmup: 0,
    });
    let mut rates = Vec::new();
    for repeat in 0..=REPEATS {
        let started = Instant::now();
        for _ in 0..shape.steps {
            let rows: Vec<Row> = (0..shape.batch)
                .map(|_| Row {
                    read: None,
                    item: 0,
                    prompt: tokens(&mut rng, shape, 1),
                    response: tokens(&mut rng, shape, shape.seq),
                })
                .collect();
            let loss = cross_entropy(&tracked, &Batch::new(&rows, &device.clone().autodiff()));
            let gradients = GradientsParams::from_grads(loss.backward(), &tracked);
            let norm = optimizer::norm(&tracked, &gradients).expect("random tokens have a finite gradient");
            tracked = optimizer.step(tracked, gradients, norm, None);
        }
        let _ = device.sync();
        if repeat > 0 {
            rates.push((shape.steps * shape.batch * shape.seq) as f64 / started.elapsed().as_secs_f64());
        }
    }
    Figures {
        framework: "pbpoc",
        version: env!("CARGO_PKG_VERSION"),
        device: name.to_owned(),
        params,
        train_tokens_per_s: median(rates),
        sample_tokens_per_s: sampled,
    }
}

fn sampling_rate(model: &Decoder, shape: &Shape) -> f64 {
    let mut rng = stream([2; 32], 0);
    let prompts: Vec<Vec<u32>> = (0..shape.sample_batch).map(|_| tokens(&mut rng, shape, shape.prompt)).collect();
    let prompts: Vec<&[u32]> = prompts.iter().map(Vec::as_slice).collect();
    let started = Instant::now();
    let sampling = Sampling { temperature: 1.0, max_new: shape.max_new };
    let made: usize = generate(model, &[EOS], &prompts, sampling, &mut rng)
        .expect("the shape fits its context")
        .iter()
        .map(Vec::len)
        .sum();
    made as f64 / started.elapsed().as_secs_f64()
}

/// Draws random tokens without special ones.
fn tokens(rng: &mut rand_chacha::ChaCha8Rng, shape: &Shape, n: usize) -> Vec<u32> {
    (0..n).map(|_| rng.random_range(3..shape.model.vocab as u32)).collect()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
