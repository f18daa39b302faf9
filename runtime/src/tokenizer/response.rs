//! Responses as tokens: those of data, and those that a policy said.
//!
//! A policy's response ends with its first end token. A classifier reads what transformers and TRL give it: a chat as
//! the template writes it with the answer, to its very last token (in ChatML a newline after `<|im_end|>`); of plain
//! text all of it, with the end token where the response ended.

use pbpo_hub::Message;
use pbpo_hub::records::{Ids, Said, Text};

use super::Tokenizer;
use super::chat::ASSISTANT;
use crate::error::Fault;

/// Texts in front of which a response is read where its first token would be one with the prompt's last.
const FRONTS: [&str; 4] = ["\n", ":", "a", "."];

/// A response as tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// What a policy says, up to and with the token that ends it.
    pub ids: Vec<u32>,
    /// What a classifier reads after the prompt, where that is not `ids`.
    pub read: Option<Vec<u32>>,
    /// Tokens of the text after the one that ends it: no policy reads them.
    pub cut: usize,
}

impl Tokenizer {
    /// A response to a prompt. One that a run recorded has the tokens that the policy said, and no end token where it
    /// was cut off; tokens of another tokenizer are an error. Any other response ends with an end token: the first that
    /// the template or the text writes, else the tokenizer's.
    pub fn response(&self, prompt: &Text, response: &Text) -> Result<Response, Fault> {
        if let Text::Said(said) = response {
            let ids = self.said_ids(prompt, said)?;
            let read = self.read_by_classifiers(&ids, self.closing_of(prompt)?.as_deref());
            return Ok(Response { ids, read, cut: 0 });
        }
        let rest = self.rest(prompt, response)?;
        let end = rest.iter().position(|id| self.ends().contains(id));
        let mut ids = rest[..end.map_or(rest.len(), |end| end + 1)].to_vec();
        let after = &rest[ids.len()..];
        if end.is_none() {
            ids.extend(self.ends().first());
        }
        let (read, cut) = match self.closing_of(prompt)? {
            Some(closing) => {
                // What the template writes after an end token is no part of the text.
                let own =
                    closing.iter().position(|id| self.ends().contains(id)).map_or(0, |end| closing.len() - end - 1);
                (rest.clone(), if after.len() == own { 0 } else { after.len().saturating_sub(own).max(1) })
            }
            None => {
                let ended = rest.last().is_some_and(|last| self.ends().contains(last));
                let eos = self.ends().first().filter(|_| !ended);
                (rest.iter().chain(eos).copied().collect(), after.len())
            }
        };
        Ok(Response { read: (read != ids).then_some(read), ids, cut: if end.is_some() { cut } else { 0 } })
    }

    /// What a classifier reads of a response that a policy said. `closing`: of a chat, what the template writes after
    /// an answer; transformers knows of none that is cut off, so that it is there in any case. Nothing where the
    /// response itself is what is read.
    pub fn read_by_classifiers(&self, response: &[u32], closing: Option<&[u32]>) -> Option<Vec<u32>> {
        let read = [self.body(response), closing?].concat();
        (read != response).then_some(read)
    }

    /// What the template writes after an answer; nothing where the prompt is no chat.
    pub fn closing_of(&self, prompt: &Text) -> Result<Option<Vec<u32>>, Fault> {
        match prompt {
            Text::Chat(messages) => self.closing(messages).map(Some),
            Text::Plain(_) | Text::Said(_) => Ok(None),
        }
    }

    /// Whether a response ended by itself.
    pub fn ended(&self, response: &[u32]) -> bool {
        response.last().is_some_and(|last| self.ends().contains(last))
    }

    /// A response without the token that ends it.
    pub(super) fn body<'r>(&self, response: &'r [u32]) -> &'r [u32] {
        match response.split_last() {
            Some((last, body)) if self.ends().contains(last) => body,
            _ => response,
        }
    }

    /// The tokens of a response that a run recorded.
    pub(super) fn said_ids(&self, prompt: &Text, said: &Said) -> Result<Vec<u32>, Fault> {
        if let Some(Ids { ids, tokenizer }) = &said.ids {
            if *tokenizer != self.digest() {
                let message =
                    "a recorded response has the tokens of another tokenizer, and its text does not give them back";
                return Err(Fault::new(message).help(
                    "read it with the model that said it; without the column `said` the texts are read as they are",
                ));
            }
            if let Some(id) = ids.iter().find(|id| **id as usize >= self.vocab()) {
                return Err(Fault::new(format!(
                    "a recorded response has token {id}, which the tokenizer does not know"
                )));
            }
            if self.text(&self.prompt(prompt)?, ids) != said.text {
                return Err(Fault::new("a recorded response has the tokens of another text").help(
                    "its text or its prompt was changed: take the response out of the column `said`, and the text is read as \
                     it is",
                ));
            }
            return Ok(ids.clone());
        }
        if !said.ended {
            return self.open_rest(prompt, &said.text);
        }
        let mut rest = self.rest(prompt, &Text::Plain(said.text.clone()))?;
        match rest.iter().position(|id| self.ends().contains(id)) {
            Some(end) => rest.truncate(end + 1),
            None => rest.extend(self.ends().first()),
        }
        Ok(rest)
    }

    /// The tokens of a response as it follows its prompt, with what the template writes after it.
    fn rest(&self, prompt: &Text, response: &Text) -> Result<Vec<u32>, Fault> {
        let Text::Chat(messages) = prompt else {
            return self.open_rest(prompt, &crate::data::shown(response));
        };
        let answer = match response {
            Text::Plain(content) => vec![Message::new(ASSISTANT, content.clone())],
            Text::Said(said) => vec![Message::new(ASSISTANT, said.text.clone())],
            Text::Chat(chat) => chat.messages.clone(),
        };
        let before = self.opened(messages)?;
        let whole = self.answered(messages, &answer)?;
        let text = whole.strip_prefix(&before).ok_or_else(|| {
            Fault::new("the chat template writes a prompt differently once it is answered")
                .help("a response can't be told from its prompt: use another chat template")
        })?;
        self.after(&self.encode(&before)?, &self.encode(&whole)?, text)
    }

    /// The tokens of a text as it follows a prompt, without anything after it.
    fn open_rest(&self, prompt: &Text, text: &str) -> Result<Vec<u32>, Fault> {
        match prompt {
            Text::Chat(messages) => {
                let before = self.opened(messages)?;
                self.after(&self.encode(&before)?, &self.encode(&(before + text))?, text)
            }
            Text::Plain(prompt) | Text::Said(Said { text: prompt, .. }) => {
                self.after(&self.begin(prompt)?, &self.begin(&format!("{prompt}{text}"))?, text)
            }
        }
    }

    /// The part of `whole` after `before`. Where the two share a token, the tokens of the text by itself that spell it
    /// after the prompt: a SentencePiece tokenizer would put a space in front of it, unless it is read after something.
    fn after(&self, before: &[u32], whole: &[u32], text: &str) -> Result<Vec<u32>, Fault> {
        if let Some(rest) = whole.strip_prefix(before) {
            return Ok(rest.to_vec());
        }
        let alone = self.encode(text)?;
        if self.text(before, &alone) == text {
            return Ok(alone);
        }
        for front in FRONTS {
            let (front, both) = (self.encode(front)?, self.encode(&format!("{front}{text}"))?);
            if let Some(rest) = both.strip_prefix(front.as_slice()).filter(|rest| self.text(before, rest) == text) {
                return Ok(rest.to_vec());
            }
        }
        Ok(alone)
    }
}
