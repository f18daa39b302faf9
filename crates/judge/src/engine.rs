//! Asks servers: on several threads, paced, with retries and within a budget. Every answer is stored before it is used.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use serde_json::Value;
use ureq::Agent;

use crate::endpoint::Endpoint;
use crate::http::{self, Failure};
use crate::order::Answer;
use crate::pace::Pace;
use crate::remote::Protocol;
use crate::server::ServerSettings;
use crate::store::{self, Store};
use crate::usage::Tally;
use crate::{Error, lock};

/// If at least this many requests all fail and no others are left, the server is gone, and the run stops instead of
/// going on without labels.
const MANY: usize = 8;

/// How long to wait for a server that has not answered yet and may still be starting.
const STARTING: Duration = Duration::from_secs(3);

/// The reasons why requests have no answer, by their keys.
type Failures<'a> = BTreeMap<&'a str, String>;

/// A server with its final settings.
pub(crate) struct Engine {
    settings: ServerSettings,
    pub endpoint: Endpoint,
    agent: Agent,
    pace: Pace,
    store: Arc<Store>,
    pub tally: Tally,
    /// True once a request was answered: address, model and key are right.
    proven: AtomicBool,
}

impl Engine {
    pub fn new(settings: ServerSettings, path: &str, store: Arc<Store>) -> Result<Self, Error> {
        settings.check()?;
        let env = |name: &str| std::env::var(name).ok();
        let (url, key, grants) = (settings.url.as_deref(), settings.key.as_deref(), &settings.send_keys);
        let endpoint = Endpoint::new(url, key, path, grants, env)?;
        let agent = http::agent(&endpoint, Duration::from_secs_f64(settings.timeout), settings.concurrency);
        let pace = Pace::new(settings.rate);
        let (tally, proven) = (Tally::default(), AtomicBool::new(false));
        Ok(Self { settings, endpoint, agent, pace, store, tally, proven })
    }

    /// Returns the answers to requests, in their order. Equal requests are sent once.
    pub fn ask(&self, protocol: &dyn Protocol, bodies: &[Value]) -> Result<Vec<Answer>, Error> {
        let keys: Vec<String> = bodies.iter().map(|body| self.key(body)).collect();
        let mut open: BTreeSet<&str> = BTreeSet::new();
        let mut jobs = Vec::new();
        for (key, body) in keys.iter().zip(bodies) {
            // A stored answer that cannot be read is asked for again.
            let stored = self.store.get(key).is_some_and(|reply| protocol.read(&reply).is_some());
            if !stored && open.insert(key) {
                jobs.push((key.as_str(), body));
            }
        }
        self.tally.lock().stored += (keys.len() - jobs.len()) as u64;
        let failures = self.send_all(protocol, &jobs)?;
        let answer = |key: &String| match self.store.get(key).filter(|_| !failures.contains_key(key.as_str())) {
            Some(reply) => {
                self.tally.lock().texts += u64::from(protocol.lacks_logprobs(&reply));
                protocol.read(&reply).ok_or_else(|| "the stored answer cannot be read".to_owned())
            }
            None => Err(failures.get(key.as_str()).cloned().unwrap_or_default()),
        };
        Ok(keys.iter().map(answer).collect())
    }

    /// Sends one request without the store.
    pub fn probe(&self, protocol: &dyn Protocol, body: &Value) -> Result<(), Error> {
        match self.attempts(protocol, &self.key(body), body)? {
            Ok((reply, latency_s)) => self.account(protocol, &reply, latency_s),
            Err(why) => Err(no_answer(&why)),
        }
    }

    /// Returns the key of a question: its address and its body, as the settings make it. The names by which this server
    /// takes settings are not part of it.
    fn key(&self, body: &Value) -> String {
        store::key(&self.endpoint.shown(), &store::canonical(body))
    }

    /// Sends requests, and returns the reasons why some have no answer, by their keys. Until one was answered only one
    /// request is under way, so that a wrong key or model is reported once.
    fn send_all<'a>(&self, protocol: &dyn Protocol, jobs: &[(&'a str, &Value)]) -> Result<Failures<'a>, Error> {
        let alone = usize::from(!self.proven.load(Ordering::Relaxed)).min(jobs.len());
        let failures = Mutex::new(Failures::new());
        for (key, body) in &jobs[..alone] {
            self.send(protocol, key, body)?.unwrap_or_else(|why| drop(lock(&failures).insert(key, why)));
        }
        let stopped: Mutex<Option<Error>> = Mutex::new(None);
        let next = AtomicUsize::new(alone);
        let work = || {
            while lock(&stopped).is_none() {
                let Some((key, body)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
                match self.send(protocol, key, body) {
                    Ok(Ok(())) => {}
                    Ok(Err(why)) => drop(lock(&failures).insert(key, why)),
                    Err(error) => drop(lock(&stopped).get_or_insert(error)),
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..self.settings.concurrency.min(jobs.len() - alone) {
                scope.spawn(work);
            }
        });
        let failures = std::mem::take(&mut *lock(&failures));
        if let Some(error) = lock(&stopped).take() {
            return Err(error);
        }
        match failures.values().next() {
            Some(why) if failures.len() == jobs.len() && jobs.len() >= MANY => Err(no_answer(why)),
            _ => Ok(failures),
        }
    }

    /// Asks until there is an answer, and stores it.
    fn send(&self, protocol: &dyn Protocol, key: &str, body: &Value) -> Result<Result<(), String>, Error> {
        match self.attempts(protocol, key, body)? {
            Ok((reply, latency_s)) => {
                self.store.put(key, &reply, latency_s)?;
                self.account(protocol, &reply, latency_s).map(Ok)
            }
            Err(why) => Ok(Err(why)),
        }
    }

    /// Returns the reply and its seconds, or the reason why there is none.
    fn attempts(
        &self,
        protocol: &dyn Protocol,
        key: &str,
        body: &Value,
    ) -> Result<Result<(Value, f64), String>, Error> {
        let mut delays = self.backoff(key);
        let (mut first, began) = (true, Instant::now());
        loop {
            self.spend(first)?;
            self.pace.wait();
            let started = Instant::now();
            let wire = store::canonical(&protocol.wire(body));
            let reply = http::post(&self.agent, &self.endpoint, &wire).and_then(|reply| match protocol.read(&reply) {
                Some(_) => Ok(reply),
                None => Err(Failure::Again {
                    why: format!("an answer of another form: {}", http::beginning(&reply.to_string())),
                    after: None,
                }),
            });
            let absent = matches!(reply, Err(Failure::Absent(_))) && !self.proven.load(Ordering::Relaxed);
            let (why, after) = match reply {
                Ok(reply) => {
                    self.proven.store(true, Ordering::Relaxed);
                    return Ok(Ok((reply, started.elapsed().as_secs_f64())));
                }
                Err(Failure::Again { why, after }) => (why, after),
                Err(Failure::Absent(why)) => (why, None),
                Err(Failure::Refused { said, .. }) if protocol.adapts(&wire, &said) => {
                    first = false;
                    continue;
                }
                Err(Failure::Refused { why, .. }) if self.proven.load(Ordering::Relaxed) => return Ok(Err(why)),
                Err(Failure::Refused { why, said }) => {
                    let help = match said {
                        Value::Null => "the first answer can't be read: check that `url` is where the API begins",
                        _ => "the first request was refused: check `model` and other settings",
                    };
                    return Err(Error::new(why).help(help));
                }
                Err(Failure::Fatal(error)) => return Err(error),
            };
            let delay = delays.next().filter(|delay| !absent || began.elapsed() + *delay <= STARTING);
            match (delay, after) {
                (Some(delay), Some(after)) => self.pace.pause(after.max(delay)),
                (Some(delay), None) => thread::sleep(delay),
                (None, _) if self.proven.load(Ordering::Relaxed) => return Ok(Err(why)),
                (None, _) => return Err(no_answer(&why)),
            }
            first = false;
        }
    }

    /// Returns the delays between attempts. Their jitter depends on the request, not on the thread.
    fn backoff(&self, key: &str) -> impl Iterator<Item = Duration> {
        let of_key = key.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0);
        ExponentialBuilder::default()
            .with_min_delay(Duration::from_secs_f64(self.settings.backoff_s))
            .with_max_delay(Duration::from_secs(30))
            .with_max_times(self.settings.retries)
            .with_jitter()
            .with_jitter_seed(self.settings.seed ^ of_key)
            .build()
    }

    /// Counts a request before it is sent, if the budget has room for it.
    fn spend(&self, first: bool) -> Result<(), Error> {
        let mut usage = self.tally.lock();
        let spent = |what: String| {
            Error::new(format!("the judge's budget is spent: {what}"))
                .help("answers so far are stored and cost nothing again: raise the budget and start again")
        };
        if let Some(most) = self.settings.most_calls.filter(|most| usage.calls + usage.retries >= *most) {
            return Err(spent(format!("`most_calls = {most}`")));
        }
        if let Some(most) = self.settings.most_usd.filter(|most| usage.cost_usd >= *most) {
            return Err(spent(format!("`most_usd = {most}`, and {:.4} USD were paid", usage.cost_usd)));
        }
        usage.calls += u64::from(first);
        usage.retries += u64::from(!first);
        Ok(())
    }

    /// Adds an answer's tokens, cost and time.
    fn account(&self, protocol: &dyn Protocol, reply: &Value, latency_s: f64) -> Result<(), Error> {
        let [prompt, completion] = protocol.tokens().map(|field| reply["usage"][field].as_u64());
        let mut usage = self.tally.lock();
        usage.prompt_tokens = usage.prompt_tokens.saturating_add(prompt.unwrap_or(0));
        usage.completion_tokens = usage.completion_tokens.saturating_add(completion.unwrap_or(0));
        let prices = [self.settings.usd_in, self.settings.usd_out];
        let cost = prompt.unwrap_or(0) as f64 * prices[0] + completion.unwrap_or(0) as f64 * prices[1];
        usage.cost_usd += cost / 1e6;
        usage.latency_s += latency_s;
        match (self.settings.most_usd, prompt) {
            (Some(_), None) => {
                Err(Error::new("the server counts no tokens, so `most_usd` cannot be kept").help("set `most_calls`"))
            }
            _ => Ok(()),
        }
    }
}

fn no_answer(why: &str) -> Error {
    let help = "is the server up, is `url` right, and does it know the `model`?";
    Error::new(format!("the judge does not answer: {why}")).help(help)
}
