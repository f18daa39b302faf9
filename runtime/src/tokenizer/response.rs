//! Responses as tokens: those of data, and those that a policy generated.
//!
//! A policy's response ends with its first end token. A classifier reads the same tokens as in transformers and TRL: a
//! chat as the template writes it with the answer, to its very last token (in ChatML a newline after `<|im_end|>`);
//! plain text in full, with the end token if the response ended.

use pbpo_hub::Message;
use pbpo_hub::records::{Ids, Said, Text};

use super::Tokenizer;
use super::chat::ASSISTANT;
use crate::error::Fault;

/// Prefixes after which a response is encoded if its first token would merge with the prompt's last.
const FRONTS: [&str; 4] = ["\n", ":", "a", "."];

/// A response as tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The tokens for a policy, up to and including the end token.
    pub ids: Vec<u32>,
    /// The tokens that a classifier reads after the prompt, if they differ from `ids`.
    pub read: Option<Vec<u32>>,
    /// The number of tokens after the end token, which policies do not read.
    pub cut: usize,
}

impl Tokenizer {
    /// Returns a response to a prompt. A response that a run recorded has the policy's tokens, without an end token if
    /// it was cut off; tokens of another tokenizer are an error. Any other response ends with an end token: the first
    /// one in the template's or the response's text, else the tokenizer's.
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
                // The template's text after an end token is not part of the response.
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

    /// Returns the tokens that a classifier reads for a policy's response. `closing` holds the tokens that a chat's
    /// template writes after an answer; transformers always writes them, even after a response that was cut off.
    /// Returns `None` if they are the response itself.
    pub fn read_by_classifiers(&self, response: &[u32], closing: Option<&[u32]>) -> Option<Vec<u32>> {
        let read = [self.body(response), closing?].concat();
        (read != response).then_some(read)
    }

    /// Returns the tokens that the template writes after an answer; `None` if the prompt is not a chat.
    pub fn closing_of(&self, prompt: &Text) -> Result<Option<Vec<u32>>, Fault> {
        match prompt {
            Text::Chat(messages) => self.closing(messages).map(Some),
            Text::Plain(_) | Text::Said(_) => Ok(None),
        }
    }

    /// Tells whether a response ended by itself.
    pub fn ended(&self, response: &[u32]) -> bool {
        response.last().is_some_and(|last| self.ends().contains(last))
    }

    /// Returns a response without its end token.
    pub(super) fn body<'r>(&self, response: &'r [u32]) -> &'r [u32] {
        match response.split_last() {
            Some((last, body)) if self.ends().contains(last) => body,
            _ => response,
        }
    }

    /// Returns the tokens of a response that a run recorded.
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

    /// Returns the tokens of a response after its prompt, including the template's text after it.
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

    /// Returns the tokens of a text after a prompt, without any text after it.
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

    /// Returns the part of `whole` after `before`. If the two share a token, returns tokens of the text alone that
    /// spell it after the prompt; it is encoded after a prefix, because a SentencePiece tokenizer would otherwise put a
    /// space before it.
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
