//! What is set about a server: where it is, how fast it may be asked, and what it may cost.

use serde::{Deserialize, Serialize};

use crate::Error;

/// Where the server is, and how it may be asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSettings {
    /// Up to `/v1`. None: the environment's `OPENAI_BASE_URL`, else OpenAI.
    pub url: Option<String>,
    /// The name of the environment variable that holds the key. None: `OPENAI_API_KEY`, if it is set.
    pub api_key: Option<String>,
    /// Requests under way at a time, in `1..=256`.
    pub concurrency: usize,
    /// Requests a second. None: as they come.
    pub rate: Option<f64>,
    /// Seconds for one request and its whole answer. Connecting gets 10 of them at most.
    pub timeout_s: f64,
    /// Attempts after the first one, where it may help: 408, 409, 425, 429, 5xx, connections and answers cut off.
    pub retries: usize,
    /// Seconds before the second attempt; doubled each time, with jitter, up to 30. `Retry-After` makes it longer.
    pub backoff_s: f64,
    /// Of the jitter. It changes no verdict.
    pub seed: u64,
    /// Requests in all, retries among them, since the judge was made.
    pub most_calls: Option<u64>,
    /// Cost in all since the judge was made. Answers under way when it is spent still come in.
    pub most_usd: Option<f64>,
    pub usd_in: f64,
    pub usd_out: f64,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            url: None,
            api_key: None,
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
        let within = |key: &str, value: f64, low: f64, high: f64| match (low..=high).contains(&value) {
            true => Ok(()),
            false => Err(Error::new(format!("the judge's `{key}` is {value}: it must lie in {low}..={high}"))),
        };
        within("concurrency", self.concurrency as f64, 1.0, 256.0)?;
        within("rate", self.rate.unwrap_or(1.0), 0.001, 1e5)?;
        within("timeout_s", self.timeout_s, 0.001, 86400.0)?;
        within("retries", self.retries as f64, 0.0, 100.0)?;
        within("backoff_s", self.backoff_s, 0.0, 30.0)?;
        within("most_usd", self.most_usd.unwrap_or(0.0), 0.0, 1e9)?;
        within("usd_in", self.usd_in, 0.0, 1e6)?;
        within("usd_out", self.usd_out, 0.0, 1e6)?;
        if self.most_usd.is_some() && self.usd_in + self.usd_out == 0.0 {
            return Err(Error::new("the judge's `most_usd` needs prices")
                .help("set `usd_in` and `usd_out`, or take `most_calls`"));
        }
        Ok(())
    }
}
