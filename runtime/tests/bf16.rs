//! Models computed in bf16: near f32, with weights, gradients and optimizer states in f32.

mod common;

use std::path::Path;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, Tensor};
use pbpo_plan::memory::Limits;
use pbpo_runtime::batch::Batch;
use pbpo_runtime::generate::{Sampling, generate};
use pbpo_runtime::host::Host;
use pbpo_runtime::model::disk::{self, floats};
use pbpo_runtime::model::lora::Lora;
use pbpo_runtime::model::{Compute, Decoder};
use pbpo_runtime::objective::pieces::{Pieces, What};
use pbpo_runtime::ops::cross_entropy;
use pbpo_runtime::optimizer::{Optimizer, norm};
use pbpo_runtime::rng::stream;
use pbpo_runtime::tokenizer::EOS;
use pbpo_runtime::value::tracked;

fn bf16(model: Decoder) -> Decoder {
    Decoder { compute: Compute::Bf16, ..model }
}

fn batch(device: &Device) -> Batch {
    let rows = [common::row(&[3, 4], &[5, 3, EOS]), common::row(&[5], &[4, 4, 3, 5, EOS])];
    Batch::new(&rows, device)
}

/// The number format of a parameter, and its gradient.
type Part = (DType, Option<(DType, Vec<f32>)>);

/// Returns parameters with their gradients, if they have any.
fn parts(model: &Decoder, gradients: &GradientsParams) -> Vec<Part> {
    struct All<'a>(&'a GradientsParams, Vec<Part>);
    impl ModuleVisitor for All<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let gradient = self.0.get::<D>(param.id).map(|g| (g.dtype(), floats(g)));
            self.1.push((param.val().dtype(), gradient));
        }
    }
    let mut all = All(gradients, Vec::new());
    model.visit(&mut all);
    all.1
}

fn gradients(model: &Decoder) -> (f32, GradientsParams, Decoder) {
    let model = tracked(model);
    let loss = cross_entropy(&model, &batch(&Device::flex().autodiff()));
    let value = loss.clone().into_scalar::<f32>();
    (value, GradientsParams::from_grads(loss.backward(), &model), model)
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[derive(serde::Deserialize)]
struct Reference {
    tokens: Vec<i32>,
    logits: Vec<f32>,
}

/// The root mean square of the difference to transformers' f32 logits is compared with that of transformers' own bf16
/// (`AutoModelForCausalLM.from_pretrained(DIR, dtype = torch.bfloat16)`, transformers 5.23 on a CPU), computed
/// beforehand.
#[test]
fn is_as_near_to_f32_as_that_of_transformers() {
    for (name, theirs) in [("llama", 0.0176), ("qwen2", 0.0246), ("qwen3", 0.0374), ("mistral", 0.0208)] {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checkpoints").join(name);
        let text = std::fs::read_to_string(dir.join("reference.json")).unwrap();
        let reference: Reference = serde_json::from_str(&text).unwrap();
        let ids = reference.tokens;
        let host = Host::new(Device::flex(), dir.clone(), None);
        let logits = |frozen: bool| {
            let model = disk::load_as(&dir.display().to_string(), &host, Compute::Bf16, frozen).unwrap().model;
            floats(model.logits(model.hidden(model.tokens(1, ids.clone()), None)))
        };
        let (trained, frozen) = (logits(false), logits(true));
        assert_eq!(trained, frozen, "{name}: kept in bf16, a matrix is what it is cast to");
        let square = trained.iter().zip(&reference.logits).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
        let ours = (square / trained.len() as f32).sqrt();
        assert!((theirs / 10.0..theirs * 1.25).contains(&ours), "{name}: {ours}, transformers {theirs}");
    }
}

#[test]
fn gradients_are_f32_and_near_those_of_f32() {
    let model = common::llama(6, 1);
    let (loss, exact, whole) = gradients(&model);
    let (near, rounded, half) = gradients(&bf16(model));
    assert!(loss != near && (loss - near).abs() < 0.01 * loss, "{loss} and {near}");
    for ((_, exact), (kept, rounded)) in parts(&whole, &exact).into_iter().zip(parts(&half, &rounded)) {
        let (Some((_, exact)), Some((dtype, rounded))) = (exact, rounded) else { panic!("a weight has no gradient") };
        assert_eq!((kept, dtype), (DType::F32, DType::F32));
        let cosine = cosine(&exact, &rounded);
        assert!(cosine > 0.995, "{cosine}");
    }
}

#[test]
fn in_pieces_gives_the_same_gradients() {
    let model = bf16(common::llama(6, 1));
    let (_, whole, tracked) = gradients(&model);
    let rows = [common::row(&[3, 4], &[5, 3, EOS]), common::row(&[5], &[4, 4, 3, 5, EOS])];
    let device = Device::flex();
    let mask = batch(&device).mask();
    let weights = mask.clone() / mask.sum().neg().unsqueeze();
    let limits = Limits { tokens: 8, logits: 12, graph: u64::MAX };
    let player = pbpo_runtime::player::Model::Policy(model.clone());
    let pieces = Pieces::new(rows.iter().collect(), &player, &[], limits, &device);
    let pulled = pieces.gradients(&player, &[(What::Logp, weights)]);
    for ((_, whole), (_, pieces)) in parts(&tracked, &whole).into_iter().zip(parts(&model, &pulled)) {
        let (Some((_, whole)), Some((dtype, pieces))) = (whole, pieces) else { panic!("a weight has no gradient") };
        assert_eq!(dtype, DType::F32);
        let cosine = cosine(&whole, &pieces);
        assert!(cosine > 0.995, "{cosine}");
    }
}

/// In bf16, numbers near 1 are 1/128 apart: steps of 1e-4 would be lost.
#[test]
fn small_steps_add_up_in_the_master_weights() {
    let model = bf16(common::llama(6, 1));
    let mut optimizer = Optimizer::new(common::adamw(1e-5));
    let before = floats(model.norm.val());
    let mut moved = tracked(&model);
    for _ in 0..5 {
        let (_, gradients, model) = gradients(&moved.valid());
        let norm = norm(&model, &gradients).unwrap();
        moved = optimizer.step(model, gradients, norm, None);
    }
    let far: Vec<f32> = floats(moved.valid().norm.val()).iter().zip(&before).map(|(a, b)| (a - b).abs()).collect();
    assert!(far.iter().all(|step| (1e-6..6e-5).contains(step)), "{far:?}");
}

#[test]
fn a_frozen_model_is_half_the_size_and_says_the_same() {
    let model = bf16(common::llama(6, 1));
    let frozen = model.clone().frozen();
    let bytes = |model: &Decoder| {
        let size = |dtype: DType| dtype.size();
        parts(model, &GradientsParams::new()).into_iter().map(|(dtype, _)| size(dtype)).sum::<usize>()
    };
    assert!(bytes(&frozen) < bytes(&model));
    assert_eq!((frozen.embed.val().dtype(), frozen.norm.val().dtype()), (DType::BF16, DType::F32));
    let hidden = |model: &Decoder| floats(model.hidden(batch(&Device::flex()).tokens(), None));
    assert_eq!(hidden(&model), hidden(&frozen));
    let f32 = common::llama(6, 1);
    assert_eq!(f32.clone().frozen().embed.val().dtype(), DType::F32);
}

#[test]
fn adapters_are_trained_in_f32_on_a_base_in_bf16() {
    let lora = Lora { rank: 2, alpha: 4.0, targets: vec!["q_proj".into(), "down_proj".into()] };
    let model = bf16(common::llama(6, 1)).frozen();
    let base = floats(model.blocks[0].attention.q.weight.val());
    let model = lora.attach(model, &mut stream([7; 32], 0)).unwrap();
    let (_, gradients, model) = gradients(&model);
    let norm = norm(&model, &gradients).unwrap();
    let moved = Optimizer::new(common::adamw(1e-2)).step(model, gradients, norm, None);
    let moved = moved.valid();
    let query = &moved.blocks[0].attention.q;
    assert!(norm > 0.0);
    assert_eq!((query.weight.val().dtype(), floats(query.weight.val())), (DType::BF16, base));
    let adapter = query.adapter.as_ref().unwrap();
    assert_eq!(adapter.b.val().dtype(), DType::F32);
    assert!(floats(adapter.b.val()).iter().any(|b| *b != 0.0));
    let merged = moved.clone().merged();
    assert_eq!(merged.blocks[0].attention.q.weight.val().dtype(), DType::F32);
}

#[test]
fn sampling_with_a_cache_reads_what_a_whole_forward_reads() {
    let model = bf16(common::llama(6, 1)).frozen();
    let prompt = [1, 3, 4, 5];
    let sampling = Sampling { temperature: 0.0, max_new: 8 };
    let made = generate(&model, &[EOS], &[&prompt], sampling, &mut stream([0; 32], 0)).unwrap().remove(0);
    let all: Vec<i32> = prompt.iter().chain(&made).map(|t| *t as i32).collect();
    let logits = floats(model.logits(model.hidden(model.tokens(1, all), None)));
    for (i, token) in made.iter().enumerate() {
        let row = &logits[(prompt.len() + i - 1) * 6..][..6];
        let best = row.iter().copied().fold(f32::MIN, f32::max);
        assert!(best - row[*token as usize] < 0.05, "token {i} is {token} of {row:?}");
    }
}
