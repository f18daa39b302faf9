//! Rows of (prompt, response) tokens, and the padded tensors made of them.

use burn::tensor::{Device, Int, Tensor, TensorData};
use pbpo_plan::memory::Rows;

use crate::tokenizer::PAD;

/// One prompt with one response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which item of the data the prompt is.
    pub item: usize,
    /// BOS and the prompt's tokens.
    pub prompt: Vec<u32>,
    /// The response's tokens; the last one is EOS if the response ended by itself.
    pub response: Vec<u32>,
}

/// Rows padded on the right to one length. A causal model never looks right, so padding needs no
/// attention mask. Position `j` of the batch predicts token `start + j + 1`.
#[derive(Clone, Debug)]
pub struct Batch {
    rows: usize,
    length: usize,
    /// First hidden state that predicts a response token in some row.
    start: usize,
    ids: Vec<i32>,
    mask: Vec<f32>,
    last: Vec<i32>,
    device: Device,
}

impl Batch {
    /// `device` may be an autodiff device; the batch is data and follows it.
    pub fn new<'a>(rows: impl IntoIterator<Item = &'a Row>, device: &Device) -> Self {
        let rows: Vec<&Row> = rows.into_iter().collect();
        let length = rows.iter().map(|r| r.prompt.len() + r.response.len()).max().unwrap_or(2).max(2);
        let start = rows.iter().map(|r| r.prompt.len()).min().unwrap_or(1).max(1) - 1;
        let positions = length - 1 - start;
        let mut ids = Vec::with_capacity(rows.len() * length);
        let mut mask = Vec::with_capacity(rows.len() * positions);
        let mut last = Vec::with_capacity(rows.len());
        for (i, row) in rows.iter().enumerate() {
            let (prompt, end) = (row.prompt.len(), row.prompt.len() + row.response.len());
            ids.extend(row.prompt.iter().chain(&row.response).map(|t| *t as i32));
            ids.extend(std::iter::repeat_n(PAD as i32, length - end));
            mask.extend((start + 1..length).map(|t| f32::from(u8::from(t >= prompt && t < end))));
            last.push((i * length + end.max(1) - 1) as i32);
        }
        Self { rows: rows.len(), length, start, ids, mask, last, device: device.clone() }
    }

    /// The same rows with tensors made on another device.
    pub fn to_device(mut self, device: &Device) -> Self {
        self.device = device.clone();
        self
    }

    /// The mean of hidden states `[rows, length, width]` at the response's tokens, `[rows, width]`.
    pub fn mean_response(&self, hidden: Tensor<3>) -> Tensor<2> {
        let mask: Tensor<3> = self.mask().unsqueeze_dim(2);
        let states = hidden.narrow(1, self.start() + 1, self.positions());
        (states * mask.clone()).sum_dim(1).squeeze_dim::<2>(1) / mask.sum_dim(1).squeeze_dim::<2>(1).clamp_min(1.0)
    }

    /// Its size, as estimates of memory take it.
    pub fn size(&self) -> Rows {
        let [rows, length, positions] = [self.rows, self.length, self.positions()].map(|size| size as u64);
        Rows { rows, length, positions }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Tokens of each row, padding included.
    pub fn length(&self) -> usize {
        self.length
    }

    /// First position whose hidden state predicts a response token.
    pub fn start(&self) -> usize {
        self.start
    }

    /// Predicting positions in each row.
    pub fn positions(&self) -> usize {
        self.length - 1 - self.start
    }

    /// Response tokens in all rows.
    pub fn response_tokens(&self) -> usize {
        self.mask.iter().filter(|m| **m > 0.0).count()
    }

    /// All tokens, `[rows, length]`.
    pub fn tokens(&self) -> Tensor<2, Int> {
        Tensor::from_data(TensorData::new(self.ids.clone(), [self.rows, self.length]), &self.device)
    }

    /// The token each position predicts, `[rows, positions]`.
    pub fn targets(&self) -> Tensor<2, Int> {
        self.tokens().narrow(1, self.start + 1, self.positions())
    }

    /// 1 where the predicted token belongs to the response, `[rows, positions]`.
    pub fn mask(&self) -> Tensor<2> {
        Tensor::from_data(TensorData::new(self.mask.clone(), [self.rows, self.positions()]), &self.device)
    }

    /// Index of each row's last token in the flattened `[rows * length]` tokens.
    pub fn last_tokens(&self) -> Tensor<1, Int> {
        Tensor::from_data(TensorData::new(self.last.clone(), [self.rows]), &self.device)
    }
}
