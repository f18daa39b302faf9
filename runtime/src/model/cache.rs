//! Keys and values of the tokens a model has read, so that each new token costs one forward step.

use burn::tensor::Tensor;

/// Keys and values of every layer, `[rows, kv_heads, capacity, head_dim]`, filled up to `len`.
#[derive(Clone, Debug)]
pub struct Cache {
    layers: Vec<Option<(Tensor<4>, Tensor<4>)>>,
    capacity: usize,
    len: usize,
}

impl Cache {
    /// Returns an empty cache for `layers` layers and at most `capacity` tokens in each row.
    pub fn new(layers: usize, capacity: usize) -> Self {
        Self { layers: vec![None; layers], capacity, len: 0 }
    }

    /// Returns the number of tokens read so far.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends a layer's new keys and values (`[rows, kv_heads, new, head_dim]`) to the old ones and returns all of
    /// them.
    pub(super) fn extend(&mut self, layer: usize, k: Tensor<4>, v: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let [rows, heads, new, dim] = k.dims();
        let end = self.len + new;
        assert!(end <= self.capacity, "cache of {} tokens is full", self.capacity);
        let (keys, values) = self.layers[layer].take().unwrap_or_else(|| {
            let shape = [rows, heads, self.capacity, dim];
            let zeros = || Tensor::zeros(shape, (&k.device(), k.dtype()));
            (zeros(), zeros())
        });
        let at = [0..rows, 0..heads, self.len..end, 0..dim];
        let keys = keys.slice_assign(at.clone(), k);
        let values = values.slice_assign(at, v);
        let all = (keys.clone().narrow(2, 0, end), values.clone().narrow(2, 0, end));
        self.layers[layer] = Some((keys, values));
        all
    }

    /// Counts `new` tokens as read; called once in each forward step, after the last layer.
    pub(super) fn advance(&mut self, new: usize) {
        self.len += new;
    }
}
