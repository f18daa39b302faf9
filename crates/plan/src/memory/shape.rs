//! Sizes of a model: its parameters, and the memory of forward and backward passes.

use serde_json::Value as Json;

/// The shape of a decoder-only transformer with RMSNorm and SwiGLU.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    pub layers: u64,
    /// Length of a hidden state.
    pub width: u64,
    pub heads: u64,
    pub kv_heads: u64,
    pub head_dim: u64,
    /// Length of the hidden layer of the feed-forward block.
    pub ff: u64,
    pub vocab: u64,
    /// The largest number of tokens of a text.
    pub context: u64,
    /// True if the output layer is the embedding.
    pub tied: bool,
    /// The parameters of a layer besides its matrices and its two norms: biases, norms of queries and keys.
    pub extra: u64,
    /// The parameters of existing adapters; with adapters, only they are trained.
    pub adapters: u64,
}

/// The limits of a batch with one graph; larger ones are computed in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Tokens, padding included.
    pub tokens: u64,
    /// Log-probabilities.
    pub logits: u64,
    /// Numbers that the graph keeps.
    pub graph: u64,
}

/// A batch: rows, tokens of a row, and those of them that are predicted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    pub rows: u64,
    pub length: u64,
    pub positions: u64,
}

impl Shape {
    /// Returns the shape of `llama { ... }` in a plan, with a vocabulary of `vocab` tokens.
    pub fn of_llama(model: &Json, vocab: u64) -> Self {
        let of = |key: &str| model.get(key).and_then(Json::as_u64).unwrap_or(0);
        let (layers, width, heads, kv_heads) = (of("layers"), of("width"), of("heads"), of("kv_heads"));
        let head_dim = width / heads.max(1);
        Self {
            layers,
            width,
            heads,
            kv_heads,
            head_dim,
            ff: of("ff"),
            vocab,
            context: of("context"),
            ..Self::default()
        }
    }

    pub fn parameters(&self) -> u64 {
        self.matrices() + self.layers * (2 * self.width + self.extra) + self.width
    }

    /// Returns the parameters of matrices, which a frozen model keeps in the format of computation.
    pub fn matrices(&self) -> u64 {
        let ends = if self.tied { 1 } else { 2 };
        ends * self.vocab * self.width + self.layers * self.linears().iter().map(|(_, i, o)| i * o).sum::<u64>()
    }

    /// Returns the parameters of adapters of a rank on some of the matrices of every layer.
    pub fn lora(&self, rank: u64, targets: &[&str]) -> u64 {
        let on = |name: &str| targets.contains(&name);
        let each = self.linears().into_iter().filter(|(name, ..)| on(name)).map(|(_, i, o)| rank * (i + o));
        self.layers * each.sum::<u64>()
    }

    /// Returns the names, inputs and outputs of the matrices of a layer.
    fn linears(&self) -> [(&'static str, u64, u64); 7] {
        let Self { width, ff, .. } = *self;
        let (q, kv) = (self.heads * self.head_dim, self.kv_heads * self.head_dim);
        [
            ("q_proj", width, q),
            ("k_proj", width, kv),
            ("v_proj", width, kv),
            ("o_proj", q, width),
            ("gate_proj", width, ff),
            ("up_proj", width, ff),
            ("down_proj", ff, width),
        ]
    }

    /// Returns the numbers that a token makes in one layer, in a row of `length` tokens.
    fn layer(&self, length: u64) -> u64 {
        8 * self.width + 2 * (self.heads + self.kv_heads) * self.head_dim + 2 * self.heads * length + 4 * self.ff
    }

    /// Returns the numbers of a token in one layer that exist at once in a backward pass: one and a half times those of
    /// the forward, according to the peaks of runs on the CPU (`scripts/memory.sh`).
    fn kept(&self, length: u64) -> u64 {
        self.layer(length) * 3 / 2
    }

    /// Tells whether a batch is computed in pieces. `vocab` is the number of predicted tokens; 0 for a reward model.
    pub fn is_large(&self, batch: Rows, vocab: u64, limits: Limits) -> bool {
        let Rows { rows, length, positions } = batch;
        let tokens = rows * length;
        tokens > limits.tokens
            || rows * positions * vocab > limits.logits
            || self.layers * tokens * self.kept(length) > limits.graph
    }

    /// Returns the largest number of tokens of a piece with rows of up to `length`: the input of each layer is kept,
    /// and the graph of one. It has at least one row.
    pub fn piece(&self, length: u64, limits: Limits) -> u64 {
        let each = (self.layers + 4) * self.width + self.kept(length);
        (limits.graph / each.max(1)).min(limits.tokens).max(length)
    }

    /// Returns the largest number of tokens with one graph, in rows of `length`, as far as log-probabilities allow.
    pub fn whole(&self, length: u64, limits: Limits) -> u64 {
        (limits.graph / (self.layers * self.kept(length)).max(1)).min(limits.tokens).max(length)
    }

    /// Returns the bytes of a forward over `tokens` tokens, without a graph and without logits.
    pub fn read(&self, tokens: u64, length: u64, number: u64) -> u64 {
        tokens * self.layer(length) * number
    }

    /// Returns the largest number of tokens of a forward without a graph, in rows of up to `length`.
    pub fn reads(&self, length: u64, limits: Limits) -> u64 {
        (limits.graph / self.layer(length).max(1)).min(limits.tokens).max(1)
    }

    /// Returns the bytes that a forward keeps for the backward pass, and those of the backward pass.
    pub fn graph(&self, batch: Rows, vocab: u64, limits: Limits, number: u64) -> u64 {
        let Rows { rows, length, positions } = batch;
        let (tokens, logits) = (rows * length, rows * positions * vocab);
        if !self.is_large(batch, vocab, limits) {
            return self.layers * tokens * self.kept(length) * number + 6 * logits * 4;
        }
        // For one piece at a time: the input of each layer, the graph of one of them, and the logits of a few
        // positions.
        let piece = tokens.min(self.piece(length, limits));
        let states = (self.layers + 4) * piece * self.width;
        (states + piece * self.kept(length)) * number + 6 * logits.min(limits.logits.max(vocab)) * 4
    }

    /// Returns the bytes of a forward alone.
    pub fn forward(&self, batch: Rows, vocab: u64, limits: Limits, number: u64) -> u64 {
        let Rows { rows, length, positions } = batch;
        let (tokens, logits) = (rows * length, rows * positions * vocab);
        let large = self.is_large(batch, vocab, limits);
        let tokens = if large { tokens.min(self.piece(length, limits)) } else { tokens };
        let logits = if large { logits.min(limits.logits.max(vocab)) } else { logits };
        tokens * self.layer(length) * number + 3 * logits * 4
    }

    /// Returns the bytes of sampling: keys and values of as many rows as the cache may hold, a forward over a part of
    /// their prompts, and logits. `cache` is the largest number of values in it.
    pub fn sampling(&self, batch: Rows, cache: u64, limits: Limits, number: u64) -> u64 {
        let Rows { rows, length, positions } = batch;
        let row = (2 * self.layers * self.kv_heads * self.head_dim * length).max(1);
        let rows = halved(rows, cache / row);
        let prompt = length.saturating_sub(positions);
        let read = (rows * prompt).min(self.reads(prompt, limits).max(rows)) * self.layer(prompt);
        (rows * row + read) * number + rows * 3 * self.vocab * 4
    }
}

/// Returns the rows, halved until there are at most `most`, or one.
fn halved(mut rows: u64, most: u64) -> u64 {
    while rows > most.max(1) {
        rows = rows.div_ceil(2);
    }
    rows
}
