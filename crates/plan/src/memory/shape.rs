//! Sizes of a model: its parameters, and what forwards and backwards keep beside them.

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
    /// Most tokens of a text.
    pub context: u64,
    /// The output layer is the embedding.
    pub tied: bool,
    /// Parameters of a layer beside its matrices and its two norms: biases, norms of queries and keys.
    pub extra: u64,
    /// Parameters of adapters that are on it already; then they alone are trained.
    pub adapters: u64,
}

/// What a batch with one graph may not exceed; larger ones are computed in pieces.
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
    /// Of `llama { ... }` as plans hold it, with a vocabulary of so many tokens.
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

    /// Parameters of matrices, which a frozen model keeps in the numbers that it is computed in.
    pub fn matrices(&self) -> u64 {
        let ends = if self.tied { 1 } else { 2 };
        ends * self.vocab * self.width + self.layers * self.linears().iter().map(|(_, i, o)| i * o).sum::<u64>()
    }

    /// Parameters of adapters of a rank on some of the matrices of every layer.
    pub fn lora(&self, rank: u64, targets: &[&str]) -> u64 {
        let on = |name: &str| targets.contains(&name);
        let each = self.linears().into_iter().filter(|(name, ..)| on(name)).map(|(_, i, o)| rank * (i + o));
        self.layers * each.sum::<u64>()
    }

    /// Names, inputs and outputs of the matrices of a layer.
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

    /// Numbers that a token of a row of `length` tokens makes in one layer.
    fn layer(&self, length: u64) -> u64 {
        8 * self.width + 2 * (self.heads + self.kv_heads) * self.head_dim + 2 * self.heads * length + 4 * self.ff
    }

    /// Numbers of a token in one layer that are there at once in a backward pass: half as many again as the forward made,
    /// by the peaks of runs on the CPU (`scripts/memory.sh`).
    fn kept(&self, length: u64) -> u64 {
        self.layer(length) * 3 / 2
    }

    /// Whether a batch is computed in pieces. `vocab`: tokens that are predicted; 0 of a reward model.
    pub fn is_large(&self, batch: Rows, vocab: u64, limits: Limits) -> bool {
        let Rows { rows, length, positions } = batch;
        let tokens = rows * length;
        tokens > limits.tokens
            || rows * positions * vocab > limits.logits
            || self.layers * tokens * self.kept(length) > limits.graph
    }

    /// Most tokens of a piece, whose rows have up to `length`: what goes into each layer is kept, and the graph of one.
    /// One row in any case.
    pub fn piece(&self, length: u64, limits: Limits) -> u64 {
        let each = (self.layers + 4) * self.width + self.kept(length);
        (limits.graph / each.max(1)).min(limits.tokens).max(length)
    }

    /// Most tokens that have one graph, in rows of `length`, as far as log-probabilities allow it.
    pub fn whole(&self, length: u64, limits: Limits) -> u64 {
        (limits.graph / (self.layers * self.kept(length)).max(1)).min(limits.tokens).max(length)
    }

    /// Bytes of a forward over so many tokens, without a graph and without logits.
    pub fn read(&self, tokens: u64, length: u64, number: u64) -> u64 {
        tokens * self.layer(length) * number
    }

    /// Most tokens of a forward without a graph, in rows of up to `length`.
    pub fn reads(&self, length: u64, limits: Limits) -> u64 {
        (limits.graph / self.layer(length).max(1)).min(limits.tokens).max(1)
    }

    /// Bytes that a forward keeps for the backward pass, and what the backward makes.
    pub fn graph(&self, batch: Rows, vocab: u64, limits: Limits, number: u64) -> u64 {
        let Rows { rows, length, positions } = batch;
        let (tokens, logits) = (rows * length, rows * positions * vocab);
        if !self.is_large(batch, vocab, limits) {
            return self.layers * tokens * self.kept(length) * number + 6 * logits * 4;
        }
        // One piece at a time: what goes into each layer, the graph of one of them, and a few positions' logits.
        let piece = tokens.min(self.piece(length, limits));
        let states = (self.layers + 4) * piece * self.width;
        (states + piece * self.kept(length)) * number + 6 * logits.min(limits.logits.max(vocab)) * 4
    }

    /// Bytes of a forward alone.
    pub fn forward(&self, batch: Rows, vocab: u64, limits: Limits, number: u64) -> u64 {
        let Rows { rows, length, positions } = batch;
        let (tokens, logits) = (rows * length, rows * positions * vocab);
        let large = self.is_large(batch, vocab, limits);
        let tokens = if large { tokens.min(self.piece(length, limits)) } else { tokens };
        let logits = if large { logits.min(limits.logits.max(vocab)) } else { logits };
        tokens * self.layer(length) * number + 3 * logits * 4
    }

    /// Bytes that sampling takes: keys and values of as many rows as the cache may hold, a forward over a part of their
    /// prompts, and logits. `cache`: most numbers in it.
    pub fn sampling(&self, batch: Rows, cache: u64, limits: Limits, number: u64) -> u64 {
        let Rows { rows, length, positions } = batch;
        let row = (2 * self.layers * self.kv_heads * self.head_dim * length).max(1);
        let rows = halved(rows, cache / row);
        let prompt = length.saturating_sub(positions);
        let read = (rows * prompt).min(self.reads(prompt, limits).max(rows)) * self.layer(prompt);
        (rows * row + read) * number + rows * 3 * self.vocab * 4
    }
}

/// Rows, halved until there are no more than `most`, or one.
fn halved(mut rows: u64, most: u64) -> u64 {
    while rows > most.max(1) {
        rows = rows.div_ceil(2);
    }
    rows
}
