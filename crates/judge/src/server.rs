//! Settings of a server: its address, how fast it may be asked, and how much it may cost.

use std::ops::RangeInclusive;

use pbpo_outside::judge::limit;
use serde::{Deserialize, Serialize};

use crate::{Error, SendKey};

/// The server's address, and how it may be asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSettings {
    /// The address up to `/v1`; `None` means the environment's `OPENAI_BASE_URL`, else OpenAI.
    pub url: Option<String>,
    /// The name of the environment variable that holds the key; `None` means `OPENAI_API_KEY`, if it is set.
    pub key: Option<String>,
    /// The hosts to which keys may be sent, as given on the command line; never read from a file.
    #[serde(skip)]
    pub send_keys: Vec<SendKey>,
    /// The number of simultaneous requests.
    pub concurrency: usize,
    /// The number of requests per second; `None` means no limit.
    pub rate: Option<f64>,
    /// The seconds for one request and its whole answer. Connecting gets at most 10 of them.
    pub timeout: f64,
    /// The number of attempts after the first one, for errors that may pass: 408, 409, 425, 429, 5xx, and connections
    /// or answers that were cut off.
    pub retries: usize,
    /// The seconds before the second attempt; doubled each time, with jitter, up to 30. `Retry-After` makes it longer.
    pub backoff_s: f64,
    /// The seed of the jitter. It changes no verdict.
    pub seed: u64,
    /// The number of requests in all, including retries, since the judge was made.
    pub most_calls: Option<u64>,
    /// The cost in all since the judge was made. Answers under way when it is spent are still taken.
    pub most_usd: Option<f64>,
    pub usd_in: f64,
    pub usd_out: f64,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            url: None,
            key: None,
            send_keys: Vec::new(),
            concurrency: 8,
            rate: None,
            timeout: 60.0,
            retries: 5,
            backoff_s: 0.5,
            seed: 0,
            most_calls: None,
            most_usd: None,
            usd_in: 0.0,
            usd_out: 0.0,
        }
    }
}

impl ServerSettings {
    pub(crate) fn check(&self) -> Result<(), Error> {
        let numbers = [
            ("concurrency", self.concurrency as f64, limit::CONCURRENCY),
            ("rate", self.rate.unwrap_or(1.0), limit::RATE),
            ("timeout", self.timeout, limit::TIMEOUT),
            ("retries", self.retries as f64, limit::RETRIES),
            ("backoff_s", self.backoff_s, 0.0..=30.0),
            ("most_calls", self.most_calls.unwrap_or(1) as f64, limit::MOST_CALLS),
            ("most_usd", self.most_usd.unwrap_or(1.0), limit::USD),
            ("usd_in", self.usd_in, limit::PRICE),
            ("usd_out", self.usd_out, limit::PRICE),
        ];
        numbers.into_iter().try_for_each(|(name, value, range)| within(name, Some(value), &range))?;
        if self.most_usd.is_some() && self.usd_in + self.usd_out == 0.0 {
            return Err(Error::new("the judge's `most_usd` needs prices")
                .help("set `usd_in` and `usd_out`, or take `most_calls`"));
        }
        Ok(())
    }
}

/// Checks a number, if there is one.
pub(crate) fn within(name: &str, value: Option<f64>, range: &RangeInclusive<f64>) -> Result<(), Error> {
    let Some(value) = value.filter(|value| !range.contains(value)) else { return Ok(()) };
    let (low, high) = (range.start(), range.end());
    Err(Error::new(format!("the judge's `{name}` is {value}: it must lie in {low}..={high}")))
}
