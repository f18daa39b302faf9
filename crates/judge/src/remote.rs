//! Judges over HTTP.

use std::sync::Arc;

use serde_json::Value;

use crate::chat::{Chat, ChatSettings};
use crate::decision::{Decision, DecisionSettings};
use crate::engine::Engine;
use crate::order::{OrderSettings, Reading};
use crate::server::ServerSettings;
use crate::store::Store;
use crate::{Error, Judge, Query, Usage, Verdict};

/// The differences between the APIs of servers.
pub(crate) trait Protocol: Send + Sync {
    /// Returns the path after the base URL.
    fn path(&self) -> &'static str;
    /// Returns the request, or `None` if it needs a reference answer and the query has none.
    fn body(&self, query: &Query) -> Option<Value>;
    /// Returns the content of a reply, or `None` if it is not a reply of this API.
    fn read(&self, reply: &Value) -> Option<Reading>;

    /// Tells whether log-probabilities were asked for but are absent.
    fn lacks_logprobs(&self, _: &Value) -> bool {
        false
    }

    /// Returns the request as this server takes it.
    fn wire(&self, body: &Value) -> Value {
        body.clone()
    }

    /// Tells whether a refused request will now be sent in the form that the server wants, judging by what the server
    /// said.
    fn adapts(&self, _wire: &str, _said: &Value) -> bool {
        false
    }

    /// Returns notes for the user on how the server is asked.
    fn notices(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns the names of prompt and completion tokens in a reply's `usage`.
    fn tokens(&self) -> [&'static str; 2];
}

/// A judge over HTTP. Equal questions are asked once, and every answer is in the store before it is used. Judges of one
/// run may share a store.
pub struct Remote {
    protocol: Box<dyn Protocol>,
    engine: Engine,
    order: OrderSettings,
}

impl Remote {
    /// Makes a judge from a chat model that is asked which response is better.
    pub fn chat(
        chat: ChatSettings,
        server: ServerSettings,
        order: OrderSettings,
        store: impl Into<Arc<Store>>,
    ) -> Result<Self, Error> {
        Self::new(Box::new(Chat::new(chat)?), server, order, store.into())
    }

    /// Makes a judge from an endpoint that gives the probability of either response.
    pub fn decision(
        decision: DecisionSettings,
        server: ServerSettings,
        order: OrderSettings,
        store: impl Into<Arc<Store>>,
    ) -> Result<Self, Error> {
        Self::new(Box::new(Decision::new(decision)?), server, order, store.into())
    }

    fn new(
        protocol: Box<dyn Protocol>,
        server: ServerSettings,
        order: OrderSettings,
        store: Arc<Store>,
    ) -> Result<Self, Error> {
        order.check()?;
        let engine = Engine::new(server, protocol.path(), store)?;
        Ok(Self { protocol, engine, order })
    }

    /// Asks the server one small question, without the store, to check the address, the model and the key. Call it
    /// before a run begins.
    pub fn check(&self) -> Result<(), Error> {
        let text = |text: &str| text.to_owned();
        let query = Query { prompt: text("1 + 1 ="), first: text("2"), second: text("3"), answer: Some(text("2")) };
        let body = self.protocol.body(&query);
        body.map_or(Ok(()), |body| self.engine.probe(self.protocol.as_ref(), &body))
    }
}

impl Judge for Remote {
    fn judge(&self, queries: &[Query]) -> Result<Vec<Verdict>, Error> {
        let bodies = |query: &Query| -> Option<Vec<Value>> {
            self.order.questions(query).iter().map(|question| self.protocol.body(question)).collect()
        };
        let bodies: Vec<Option<Vec<Value>>> = queries.iter().map(bodies).collect();
        let flat: Vec<Value> = bodies.iter().flatten().flatten().cloned().collect();
        let answers = self.engine.ask(self.protocol.as_ref(), &flat)?;
        let mut answers = answers.chunks(if self.order.swap { 2 } else { 1 });
        let mut usage = self.engine.tally.lock();
        let verdict = |asked: &Option<Vec<Value>>| match asked.as_ref().and_then(|_| answers.next()) {
            Some(answers) => self.order.verdict(answers, &mut usage),
            None => Verdict::Abstain("the judge's prompt has {answer}, and the record has no reference answer".into()),
        };
        let verdicts: Vec<Verdict> = bodies.iter().map(verdict).collect();
        drop(usage);
        self.engine.tally.count(&verdicts);
        Ok(verdicts)
    }

    fn usage(&self) -> Usage {
        *self.engine.tally.lock()
    }

    fn resume(&self, usage: Usage) {
        *self.engine.tally.lock() = usage;
    }

    fn notices(&self) -> Vec<String> {
        self.engine.endpoint.notice.iter().cloned().chain(self.protocol.notices()).collect()
    }
}
