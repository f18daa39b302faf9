//! Counts of what was asked and answered.

use std::sync::{Mutex, MutexGuard};

use serde::Serialize;

use crate::{Query, Verdict, lock};

/// Sums since the judge was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Usage {
    /// Questions sent to the server: one for each order of a pair, retries apart.
    pub calls: u64,
    /// Attempts after the first one.
    pub retries: u64,
    /// Verdicts `Failed`.
    pub failures: u64,
    /// Pairs judged as good as each other, also where `ties = half` made them a label of 1/2.
    pub ties: u64,
    /// Verdicts `Abstain`.
    pub abstentions: u64,
    /// Questions answered from the store.
    pub stored: u64,
    /// Answers whose text was read where log-probabilities were asked for, and the server gave none.
    pub texts: u64,
    /// Pairs whose two orders gave opposite preferences.
    pub flips: u64,
    /// As the server counts them; 0 where it does not.
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    /// From the tokens and the prices in the settings.
    pub cost_usd: f64,
    /// Seconds between question and answer, summed over answered calls.
    pub latency_s: f64,
}

/// A `Usage` that threads add to.
#[derive(Default)]
pub(crate) struct Tally(Mutex<Usage>);

impl Tally {
    pub fn lock(&self) -> MutexGuard<'_, Usage> {
        lock(&self.0)
    }

    /// Counts verdicts as they go out.
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

    /// Verdicts of a judge that needs no server.
    pub fn each(&self, queries: &[Query], verdict: impl Fn(&Query) -> Verdict) -> Vec<Verdict> {
        let verdicts: Vec<Verdict> = queries.iter().map(verdict).collect();
        self.count(&verdicts);
        verdicts
    }
}
