//! Counts of questions and answers.

use std::sync::{Mutex, MutexGuard};

use serde::{Deserialize, Serialize};

use crate::{Query, Verdict, lock};

/// Sums since the judge was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// The number of questions sent to the server: one for each order of a pair, without retries.
    pub calls: u64,
    /// The number of attempts after the first one.
    pub retries: u64,
    /// The number of verdicts `Failed`.
    pub failures: u64,
    /// The number of pairs judged equally good, including those that `ties = half` made a label of 1/2.
    pub ties: u64,
    /// The number of verdicts `Abstain`.
    pub abstentions: u64,
    /// The number of questions answered from the store.
    pub stored: u64,
    /// The number of answers whose text was read because the server gave no log-probabilities when asked.
    pub texts: u64,
    /// The number of pairs whose two orders gave opposite preferences.
    pub flips: u64,
    /// The number of prompt tokens as the server counts them; 0 if it does not.
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    /// The cost from the tokens and the prices in the settings.
    pub cost_usd: f64,
    /// The seconds between question and answer, summed over answered calls.
    pub latency_s: f64,
}

/// A `Usage` that threads add to.
#[derive(Default)]
pub(crate) struct Tally(Mutex<Usage>);

impl Tally {
    pub fn lock(&self) -> MutexGuard<'_, Usage> {
        lock(&self.0)
    }

    /// Counts verdicts that are returned.
    pub fn count(&self, verdicts: &[Verdict]) {
        let mut usage = self.lock();
        for verdict in verdicts {
            match verdict {
                Verdict::Prefer(_) => {}
                Verdict::Tie => usage.ties += 1,
                Verdict::Abstain(_) => usage.abstentions += 1,
                Verdict::Failed(_) => usage.failures += 1,
            }
        }
    }

    /// Makes the verdicts of a judge that needs no server.
    pub fn each(&self, queries: &[Query], verdict: impl Fn(&Query) -> Verdict) -> Vec<Verdict> {
        let verdicts: Vec<Verdict> = queries.iter().map(verdict).collect();
        self.count(&verdicts);
        verdicts
    }
}
