//! Oracles: they say which of two responses to a prompt is better, from outside the model.
//!
//! The crate depends neither on Burn nor on plans: texts go in, verdicts come out, in the order of the queries however
//! the threads run.
//!
//! - `verifier.rs`: scores a response against a reference answer (exact, numeric, regex), without a server;
//!   `boxed.rs` chooses the number of a text that is its answer, `numbers.rs` finds numbers, `number.rs` compares them.
//! - `recorded.rs`: verdicts from a file.
//! - `remote.rs`: judges over HTTP: `chat.rs` (OpenAI-compatible chat, its answers read by `label.rs`) and
//!   `decision.rs` (typed probability endpoints); `order.rs` asks in both orders and makes the verdict.
//! - `engine.rs`: sends requests: threads, budget, retries, as `server.rs` sets them; `http.rs` does one exchange,
//!   `pace.rs` spaces them, `endpoint.rs` checks the address and finds the key, which `grant.rs` allows for one host and
//!   `secret.rs` removes from all replies.
//! - `store.rs`: stores every answer on disk before it is used.
//!
//! ```no_run
//! use pbpo_judge::{ChatSettings, Judge, OrderSettings, Query, Remote, ServerSettings, Store};
//!
//! # fn main() -> Result<(), pbpo_judge::Error> {
//! let store = Store::open("answers.jsonl".as_ref())?;
//! let chat = ChatSettings { model: "gpt-4.1-mini".into(), logprobs: true, ..ChatSettings::default() };
//! let judge = Remote::chat(chat, ServerSettings::default(), OrderSettings::default(), store)?;
//! judge.check()?;
//! let query = Query { prompt: "2 + 2?".into(), first: "4".into(), second: "5".into(), answer: None };
//! println!("{:?} {:?}", judge.judge(&[query])?, judge.usage());
//! # Ok(())
//! # }
//! ```

mod boxed;
mod chat;
mod decision;
mod doubt;
mod endpoint;
mod engine;
mod grant;
mod http;
mod label;
mod number;
mod numbers;
mod order;
mod pace;
mod recorded;
mod remote;
mod secret;
mod server;
mod store;
mod template;
mod usage;
mod verifier;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use boxed::Pick;
pub use chat::{ChatSettings, Limit};
pub use decision::{DecisionSettings, Wire};
pub use grant::SendKey;
pub use label::Labels;
pub use order::{OrderSettings, Ties};
pub use pbpo_outside::Error;
pub use recorded::{Missing, Recorded};
pub use remote::Remote;
pub use server::ServerSettings;
pub use store::Store;
pub use usage::Usage;
pub use verifier::{Exact, Numeric, Rule, Verifier};

/// Two responses to a prompt, as plain text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The prompt as the judge reads it; the caller renders conversations.
    pub prompt: String,
    pub first: String,
    pub second: String,
    /// A reference answer, if the data has one.
    pub answer: Option<String>,
}

/// A judge's result for a query. Only `Prefer` is a label.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The probability, in `0..=1`, that the first response is better.
    Prefer(f64),
    /// Both responses are equally good.
    Tie,
    /// The judge answered, but gave no verdict: the reason, or the beginning of its answer.
    Abstain(String),
    /// No answer came: the reason. The pair is dropped.
    Failed(String),
}

/// An oracle over pairs of responses.
pub trait Judge: Send + Sync {
    /// Returns one verdict for each query, in their order. An error means that no further query can be answered (a
    /// refused key, a spent budget); earlier answers are in the store.
    fn judge(&self, queries: &[Query]) -> Result<Vec<Verdict>, Error>;

    /// Returns the counts of questions and answers so far.
    fn usage(&self) -> Usage;

    /// Goes on from the counts of an earlier judge of the same settings, so that budgets hold for both.
    fn resume(&self, usage: Usage);

    /// Returns notes for the user, each once: a key that is not sent, a setting that the server does not take.
    fn notices(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Locks a mutex. A panic of another thread left no half-done change, because each change is one statement.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
