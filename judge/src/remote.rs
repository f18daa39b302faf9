//! Judges behind HTTP.

use std::sync::Arc;

use serde_json::Value;

use crate::chat::{Chat, ChatSettings};
use crate::decision::{Decision, DecisionSettings};
use crate::engine::Engine;
use crate::order::{OrderSettings, Reading};
use crate::server::ServerSettings;
use crate::store::Store;
use crate::{Error, Judge, Query, Usage, Verdict};

/// What differs between the APIs of servers.
pub(crate) trait Protocol: Send + Sync {
    /// What follows the base URL.
    fn path(&self) -> &'static str;
    /// The request; none if it needs a reference answer and the query has none.
    fn body(&self, query: &Query) -> Option<Value>;
    /// What a reply says; none if it is no reply of this API.
    fn read(&self, reply: &Value) -> Option<Reading>;

    /// Whether log-probabilities were asked for, and there are none.
    fn lacks_logprobs(&self, _: &Value) -> bool {
        false
    }

    /// The request as this server takes it.
    fn wire(&self, body: &Value) -> Value {
        body.clone()
    }

    /// Whether a request that was refused, with what the server said, now goes out in another form: as the server wants it.
    fn adapts(&self, _wire: &str, _said: &Value) -> bool {
        false
    }

    /// What a user should know of how the server is asked.
    fn notices(&self) -> Vec<String> {
        Vec::new()
    }

    /// The names of prompt and completion tokens in a reply's `usage`.
    fn tokens(&self) -> [&'static str; 2];
}

/// A judge behind HTTP. Equal questions are asked once, and every answer is in the store before it is used. Judges of one
/// run may share a store.
pub struct Remote {
    protocol: Box<dyn Protocol>,
    engine: Engine,
    order: OrderSettings,
}

impl Remote {
    /// A chat model that is asked which response is better.
    pub fn chat(
        chat: ChatSettings,
        server: ServerSettings,
        order: OrderSettings,
        store: impl Into<Arc<Store>>,
    ) -> Result<Self, Error> {
        Self::new(Box::new(Chat::new(chat)?), server, order, store.into())
    }

    /// An endpoint that gives the probability of either response.
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

    /// One small question, answered by the server and not by the store: is it there, does it know the model, does it
    /// take the key? To be asked before a run begins.
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

    fn notices(&self) -> Vec<String> {
        self.engine.endpoint.notice.iter().cloned().chain(self.protocol.notices()).collect()
    }
}
