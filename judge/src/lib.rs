//! Oracles outside the model: what says which of two responses to a prompt is better.
//!
//! Nothing here knows Burn or a plan: texts go in, verdicts come out, in the order of the queries whatever the threads do.
//!
//! - `verifier.rs`: scores a response against a reference answer (exact, numeric, regex), without a server;
//!   `boxed.rs` says which number of a text is its answer, `numbers.rs` finds them, `number.rs` compares them.
//! - `recorded.rs`: verdicts from a file.
//! - `remote.rs`: judges behind HTTP: `chat.rs` (OpenAI-compatible chat, its answers read by `label.rs`) and
//!   `decision.rs` (typed probability endpoints); `order.rs` asks in both orders and makes the verdict.
//! - `engine.rs`: how servers are asked: threads, budget, retries, as `server.rs` sets them; `http.rs` does one exchange,
//!   `pace.rs` spaces them, `endpoint.rs` checks the address and finds the key, which `grant.rs` lets go
//!   to one host and `secret.rs` hides in all that comes back.
//! - `store.rs`: every answer on disk before it is used.
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
mod endpoint;
mod engine;
mod error;
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
pub use error::Error;
pub use grant::SendKey;
pub use label::Labels;
pub use order::{OrderSettings, Ties};
pub use recorded::{Missing, Recorded};
pub use remote::Remote;
pub use server::{ServerSettings, limit};
pub use store::Store;
pub use usage::Usage;
pub use verifier::{Exact, Numeric, Rule, Verifier};

/// Two responses to a prompt, as plain text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The prompt as the judge shall read it; a conversation is rendered by the caller.
    pub prompt: String,
    pub first: String,
    pub second: String,
    /// A reference answer, where the data has one.
    pub answer: Option<String>,
}

/// What a judge says of a query. Only `Prefer` is a label.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The probability, in `0..=1`, that the first response is better.
    Prefer(f64),
    /// Both are as good.
    Tie,
    /// The judge answered, but not the question: why, or how its answer begins.
    Abstain(String),
    /// No answer came: why. The pair is to be dropped.
    Failed(String),
}

/// An oracle over pairs of responses.
pub trait Judge: Send + Sync {
    /// One verdict a query, in their order. An error means that no further query can be answered (a refused key, a
    /// spent budget); answers that came before it are in the store.
    fn judge(&self, queries: &[Query]) -> Result<Vec<Verdict>, Error>;

    /// What was asked and answered so far.
    fn usage(&self) -> Usage;

    /// What the user should know, once: a key that is not sent, a setting that the server does not take.
    fn notices(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Locked. A thread that panicked while it held the lock left no half-done change: each is one statement.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
