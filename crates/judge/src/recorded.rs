//! Recorded verdicts, of people or of a judge that no longer exists.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::usage::{Tally, Usage};
use crate::{Error, Judge, Query, Verdict};

/// The handling of a pair that the file does not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    #[default]
    Abstain,
    Error,
}

/// Verdicts by the texts of prompt and responses, in either order.
pub struct Recorded {
    file: String,
    missing: Missing,
    /// The sum of the probabilities and their number, by (prompt, first, second).
    pairs: HashMap<[String; 3], (f64, u32)>,
    tally: Tally,
}

impl Recorded {
    /// Takes labels as a file gives them: the texts of prompt, first and second response, and the probability that the
    /// first is better. A pair with several labels, as from several people, gets their mean. Messages name `file`.
    pub fn new(file: String, labels: impl IntoIterator<Item = ([String; 3], f64)>, missing: Missing) -> Self {
        let mut pairs: HashMap<[String; 3], (f64, u32)> = HashMap::new();
        for (pair, probability) in labels {
            let (sum, count) = pairs.entry(pair).or_default();
            (*sum, *count) = (*sum + probability, *count + 1);
        }
        Self { file, missing, pairs, tally: Tally::default() }
    }

    /// Returns the probability that the first is better, from labels of either order.
    fn probability(&self, query: &Query) -> Option<f64> {
        let texts = |first: &String, second: &String| [query.prompt.clone(), first.clone(), second.clone()];
        let (sum, count) = self.pairs.get(&texts(&query.first, &query.second)).copied().unwrap_or_default();
        let (swapped, more) = self.pairs.get(&texts(&query.second, &query.first)).copied().unwrap_or_default();
        let all = f64::from(count + more);
        (all > 0.0).then(|| (sum + f64::from(more) - swapped) / all)
    }
}

impl Judge for Recorded {
    fn judge(&self, queries: &[Query]) -> Result<Vec<Verdict>, Error> {
        let missing = queries.iter().find(|query| self.probability(query).is_none());
        if let (Missing::Error, Some(query)) = (self.missing, missing) {
            let prompt: String = query.prompt.chars().take(60).collect();
            return Err(Error::new(format!("{}: no verdict on a pair of the prompt {prompt:?}", self.file))
                .help("record it, or let such pairs abstain"));
        }
        Ok(self.tally.each(queries, |query| match self.probability(query) {
            None => Verdict::Abstain(format!("{} has no verdict on it", self.file)),
            Some(0.5) => Verdict::Tie,
            Some(probability) => Verdict::Prefer(probability),
        }))
    }

    fn usage(&self) -> Usage {
        *self.tally.lock()
    }

    fn resume(&self, usage: Usage) {
        *self.tally.lock() = usage;
    }
}
