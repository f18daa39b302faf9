//! Chats by a checkpoint's template: the prompt up to the assistant's text, and the text after an answer.

use pbpo_hub::{Chat, Message};

use super::Tokenizer;
use crate::error::Fault;

/// The role of a response's turn.
pub const ASSISTANT: &str = "assistant";
/// The mark of the end of a message that is continued, as in transformers.
const TAG: &str = "CONTINUE_FINAL_MESSAGE_TAG ";
/// An answer used to find the text that a template writes after one.
const PROBE: &str = "Pbpoc";

impl Tokenizer {
    /// Returns a prompt as text, up to the point where the assistant's text begins. A last message of the assistant is
    /// continued, as with `continue_final_message` of transformers; else the template opens a turn.
    pub(super) fn opened(&self, chat: &Chat) -> Result<String, Fault> {
        match chat.messages.last() {
            Some(last) if chat.continues() => self.continued(chat, last.text().trim()),
            _ => self.render(chat, true),
        }
    }

    /// Returns the rendered chat, cut after the last message's content. If the template trims messages, trailing white
    /// space is removed, as in transformers.
    fn continued(&self, chat: &Chat, content: &str) -> Result<String, Fault> {
        let whole = self.render(&chat.then(&[Message::new(ASSISTANT, TAG)]), false)?;
        let at = whole.rfind(TAG.trim_end()).filter(|_| whole.contains(content));
        let Some(at) = at else {
            return Err(Fault::new("the chat template does not write the assistant's message that a prompt ends with")
                .help("end prompts with what the user says, or use another chat template"));
        };
        let trims = !whole[at..].starts_with(TAG);
        Ok(if trims { whole[..at].trim_end() } else { &whole[..at] }.to_owned())
    }

    /// Returns a prompt with its answer, as text.
    pub(super) fn answered(&self, chat: &Chat, answer: &[Message]) -> Result<String, Fault> {
        self.render(&chat.then(answer), false)
    }

    /// Returns the tokens that the template writes after an answer to a prompt: the end token, and in ChatML a newline.
    pub(super) fn closing(&self, chat: &Chat) -> Result<Vec<u32>, Fault> {
        let whole = self.answered(chat, &[Message::new(ASSISTANT, PROBE)])?;
        let Some(at) = whole.rfind(PROBE) else {
            return Err(Fault::new("the chat template does not write the assistant's answer to a prompt")
                .help("use another chat template"));
        };
        let (before, after) = whole.split_at(at + PROBE.len());
        match self.encode(&whole)?.strip_prefix(self.encode(before)?.as_slice()) {
            Some(closing) => Ok(closing.to_vec()),
            None => self.encode(after),
        }
    }

    pub(super) fn render(&self, chat: &Chat, generation: bool) -> Result<String, Fault> {
        let Tokenizer::Checkpoint(checkpoint) = self else {
            return Err(Fault::new("this task's tokenizer has no chat template").help("give prompts as plain text"));
        };
        checkpoint.inner.template().ok_or_else(|| {
            Fault::new("the checkpoint has no chat template, and the data has chat messages").help(
                "use the checkpoint of an instruction-tuned model, add a chat_template.jinja to its directory, or \
                 give prompts as plain text",
            )
        })?;
        Ok(checkpoint.inner.render(chat, generation)?)
    }
}
