//! Verdicts from a file: what people, or a judge that is gone, said.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::usage::{Tally, Usage};
use crate::{Error, Judge, Query, Verdict};

/// What to say of a pair that the file does not hold.
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
    /// Sum of the probabilities and their number, by (prompt, first, second).
    pairs: HashMap<[String; 3], (f64, u32)>,
    tally: Tally,
}

/// A line. Fields of other names are left alone.
#[derive(Deserialize)]
struct Line {
    prompt: String,
    first: Option<String>,
    second: Option<String>,
    chosen: Option<String>,
    rejected: Option<String>,
    preferred: Option<Preferred>,
    probability: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Preferred {
    First,
    Second,
    Tie,
}

impl Recorded {
    /// A file of JSON lines, each `prompt` with `chosen` and `rejected`, or with `first`, `second` and one of
    /// `preferred` (`first`, `second`, `tie`) and `probability` (that the first is better). A pair with several lines,
    /// as from several people, has their mean.
    pub fn open(path: &Path, missing: Missing) -> Result<Self, Error> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::new(format!("{file}: {error}")).help("the path is relative to the file that names it")
        })?;
        let mut pairs: HashMap<[String; 3], (f64, u32)> = HashMap::new();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let parsed = serde_json::from_str(line).map_err(|error| error.to_string()).and_then(read);
            let (pair, probability) = parsed.map_err(|why| {
                Error::new(format!("{file}:{}: {why}", index + 1)).help(
                    "a line has `prompt` with `chosen` and `rejected`, or with `first`, `second` and `preferred` or \
                     `probability`",
                )
            })?;
            let (sum, count) = pairs.entry(pair).or_default();
            (*sum, *count) = (*sum + probability, *count + 1);
        }
        Ok(Self { file, missing, pairs, tally: Tally::default() })
    }

    /// The probability that the first is better, from lines of either order.
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
}

/// The texts of a line, and the probability that the first is better.
fn read(line: Line) -> Result<([String; 3], f64), String> {
    let said = match (line.preferred, line.probability) {
        (Some(_), Some(_)) => return Err("both `preferred` and `probability`".into()),
        (Some(Preferred::First), None) => Some(1.0),
        (Some(Preferred::Second), None) => Some(0.0),
        (Some(Preferred::Tie), None) => Some(0.5),
        (None, said) => said,
    };
    if let Some(said) = said.filter(|said| !(0.0..=1.0).contains(said)) {
        return Err(format!("`probability` is {said}: it must lie in 0..=1"));
    }
    match (line.first, line.second, line.chosen, line.rejected) {
        (Some(first), Some(second), None, None) => {
            Ok(([line.prompt, first, second], said.ok_or("neither `preferred` nor `probability`")?))
        }
        (None, None, Some(chosen), Some(rejected)) => Ok(([line.prompt, chosen, rejected], said.unwrap_or(1.0))),
        _ => Err("neither `first` and `second` nor `chosen` and `rejected`".into()),
    }
}
