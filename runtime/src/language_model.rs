//! A checkpoint used outside of any run: log-probabilities of texts, and completions.

use std::sync::Arc;

use burn::tensor::{Device, Int, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;

use crate::error::Fault;
use crate::generate::{Sampling, generate_until};
use crate::host::Host;
use crate::model::disk::{self, floats};
use crate::model::{Compute, Decoder};
use crate::tokenizer::Tokenizer;

/// The largest number of tokens in one forward, including padding.
const BATCH_TOKENS: usize = 8192;
/// The largest number of values in one piece of logits.
const LOGITS: usize = 1 << 22;

pub struct LanguageModel {
    /// The name by which it was loaded.
    pub name: String,
    pub model: Decoder,
    pub tokenizer: Arc<Tokenizer>,
    device: Device,
}

/// The result of scoring a continuation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scored {
    /// The log-probability of each token of the continuation, in nats.
    pub token_logps: Vec<f32>,
    /// True if each of its tokens is the likeliest one.
    pub greedy: bool,
    /// True if the text and continuation exceed the model's context, so that their beginning was cut off.
    pub truncated: bool,
}

impl LanguageModel {
    /// Loads a model by name: a directory, or `ORG/NAME` in the cache.
    pub fn load(name: &str, host: &Host, compute: Compute) -> Result<Self, Fault> {
        let loaded = disk::load_as(name, host, compute, true)?;
        if loaded.score.is_some() && loaded.model.head.is_none() {
            return Err(Fault::new(format!("`{name}` is a reward model: it predicts no tokens"))
                .help("name a checkpoint of a ...ForCausalLM"));
        }
        let (model, tokenizer, device) = (loaded.model, Arc::new(loaded.tokenizer), host.device.clone());
        Ok(Self { name: name.to_owned(), model, tokenizer, device })
    }

    /// Scores continuations, as pairs (context, continuation) of at least one token each. A text longer than the
    /// model's context is cut from the left. Returns an error with the row if a continuation has no token or a
    /// log-probability is not finite.
    pub fn score(&self, pairs: &[(Vec<u32>, Vec<u32>)]) -> Result<Vec<Scored>, Fault> {
        let rows: Vec<Reading<'_>> = pairs.iter().map(|pair| Reading::new(pair, self.model.config.context)).collect();
        if let Some(at) = pairs.iter().position(|(_, scored)| scored.is_empty()) {
            return Err(Fault::new("no token of the text is scored").help("leave the row out").at_row(at));
        }
        if let Some(at) = rows.iter().position(|row| row.context == 0) {
            let (scored, most) = (pairs[at].1.len(), self.model.config.context);
            let fault = match pairs[at].0.len() {
                0 => Fault::new("nothing is in front of what is scored").help("give it a prompt of one token at least"),
                _ => {
                    Fault::new(format!("the {scored} tokens that are scored fill the model's context of {most} tokens"))
                        .help("nothing of the prompt is left in front of them: leave the row out")
                }
            };
            return Err(fault.at_row(at));
        }
        let mut order: Vec<usize> = (0..rows.len()).collect();
        // Texts of one length are batched, the longest first, so that a lack of memory shows at once.
        order.sort_by_key(|i| std::cmp::Reverse(rows[*i].tokens.len()));
        let blank = |row: &Reading<'_>| Scored { truncated: row.truncated, ..Scored::default() };
        let mut scored: Vec<Scored> = rows.iter().map(blank).collect();
        let mut left = order.as_slice();
        while let [first, ..] = left {
            let count = (BATCH_TOKENS / rows[*first].tokens.len()).clamp(1, left.len());
            let (batch, rest) = left.split_at(count);
            self.score_batch(&rows, batch, &mut scored);
            self.all_finite(batch, &scored)?;
            left = rest;
        }
        Ok(scored)
    }

    /// Returns an error if a log-probability is not finite.
    fn all_finite(&self, batch: &[usize], scored: &[Scored]) -> Result<(), Fault> {
        let mut logps = batch.iter().flat_map(|row| scored[*row].token_logps.iter().map(move |logp| (*row, *logp)));
        match logps.find(|(_, logp)| !logp.is_finite()) {
            Some((row, logp)) => {
                let what = format!("a log-probability by `{}`", self.name);
                Err(Fault::model_not_finite(&what, f64::from(logp)).at_row(row))
            }
            None => Ok(()),
        }
    }

    fn score_batch(&self, rows: &[Reading<'_>], batch: &[usize], scored: &mut [Scored]) {
        let length = batch.iter().map(|i| rows[*i].tokens.len()).max().unwrap_or(1);
        let mut ids = Vec::with_capacity(batch.len() * length);
        for i in batch {
            ids.extend(rows[*i].tokens.iter().map(|t| **t as i32));
            ids.resize(ids.len().next_multiple_of(length), 0);
        }
        let width = self.model.config.width;
        let hidden = self.model.hidden(self.model.tokens(batch.len(), ids), None);
        let hidden: Tensor<2> = hidden.reshape([batch.len() * length, width]);
        // The positions that predict scored tokens, with the tokens.
        let wanted: Vec<(usize, i32, usize)> = batch
            .iter()
            .enumerate()
            .flat_map(|(row, i)| {
                let Reading { context, tokens, .. } = &rows[*i];
                (*context..tokens.len()).map(move |t| (row * length + t - 1, *tokens[t] as i32, *i))
            })
            .collect();
        batch.iter().for_each(|i| scored[*i].greedy = true);
        for piece in wanted.chunks((LOGITS / self.model.config.vocab).max(1)) {
            let n = piece.len();
            let index = |pick: fn(&(usize, i32, usize)) -> i32| -> Tensor<1, Int> {
                Tensor::from_data(TensorData::new(piece.iter().map(pick).collect::<Vec<i32>>(), [n]), &self.device)
            };
            let states = hidden.clone().select(0, index(|w| w.0 as i32)).reshape([1, n, width]);
            let logp: Tensor<2> = self.model.log_probs(states).squeeze_dim(0);
            let own = floats(logp.clone().gather(1, index(|w| w.1).reshape([n, 1])));
            let best = floats(logp.max_dim(1));
            for ((_, _, row), (own, best)) in piece.iter().zip(own.into_iter().zip(best)) {
                scored[*row].token_logps.push(own);
                scored[*row].greedy &= own == best;
            }
        }
    }

    /// Returns the length of the longest prompt, in tokens, that [`Self::complete`] does not cut.
    pub fn room(&self, max_new: usize) -> usize {
        self.model.config.context.saturating_sub(max_new).max(1)
    }

    /// Completes prompts (tokens), up to the tokenizer's end, a stop string, or `max_new` tokens. Returns the tokens of
    /// each completion, including a stop string. A prompt that is too long is cut from the left. A fault about one
    /// prompt has its row.
    pub fn complete(
        &self,
        prompts: &[Vec<u32>],
        sampling: Sampling,
        stop: &[String],
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<Vec<u32>>, Fault> {
        let (new, context) = (sampling.max_new, self.model.config.context);
        if new >= context {
            return Err(Fault::new(format!("{new} new tokens leave no room for a prompt: the model reads {context}"))
                .help("ask for fewer"));
        }
        let room = self.room(new);
        let prompts: Vec<&[u32]> = prompts.iter().map(|p| &p[p.len().saturating_sub(room)..]).collect();
        let mut order: Vec<usize> = (0..prompts.len()).collect();
        order.sort_by_key(|i| prompts[*i].len());
        let mut completions = vec![Vec::new(); prompts.len()];
        let stopped = |response: &[u32]| {
            !stop.is_empty() && {
                let text = self.tokenizer.text_after_some(response);
                stop.iter().any(|stop| text.contains(stop.as_str()))
            }
        };
        for batch in order.chunks(32) {
            let rows: Vec<&[u32]> = batch.iter().map(|i| prompts[*i]).collect();
            let made = generate_until(&self.model, self.tokenizer.ends(), &stopped, &rows, sampling, rng)
                .map_err(|fault| self.of_row(fault, batch))?;
            batch.iter().zip(made).for_each(|(i, response)| completions[*i] = response);
        }
        Ok(completions)
    }

    /// Turns the row of a fault in a batch into the row among all, and names this model.
    fn of_row(&self, fault: Fault, batch: &[usize]) -> Fault {
        let message = format!("`{}`: {}", self.name, fault.message);
        Fault { row: fault.row.and_then(|row| batch.get(row).copied()), message, ..fault }
    }
}

/// A row of tokens; those after `context` are scored.
struct Reading<'a> {
    tokens: Vec<&'a u32>,
    context: usize,
    truncated: bool,
}

impl<'a> Reading<'a> {
    fn new((context, continuation): &'a (Vec<u32>, Vec<u32>), most: usize) -> Self {
        let tokens: Vec<&u32> = context.iter().chain(continuation).collect();
        // The last token is predicted, but not read.
        let cut = tokens.len().saturating_sub(most + 1);
        Self { context: context.len().saturating_sub(cut), tokens: tokens[cut..].to_vec(), truncated: cut > 0 }
    }
}
