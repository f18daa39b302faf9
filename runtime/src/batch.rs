//! Rows of (prompt, response) tokens, and the padded tensors made of them.

use burn::tensor::{Device, Int, Tensor, TensorData};
use pbpo_plan::memory::Rows;

use crate::tokenizer::PAD;

/// One prompt with one response.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The index of the prompt's item in the data.
    pub item: usize,
    /// BOS and the prompt's tokens.
    pub prompt: Vec<u32>,
    /// The response's tokens; the last one is EOS if the response ended by itself.
    pub response: Vec<u32>,
    /// Tokens that a classifier reads after the prompt, if they differ from `response`: the whole rendered chat.
    pub read: Option<Vec<u32>>,
}

impl Row {
    /// Returns a row that classifiers and policies read alike.
    pub fn new(item: usize, prompt: Vec<u32>, response: Vec<u32>) -> Self {
        Self { item, prompt, response, read: None }
    }

    /// Returns the tokens that a classifier reads after the prompt.
    pub fn read(&self) -> &[u32] {
        self.read.as_ref().unwrap_or(&self.response)
    }

    /// Returns the number of tokens of the prompt and the response, for the reader that gets more of them.
    pub fn length(&self) -> usize {
        self.prompt.len() + self.response.len().max(self.read().len())
    }
}

/// Rows padded on the right to one length. A causal model never looks right, so padding needs no
/// attention mask. Position `j` of the batch predicts token `start + j + 1`.
#[derive(Clone, Debug)]
pub struct Batch {
    rows: usize,
    length: usize,
    /// The first hidden state that predicts a response token in some row.
    start: usize,
    ids: Vec<i32>,
    mask: Vec<f32>,
    read: Read,
    device: Device,
}

/// The tokens that classifiers read.
#[derive(Clone, Debug)]
struct Read {
    length: usize,
    /// The tokens of all rows, if they differ from those that policies read.
    ids: Option<Vec<i32>>,
    /// Each row's last token among `rows * length`.
    last: Vec<i32>,
}

impl Read {
    fn new(rows: &[&Row], least: usize) -> Self {
        let end = |row: &Row| row.prompt.len() + row.read().len();
        let length = rows.iter().map(|row| end(row)).max().unwrap_or(0).max(least);
        let padded = |row: &&Row| {
            let tokens = row.prompt.iter().chain(row.read()).map(|t| *t as i32);
            tokens.chain(std::iter::repeat(PAD as i32)).take(length).collect::<Vec<i32>>()
        };
        let apart = rows.iter().any(|row| row.read.is_some());
        let last = rows.iter().enumerate().map(|(i, row)| (i * length + end(row).max(1) - 1) as i32);
        Self { length, ids: apart.then(|| rows.iter().flat_map(padded).collect()), last: last.collect() }
    }
}

impl Batch {
    /// Makes a batch. `device` may be an autodiff device; the batch is data and follows it.
    pub fn new<'a>(rows: impl IntoIterator<Item = &'a Row>, device: &Device) -> Self {
        let rows: Vec<&Row> = rows.into_iter().collect();
        let length = rows.iter().map(|r| r.prompt.len() + r.response.len()).max().unwrap_or(2).max(2);
        let start = rows.iter().map(|r| r.prompt.len()).min().unwrap_or(1).max(1) - 1;
        let positions = length - 1 - start;
        let mut ids = Vec::with_capacity(rows.len() * length);
        let mut mask = Vec::with_capacity(rows.len() * positions);
        for row in &rows {
            let (prompt, end) = (row.prompt.len(), row.prompt.len() + row.response.len());
            ids.extend(row.prompt.iter().chain(&row.response).map(|t| *t as i32));
            ids.extend(std::iter::repeat_n(PAD as i32, length - end));
            mask.extend((start + 1..length).map(|t| f32::from(u8::from(t >= prompt && t < end))));
        }
        let read = Read::new(&rows, length);
        Self { rows: rows.len(), length, start, ids, mask, read, device: device.clone() }
    }

    /// Returns the same rows with tensors made on another device.
    pub fn to_device(mut self, device: &Device) -> Self {
        self.device = device.clone();
        self
    }

    /// Returns the mean of hidden states `[rows, length, width]` at the response's tokens, `[rows, width]`.
    pub fn mean_response(&self, hidden: Tensor<3>) -> Tensor<2> {
        let mask: Tensor<3> = self.mask().unsqueeze_dim(2);
        let states = hidden.narrow(1, self.start() + 1, self.positions());
        (states * mask.clone()).sum_dim(1).squeeze_dim::<2>(1) / mask.sum_dim(1).squeeze_dim::<2>(1).clamp_min(1.0)
    }

    /// Returns the batch's size, as estimates of memory take it.
    pub fn size(&self) -> Rows {
        let [rows, length, positions] = [self.rows, self.read.length, self.positions()].map(|size| size as u64);
        Rows { rows, length, positions }
    }

    /// The most tokens of a row that a classifier reads, padding excluded.
    pub fn longest_read(&self) -> usize {
        let ends = self.read.last.iter().enumerate().map(|(row, last)| *last as usize - row * self.read.length + 1);
        ends.max().unwrap_or(0)
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the number of tokens of each row, including padding.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Returns the first position whose hidden state predicts a response token.
    pub fn start(&self) -> usize {
        self.start
    }

    /// Returns the number of predicting positions in each row.
    pub fn positions(&self) -> usize {
        self.length - 1 - self.start
    }

    /// Returns the number of response tokens in all rows.
    pub fn response_tokens(&self) -> usize {
        self.mask.iter().filter(|m| **m > 0.0).count()
    }

    /// Returns all tokens, `[rows, length]`.
    pub fn tokens(&self) -> Tensor<2, Int> {
        Tensor::from_data(TensorData::new(self.ids.clone(), [self.rows, self.length]), &self.device)
    }

    /// Returns the token each position predicts, `[rows, positions]`.
    pub fn targets(&self) -> Tensor<2, Int> {
        self.tokens().narrow(1, self.start + 1, self.positions())
    }

    /// Returns 1 for positions whose predicted token belongs to the response, else 0; `[rows, positions]`.
    pub fn mask(&self) -> Tensor<2> {
        Tensor::from_data(TensorData::new(self.mask.clone(), [self.rows, self.positions()]), &self.device)
    }

    /// Returns the tokens that classifiers read, `[rows, length]`: the same as for policies, unless some row has other
    /// or further tokens.
    pub fn read(&self) -> Tensor<2, Int> {
        match &self.read.ids {
            Some(ids) => Tensor::from_data(TensorData::new(ids.clone(), [self.rows, self.read.length]), &self.device),
            None => self.tokens(),
        }
    }

    /// Returns the index of each row's last token in the flattened tokens of [`Self::read`], as transformers finds it: the
    /// last one that is not `pad`, the classifier's padding token. If the end token pads too, that is the token before it.
    pub fn last_read(&self, pad: Option<u32>) -> Tensor<1, Int> {
        let ids = self.read.ids.as_ref().unwrap_or(&self.ids);
        let is_pad = |at: i32| pad.is_some_and(|pad| ids[at as usize] == pad as i32);
        let last = self.read.last.iter().enumerate().map(|(row, last)| {
            let first = (row * self.read.length) as i32;
            (first..=*last).rev().find(|at| !is_pad(*at)).unwrap_or(first)
        });
        Tensor::from_data(TensorData::new(last.collect::<Vec<i32>>(), [self.rows]), &self.device)
    }
}
