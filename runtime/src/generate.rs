//! Batched sampling with a key/value cache.
//!
//! Prompts of different lengths need no padding: in each step all rows read one token. A row whose prompt continues
//! reads its next prompt token, the others read their sampled token.

use std::ops::Range;

use burn::tensor::Tensor;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::error::Fault;
use crate::model::{Cache, Decoder};
use crate::tokenizer::PAD;

/// The number of logits from which picking tokens is worth several threads (about a millisecond).
const APART: usize = 1 << 16;

/// The largest number of values in the cache of keys and values: 1 GiB.
pub const CACHE: usize = 1 << 28;

/// Settings of sampling.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sampling {
    /// The temperature; 0 is greedy.
    pub temperature: f64,
    /// The largest number of response tokens, including the end token.
    pub max_new: usize,
}

/// Samples one response for each prompt, up to a token of `ends`. `model` must be a `valid()` model, without autodiff.
/// Returns an error if prompts and responses do not fit into the model's context, or if a logit is not finite; the
/// fault has the row of that prompt.
pub fn generate(
    model: &Decoder,
    ends: &[u32],
    prompts: &[&[u32]],
    sampling: Sampling,
    rng: &mut ChaCha8Rng,
) -> Result<Vec<Vec<u32>>, Fault> {
    generate_until(model, ends, &|_| false, prompts, sampling, rng)
}

/// Samples likewise, but also ends a response once `stopped` returns true for its tokens.
pub fn generate_until(
    model: &Decoder,
    ends: &[u32],
    stopped: &dyn Fn(&[u32]) -> bool,
    prompts: &[&[u32]],
    sampling: Sampling,
    rng: &mut ChaCha8Rng,
) -> Result<Vec<Vec<u32>>, Fault> {
    let rows = prompts.len();
    let longest = prompts.iter().map(|p| p.len()).max().unwrap_or(1);
    // If the cache cannot hold all rows, they are sampled in two halves, one after the other.
    let row = 2 * model.config.layers * model.config.kv_heads * model.config.head_dim * (longest + sampling.max_new);
    if rows > 1 && rows * row > CACHE {
        let (first, second) = prompts.split_at(rows / 2);
        let mut responses = generate_until(model, ends, stopped, first, sampling, rng)?;
        let rest = generate_until(model, ends, stopped, second, sampling, rng);
        responses.extend(rest.map_err(|fault| Fault { row: fault.row.map(|row| row + rows / 2), ..fault })?);
        return Ok(responses);
    }
    let mut responses: Vec<Vec<u32>> = vec![Vec::new(); rows];
    if rows == 0 || sampling.max_new == 0 {
        return Ok(responses);
    }
    let shortest = prompts.iter().map(|p| p.len()).min().unwrap_or(1);
    let limit = longest + sampling.max_new;
    if limit > model.config.context {
        let (new, context) = (sampling.max_new, model.config.context);
        return Err(Fault::new(format!("a prompt of {longest} tokens and {new} new ones do not fit into {context}"))
            .help(format!("set `context = {limit} tokens`, lower `max_new`, or leave long prompts out: `longest` in the data block")));
    }
    let mut cache = Cache::new(model.config.layers, limit);
    let mut done = vec![false; rows];
    let part = |of: Range<usize>| prompts.iter().flat_map(|p| p[of.clone()].iter().map(|t| *t as i32)).collect();
    // Long prompts are read in parts.
    let step = (model.reads(shortest) / rows).max(1);
    while shortest - cache.len() > step {
        model.hidden(model.tokens(rows, part(cache.len()..cache.len() + step)), Some(&mut cache));
    }
    let mut next: Vec<i32> = part(cache.len()..shortest);
    for position in shortest..limit {
        let hidden = model.hidden(model.tokens(rows, next), Some(&mut cache));
        let read = hidden.dims()[1];
        let logits: Tensor<2> = model.logits(hidden.narrow(1, read - 1, 1)).squeeze_dim(1);
        let draws: Vec<f64> = (0..rows).map(|_| rng.random()).collect();
        let logits: Vec<f32> = logits.into_data_as::<f32>().try_into_vec().expect("logits are f32");
        let vocab = logits.len() / rows;
        let asks = |row: usize| position >= prompts[row].len() && !done[row];
        let picked = picks(&logits, vocab, |row| asks(row).then_some(draws[row]), sampling.temperature)?;
        next = Vec::with_capacity(rows);
        for row in 0..rows {
            let token = if position < prompts[row].len() {
                prompts[row][position]
            } else if done[row] {
                PAD
            } else {
                let token = picked[row];
                responses[row].push(token);
                let full = responses[row].len() == sampling.max_new;
                done[row] = full || ends.contains(&token) || stopped(&responses[row]);
                token
            };
            next.push(token as i32);
        }
        if done.iter().all(|d| *d) {
            break;
        }
    }
    Ok(responses)
}

/// Returns the token of each row of logits at the row's quantile, or `PAD` for a row without one. Large vocabularies
/// use all threads; each row is done by one thread, so results do not depend on their number. A logit that is not
/// finite is a fault, because the likeliest token is then undefined.
fn picks(
    logits: &[f32],
    vocab: usize,
    quantile: impl Fn(usize) -> Option<f64> + Sync,
    temperature: f64,
) -> Result<Vec<u32>, Fault> {
    let one = |(row, logits): (usize, &[f32])| match quantile(row) {
        None => Ok(PAD),
        Some(_) if !all_finite(logits) => Err(not_finite(logits).at_row(row)),
        Some(u) => Ok(pick(logits, temperature, u)),
    };
    let picked: Vec<Result<u32, Fault>> = if logits.len() < APART {
        logits.chunks(vocab).enumerate().map(one).collect()
    } else {
        logits.par_chunks(vocab).enumerate().map(one).collect()
    };
    // The first row's fault is reported, with any number of threads.
    picked.into_iter().collect()
}

/// Returns true if all logits are finite. It has no branches, so that the compiler vectorises it.
fn all_finite(logits: &[f32]) -> bool {
    let size = |logit: &f32| logit.to_bits() & 0x7fff_ffff;
    logits.iter().map(size).fold(0, u32::max) < f32::INFINITY.to_bits()
}

fn not_finite(logits: &[f32]) -> Fault {
    let odd = logits.iter().find(|logit| !logit.is_finite()).copied().unwrap_or(f32::NAN);
    Fault::model_not_finite("a logit of the model", f64::from(odd))
}

/// Returns the token at quantile `u` of softmax(logits / temperature); the logits are finite.
fn pick(logits: &[f32], temperature: f64, u: f64) -> u32 {
    let best = (1..logits.len()).fold(0, |best, i| if logits[i] > logits[best] { i } else { best });
    if temperature <= 0.0 {
        return best as u32;
    }
    let weight = |logit: &f32| (f64::from(logit - logits[best]) / temperature).exp();
    let total: f64 = logits.iter().map(weight).sum();
    let mut left = u * total;
    for (token, logit) in logits.iter().enumerate() {
        left -= weight(logit);
        if left < 0.0 {
            return token as u32;
        }
    }
    best as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_rows_are_picked_as_each_alone() {
        let vocab = APART / 16;
        let logits: Vec<f32> = (0..32 * vocab).map(|i| ((i * 7919) % 1013) as f32 / 200.0).collect();
        let draw = |row: usize| (!row.is_multiple_of(5)).then_some(row as f64 / 32.0);
        let alone = |row: usize| draw(row).map_or(PAD, |u| pick(&logits[row * vocab..][..vocab], 0.7, u));
        assert_eq!(picks(&logits, vocab, draw, 0.7).unwrap(), (0..32).map(alone).collect::<Vec<u32>>());
    }

    #[test]
    fn nothing_is_picked_over_a_logit_that_is_not_finite() {
        for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let logits = [0.0, 1.0, 2.0, 0.0, odd, 1.0];
            let fault = picks(&logits, 3, |_| Some(0.5), 0.0).unwrap_err();
            assert_eq!(fault.row, Some(1));
            assert!(fault.message.contains("not a finite number"), "{}", fault.message);
            // A row without a quantile is not read.
            assert_eq!(picks(&logits, 3, |row| (row == 0).then_some(0.5), 0.0).unwrap(), [2, PAD]);
        }
        assert!(all_finite(&[f32::MAX, f32::MIN, -0.0]));
    }

    #[test]
    fn pick_follows_the_softmax() {
        let logits = [0.0, 2.0_f32.ln(), 5.0_f32.ln()];
        assert_eq!(pick(&logits, 0.0, 0.1), 2);
        let count = |token| (0..800).filter(|i| pick(&logits, 1.0, f64::from(*i) / 800.0) == token).count();
        assert_eq!((count(0), count(1), count(2)), (100, 200, 500));
    }
}
