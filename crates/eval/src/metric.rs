//! Scores of one document; means and standard errors over documents and groups of tasks.

use crate::Error;
use crate::python::Pattern;

/// The comparison of two texts (`exact_match_hf_evaluate` of `lm_eval/api/metrics.py`).
#[derive(Debug, Default)]
pub struct ExactMatch {
    /// The patterns removed from both texts, in this order.
    pub ignore: Vec<Pattern>,
    pub ignore_case: bool,
    /// True to ignore ASCII punctuation.
    pub ignore_punctuation: bool,
}

impl ExactMatch {
    pub fn holds(&self, prediction: &str, reference: &str) -> Result<bool, Error> {
        Ok(self.normal(prediction)? == self.normal(reference)?)
    }

    fn normal(&self, text: &str) -> Result<String, Error> {
        // NumPy's string arrays, which lm-eval makes at each step, drop trailing NULs.
        let stored = |text: String| text.trim_end_matches('\0').to_owned();
        let remove = |text: String, pattern: &Pattern| pattern.remove(&text).map(stored);
        let mut text = self.ignore.iter().try_fold(text.to_owned(), remove)?;
        if self.ignore_case {
            text = text.to_lowercase();
        }
        if self.ignore_punctuation {
            text.retain(|c| !c.is_ascii_punctuation());
        }
        Ok(stored(text))
    }
}

/// Returns the index of the largest value; the first among equals.
pub fn argmax(values: impl IntoIterator<Item = f64>) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (at, value) in values.into_iter().enumerate() {
        if value > best.1 {
            best = (at, value);
        }
    }
    best.0
}

pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Returns the standard error of the mean, from the sample's standard deviation; `None` with fewer than two values.
pub fn mean_stderr(values: &[f64]) -> Option<f64> {
    let (mean, count) = (mean(values), values.len() as f64);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt() / count.sqrt())
}

/// Returns the mean of means over `sizes` documents each.
pub fn weighted_mean(means: &[f64], sizes: &[usize]) -> f64 {
    let sum: f64 = means.iter().zip(sizes).map(|(mean, size)| mean * *size as f64).sum();
    sum / sizes.iter().sum::<usize>() as f64
}

/// Returns the standard error of that mean from the pooled variance. Each of `stderrs` is of at least two documents.
pub fn pooled_stderr(stderrs: &[f64], sizes: &[usize]) -> f64 {
    let term = |(stderr, size): (&f64, &usize)| (*size as f64 - 1.0) * stderr.powi(2) * *size as f64;
    let (sum, all): (f64, usize) = (stderrs.iter().zip(sizes).map(term).sum(), sizes.iter().sum());
    (sum / (all - sizes.len()) as f64 / all as f64).sqrt()
}
