//! Text to tokens and back: of a small task's characters (`characters.rs`), or as a checkpoint's own tokenizer does.

pub mod characters;

use pbpo_hub::records::{Said, Text};
use pbpo_hub::{Chat, Message};

pub use characters::{BOS, Characters, EOS, PAD, SPECIAL};

use crate::error::Fault;

/// What reads and writes the text of a model.
pub enum Tokenizer {
    Characters(Characters),
    Checkpoint(Box<Checkpoint>),
}

/// The tokenizer of a Hugging Face directory.
pub struct Checkpoint {
    pub inner: pbpo_hub::tokenizer::Tokenizer,
    /// Tokens that end a response: those of the tokenizer and of the generation config.
    pub ends: Vec<u32>,
    /// blake3 of its tokens in the order of their ids.
    tokens: [u8; 32],
}

impl Checkpoint {
    pub fn new(inner: pbpo_hub::tokenizer::Tokenizer, ends: Vec<u32>) -> Self {
        let mut hasher = blake3::Hasher::new();
        for id in 0..inner.vocab() as u32 {
            hasher.update(inner.token(id).unwrap_or_default().as_bytes()).update(&[0]);
        }
        Self { inner, ends, tokens: *hasher.finalize().as_bytes() }
    }
}

impl Tokenizer {
    /// One token a character of the alphabet.
    pub fn characters(alphabet: &str) -> Self {
        Tokenizer::Characters(Characters::new(alphabet))
    }

    /// Whether both have the same tokens.
    pub fn same(&self, other: &Tokenizer) -> bool {
        match (self, other) {
            (Tokenizer::Characters(a), Tokenizer::Characters(b)) => a == b,
            (Tokenizer::Checkpoint(a), Tokenizer::Checkpoint(b)) => a.tokens == b.tokens,
            _ => false,
        }
    }

    /// Number of tokens, special ones included.
    pub fn vocab(&self) -> usize {
        match self {
            Tokenizer::Characters(characters) => characters.vocab(),
            Tokenizer::Checkpoint(checkpoint) => checkpoint.inner.vocab(),
        }
    }

    /// Tokens that end a response.
    pub fn ends(&self) -> &[u32] {
        match self {
            Tokenizer::Characters(_) => &[EOS],
            Tokenizer::Checkpoint(checkpoint) => &checkpoint.ends,
        }
    }

    /// The ids of a text, without special tokens around it.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, Fault> {
        match self {
            Tokenizer::Characters(characters) => characters
                .encode(text)
                .map_err(|c| Fault::new(format!("`{text}` has `{c}`, which the tokenizer does not know"))),
            Tokenizer::Checkpoint(checkpoint) => Ok(checkpoint.inner.encode(text)?),
        }
    }

    /// The text of ids, special tokens left out.
    pub fn decode(&self, ids: &[u32]) -> String {
        match self {
            Tokenizer::Characters(characters) => characters.decode(ids),
            Tokenizer::Checkpoint(checkpoint) => checkpoint.inner.decode(ids, true).unwrap_or_default(),
        }
    }

    /// A prompt as the model reads it: a text behind what the tokenizer puts in front (BOS), a chat by its template,
    /// up to where the assistant begins.
    pub fn prompt(&self, prompt: &Text) -> Result<Vec<u32>, Fault> {
        let ids = match prompt {
            Text::Plain(text) | Text::Said(Said { text, .. }) => self.begin(text)?,
            Text::Chat(chat) => self.encode(&self.render(chat, true)?)?,
        };
        if ids.is_empty() {
            return Err(Fault::new("a prompt is empty, and the tokenizer puts nothing in front of it")
                .help("leave out rows without a prompt"));
        }
        Ok(ids)
    }

    /// The ids of a text with what the tokenizer puts in front.
    pub fn begin(&self, text: &str) -> Result<Vec<u32>, Fault> {
        match self {
            Tokenizer::Characters(_) => Ok(std::iter::once(BOS).chain(self.encode(text)?).collect()),
            Tokenizer::Checkpoint(checkpoint) => Ok(checkpoint.inner.encode_with_special(text)?),
        }
    }

    /// A response to a prompt, up to and with the token that ends it.
    pub fn response(&self, prompt: &Text, response: &Text) -> Result<Vec<u32>, Fault> {
        let (before, whole, text) = match (prompt, response) {
            (Text::Chat(chat), response) => {
                let answer = match response {
                    Text::Plain(text) | Text::Said(Said { text, .. }) => vec![Message::new("assistant", text)],
                    Text::Chat(answer) => answer.messages.clone(),
                };
                let before = self.render(chat, true)?;
                let whole = self.render(&chat.then(&answer), false)?;
                let text = whole.strip_prefix(&before).map(str::to_owned).ok_or_else(|| {
                    Fault::new("the chat template writes a prompt differently once it is answered")
                        .help("a response can't be told from its prompt: use another chat template")
                })?;
                (self.encode(&before)?, self.encode(&whole)?, text)
            }
            (Text::Plain(prompt) | Text::Said(Said { text: prompt, .. }), response) => {
                let text = crate::data::shown(response);
                (self.begin(prompt)?, self.begin(&format!("{prompt}{text}"))?, text)
            }
        };
        // As it follows the prompt; by itself where the two share a token.
        let mut ids = match whole.strip_prefix(before.as_slice()) {
            Some(rest) => rest.to_vec(),
            None => self.encode(&text)?,
        };
        match ids.iter().position(|id| self.ends().contains(id)) {
            Some(end) => ids.truncate(end + 1),
            None => ids.extend(self.ends().first()),
        }
        Ok(ids)
    }

    fn render(&self, chat: &Chat, generation: bool) -> Result<String, Fault> {
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
