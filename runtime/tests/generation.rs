//! Sampling with a cache gives the same results as without one.

mod common;

use burn::tensor::Tensor;
use pbpo_runtime::generate::{Sampling, generate};
use pbpo_runtime::model::Cache;
use pbpo_runtime::rng::stream;
use pbpo_runtime::tokenizer::EOS;

#[test]
fn cached_hidden_states_equal_those_of_one_forward() {
    let model = common::llama(9, 1);
    let ids: Vec<i32> = (0..2 * 10).map(|i| i * 5 % 9).collect();
    let full = model.hidden(model.tokens(2, ids.clone()), None);
    let mut cache = Cache::new(2, 10);
    let mut parts = Vec::new();
    for (start, new) in [(0, 4), (4, 1), (5, 3), (8, 1), (9, 1)] {
        let part: Vec<i32> = (0..2).flat_map(|r| ids[r * 10 + start..][..new].to_vec()).collect();
        parts.push(model.hidden(model.tokens(2, part), Some(&mut cache)));
    }
    let difference: f32 = (full - Tensor::cat(parts, 1)).abs().max().into_scalar();
    assert!(difference < 1e-5, "{difference}");
}

#[test]
fn sampling_equals_greedy_decoding_without_a_cache_for_prompts_of_any_length() {
    let model = common::llama(9, 2);
    let prompts: [&[u32]; 3] = [&[1, 4, 5, 6, 7], &[1], &[1, 3, 8]];
    let sampling = Sampling { temperature: 0.0, max_new: 6 };
    let responses = generate(&model, &[EOS], &prompts, sampling, &mut stream([0; 32], 0)).unwrap();
    for (prompt, response) in prompts.iter().zip(responses) {
        let mut tokens: Vec<i32> = prompt.iter().map(|t| *t as i32).collect();
        let mut expected = Vec::new();
        while expected.len() < 6 && expected.last() != Some(&EOS) {
            let hidden = model.hidden(model.tokens(1, tokens.clone()), None);
            let logits = model.logits(hidden.narrow(1, tokens.len() - 1, 1)).reshape([9]);
            let logits: Vec<f32> = logits.into_data_as::<f32>().try_into_vec().unwrap();
            let best = (0..9).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap() as u32;
            expected.push(best);
            tokens.push(best as i32);
        }
        assert_eq!(response, expected);
    }
}

/// There are more rows than are read at once, so that prompts are read token by token.
#[test]
fn prompts_read_in_parts_go_on_as_prompts_read_whole() {
    let model = common::llama(9, 2);
    let prompts: [&[u32]; 3] = [&[1, 4, 5, 6, 7], &[1, 7, 7], &[1, 3, 8, 2]];
    let sampling = Sampling { temperature: 0.0, max_new: 6 };
    let of = |prompts: &[&[u32]]| generate(&model, &[EOS], prompts, sampling, &mut stream([0; 32], 0)).unwrap();
    let whole = of(&prompts);
    let many: Vec<&[u32]> = prompts.iter().copied().cycle().take(9000).collect();
    assert!(of(&many).iter().zip(whole.iter().cycle()).all(|(part, whole)| part == whole));
}

#[test]
fn padding_does_not_change_log_probabilities() {
    use pbpo_runtime::batch::Batch;
    let model = common::llama(6, 3);
    let (short, long) = (common::row(&[3], &[4, 2]), common::row(&[3, 5, 4], &[4, 4, 5, 2]));
    let device = burn::tensor::Device::flex();
    let logp = |batch: Batch| -> Vec<f32> {
        let hidden = model.hidden(batch.tokens(), None).narrow(1, batch.start(), batch.positions());
        let log_probs = burn::tensor::activation::log_softmax(model.logits(hidden), 2);
        let targets = batch.targets().unsqueeze_dim(2);
        let picked: Tensor<2> = log_probs.gather(2, targets).squeeze_dim(2);
        (picked * batch.mask()).sum_dim(1).into_data_as::<f32>().try_into_vec().unwrap()
    };
    let together = logp(Batch::new([&short, &long], &device));
    let apart = [logp(Batch::new([&short], &device))[0], logp(Batch::new([&long], &device))[0]];
    assert!((together[0] - apart[0]).abs() < 1e-5 && (together[1] - apart[1]).abs() < 1e-5);
}
