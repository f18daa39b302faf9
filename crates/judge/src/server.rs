//! Settings of a server: its address, how fast it may be asked, and how much it may cost.

use serde::{Deserialize, Serialize};

use crate::{Error, SendKey};

/// The limits of the numbers, ends included. The compiler uses the same limits.
pub mod limit {
    use std::ops::RangeInclusive;

    pub const CONCURRENCY: RangeInclusive<f64> = 1.0..=256.0;
    pub const RATE: RangeInclusive<f64> = 0.001..=1e5;
    pub const TIMEOUT_S: RangeInclusive<f64> = 0.001..=86_400.0;
    pub const RETRIES: RangeInclusive<f64> = 0.0..=100.0;
    pub const BACKOFF_S: RangeInclusive<f64> = 0.0..=30.0;
    /// The limits of `most_usd`, in US dollars.
    pub const USD: RangeInclusive<f64> = 1e-6..=1e9;
    /// The limits of the price of a million tokens, in US dollars.
    pub const PRICE: RangeInclusive<f64> = 0.0..=1e6;
}

/// The server's address, and how it may be asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSettings {
    /// The address up to `/v1`; `None` means the environment's `OPENAI_BASE_URL`, else OpenAI.
    pub url: Option<String>,
    /// The name of the environment variable that holds the key; `None` means `OPENAI_API_KEY`, if it is set.
    pub api_key: Option<String>,
    /// The hosts to which keys may be sent, as given on the command line; never read from a file.
    #[serde(skip)]
    pub send_keys: Vec<SendKey>,
    /// The number of simultaneous requests.
    pub concurrency: usize,
    /// The number of requests per second; `None` means no limit.
    pub rate: Option<f64>,
    /// The seconds for one request and its whole answer. Connecting gets at most 10 of them.
    pub timeout_s: f64,
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
            api_key: None,
            send_keys: Vec::new(),
            concurrency: 8,
            rate: None,
            timeout_s: 60.0,
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
            ("timeout_s", self.timeout_s, limit::TIMEOUT_S),
            ("retries", self.retries as f64, limit::RETRIES),
            ("backoff_s", self.backoff_s, limit::BACKOFF_S),
            ("most_usd", self.most_usd.unwrap_or(1.0), limit::USD),
            ("usd_in", self.usd_in, limit::PRICE),
            ("usd_out", self.usd_out, limit::PRICE),
        ];
        if let Some((key, value, range)) = numbers.into_iter().find(|(_, value, range)| !range.contains(value)) {
            let (low, high) = range.into_inner();
            return Err(Error::new(format!("the judge's `{key}` is {value}: it must lie in {low}..={high}")));
        }
        if self.most_usd.is_some() && self.usd_in + self.usd_out == 0.0 {
            return Err(Error::new("the judge's `most_usd` needs prices")
                .help("set `usd_in` and `usd_out`, or take `most_calls`"));
        }
        Ok(())
    }
}
