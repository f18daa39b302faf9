//! The interface of a model, and lm-eval's rules for splitting a pair into tokens, cutting long inputs and ending
//! generated text. Tokenising, batching and running are left to the implementation.

use crate::python::is_space;

/// A request for the likelihood of `continuation` after `context`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The file and the row of the request, for messages.
    pub place: String,
    pub context: String,
    pub continuation: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// The sum of the log-probabilities of the continuation's tokens, in nats.
    pub logp: f64,
    /// True if each of these tokens is the most likely one at its position.
    pub greedy: bool,
}

/// A request for greedy decoding after `context`, until a stop string, the end-of-text token, or `max_tokens` new
/// tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Until {
    /// The file and the row of the request, for messages.
    pub place: String,
    pub context: String,
    pub stop: Vec<String>,
    pub max_tokens: usize,
}

/// The operations that a benchmark needs from a model. Answers are in the order of the requests, one each.
pub trait Model {
    type Error;

    /// Returns log-likelihoods. Tokens are made by [`encode_pair`] ([`encode_alone`] for an empty context), and cut by
    /// [`truncate_left`] to the last `max_length + 1` of context and continuation. A continuation without a token is an
    /// error.
    fn loglikelihood(&mut self, requests: &[Pair]) -> Result<Vec<Score>, Self::Error>;

    /// Returns generated texts. The context is cut by [`truncate_left`] to its last `max_length - max_tokens` tokens,
    /// and the text by [`cut`], with the text of the end-of-text token as one more stop string.
    fn generate_until(&mut self, requests: &[Until]) -> Result<Vec<String>, Self::Error>;
}

/// Returns the tokens of context and continuation (`_encode_pair` of `lm_eval/api/model.py`). White space at the end of
/// the context goes to the continuation; the two are encoded as one text and split where the encoded context ends.
/// `encode` adds special tokens as the tokenizer does by default.
///
/// If a token spans the boundary (`: C` is one token of some tokenizers), the continuation may have no token. lm-eval
/// then stops with an AssertionError (its issue 1053), and so must the caller: an empty sum of log-probabilities is 0,
/// the best possible score. Encoding the continuation alone instead (its open pull request 4055) would compare choices
/// of one question that are split into tokens in two ways.
pub fn encode_pair(context: &str, continuation: &str, encode: impl Fn(&str) -> Vec<u32>) -> (Vec<u32>, Vec<u32>) {
    let whole = encode(&format!("{context}{continuation}"));
    let context = encode(context.trim_end_matches(is_space));
    let rest = whole.get(context.len()..).unwrap_or_default().to_vec();
    (context, rest)
}

/// Returns the tokens of a continuation without a context. `tokens` has no special tokens; `prefix` is the
/// beginning-of-text token, or the end-of-text token of a model without one. If the continuation starts with `prefix`,
/// that token becomes the context.
pub fn encode_alone(mut tokens: Vec<u32>, prefix: u32) -> (Vec<u32>, Vec<u32>) {
    if tokens.first() == Some(&prefix) {
        tokens.remove(0);
    }
    (vec![prefix], tokens)
}

/// Returns the last `max_length` of `tokens`.
pub fn truncate_left(tokens: &[u32], max_length: usize) -> &[u32] {
    &tokens[tokens.len().saturating_sub(max_length)..]
}

/// Cuts generated text at the stop strings: at the first, the result at the second, and so on.
pub fn cut<'t, S: AsRef<str>>(text: &'t str, stops: &[S]) -> &'t str {
    let stops = stops.iter().map(AsRef::as_ref).filter(|stop| !stop.is_empty());
    stops.fold(text, |text, stop| text.split_once(stop).map_or(text, |(before, _)| before))
}
