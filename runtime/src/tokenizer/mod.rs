//! Converts text to tokens and back: for a small task's characters (`characters.rs`), or with a checkpoint's own
//! tokenizer.
//!
//! - `chat.rs`: chats by the checkpoint's template;
//! - `response.rs`: responses to tokens, for policies and for classifiers;
//! - `said.rs`: a policy's responses as text.

pub mod characters;
mod chat;
mod response;
mod said;

use pbpo_hub::records::{Said, Text};

pub use characters::{BOS, Characters, EOS, PAD, SPECIAL};
pub use response::Response;

use serde::{Deserialize, Serialize};

use crate::error::Fault;
use crate::state::{Digest, Parts, Reader, Stored};

/// The tokenizer of a model.
pub enum Tokenizer {
    Characters(Characters),
    Checkpoint(Box<Checkpoint>),
}

/// The tokenizer of a Hugging Face directory.
pub struct Checkpoint {
    pub inner: pbpo_hub::tokenizer::Tokenizer,
    /// The tokens that end a response: those of the tokenizer and of the generation config.
    pub ends: Vec<u32>,
    /// The blake3 digest of its tokens in the order of their ids.
    tokens: [u8; 32],
}

impl Checkpoint {
    pub fn new(inner: pbpo_hub::tokenizer::Tokenizer, ends: Vec<u32>) -> Self {
        let tokens: Vec<String> = (0..inner.vocab() as u32).map(|id| inner.token(id).unwrap_or_default()).collect();
        Self { tokens: digest(tokens.iter().map(String::as_str)), inner, ends }
    }
}

fn digest<'t>(tokens: impl Iterator<Item = &'t str>) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    tokens.for_each(|token| {
        hasher.update(token.as_bytes()).update(&[0]);
    });
    *hasher.finalize().as_bytes()
}

fn hex(digest: [u8; 32]) -> String {
    blake3::Hash::from(digest).to_hex().to_string()
}

impl Tokenizer {
    /// Makes a tokenizer with one token for each character of the alphabet.
    pub fn characters(alphabet: &str) -> Self {
        Tokenizer::Characters(Characters::new(alphabet))
    }

    /// Tells whether both have the same tokens.
    pub fn same(&self, other: &Tokenizer) -> bool {
        match (self, other) {
            (Tokenizer::Characters(a), Tokenizer::Characters(b)) => a == b,
            (Tokenizer::Checkpoint(a), Tokenizer::Checkpoint(b)) => a.tokens == b.tokens,
            _ => false,
        }
    }

    /// Returns the number of tokens, including special ones.
    pub fn vocab(&self) -> usize {
        match self {
            Tokenizer::Characters(characters) => characters.vocab(),
            Tokenizer::Checkpoint(checkpoint) => checkpoint.inner.vocab(),
        }
    }

    /// Returns the date that the chat template has asked for, as `2024-07-26`: its texts then hold only on this day.
    pub fn date(&self) -> Option<String> {
        match self {
            Tokenizer::Characters(_) => None,
            Tokenizer::Checkpoint(checkpoint) => checkpoint.inner.template()?.date(),
        }
    }

    /// What a user should know of the date that the chat template has written.
    pub fn date_notice(&self) -> Option<String> {
        let date = self.date()?;
        Some(format!("the chat template writes the date {date}: today's, unless `SOURCE_DATE_EPOCH` fixes it"))
    }

    /// Tokens that end a response.
    pub fn ends(&self) -> &[u32] {
        match self {
            Tokenizer::Characters(_) => &[EOS],
            Tokenizer::Checkpoint(checkpoint) => &checkpoint.ends,
        }
    }

    /// Returns the blake3 digest of its tokens in the order of their ids, in hex: ids of tokenizers with different
    /// digests differ in meaning.
    pub fn digest(&self) -> String {
        match self {
            Tokenizer::Characters(characters) => {
                let tokens = characters.tokens();
                hex(digest(tokens.iter().map(String::as_str)))
            }
            Tokenizer::Checkpoint(checkpoint) => hex(checkpoint.tokens),
        }
    }

    /// Returns the ids of a text, without special tokens around it.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, Fault> {
        match self {
            Tokenizer::Characters(characters) => characters
                .encode(text)
                .map_err(|c| Fault::new(format!("`{text}` has `{c}`, which the tokenizer does not know"))),
            Tokenizer::Checkpoint(checkpoint) => Ok(checkpoint.inner.encode(text)?),
        }
    }

    /// Returns the text of ids, without special tokens.
    pub fn decode(&self, ids: &[u32]) -> String {
        match self {
            Tokenizer::Characters(characters) => characters.decode(ids),
            Tokenizer::Checkpoint(checkpoint) => checkpoint.inner.decode(ids, true).unwrap_or_default(),
        }
    }

    /// Returns a prompt as the model reads it: a text after the tokenizer's prefix (BOS), or a chat by its template, up
    /// to the beginning of the assistant's turn or to the end of the part that an answer continues.
    pub fn prompt(&self, prompt: &Text) -> Result<Vec<u32>, Fault> {
        let ids = match prompt {
            Text::Plain(text) | Text::Said(Said { text, .. }) => self.begin(text)?,
            Text::Chat(chat) => self.encode(&self.opened(chat)?)?,
        };
        if ids.is_empty() {
            return Err(Fault::new("a prompt is empty, and the tokenizer puts nothing in front of it")
                .help("leave out rows without a prompt"));
        }
        Ok(ids)
    }

    /// Returns the ids of a text after the tokenizer's prefix.
    pub fn begin(&self, text: &str) -> Result<Vec<u32>, Fault> {
        match self {
            Tokenizer::Characters(_) => Ok(std::iter::once(BOS).chain(self.encode(text)?).collect()),
            Tokenizer::Checkpoint(checkpoint) => Ok(checkpoint.inner.encode_with_special(text)?),
        }
    }
}

/// The saved form of a tokenizer: its alphabet, or its files.
#[derive(Serialize, Deserialize)]
pub enum TokenizerRecord {
    Characters(Characters),
    Checkpoint { files: Vec<(String, Digest)>, vocab: usize, ends: Vec<u32> },
}

impl Stored for Tokenizer {
    type Record = TokenizerRecord;

    fn save(&self, parts: &mut Parts<'_>) -> Result<TokenizerRecord, Fault> {
        Ok(match self {
            Tokenizer::Characters(characters) => TokenizerRecord::Characters(characters.clone()),
            Tokenizer::Checkpoint(checkpoint) => {
                // The digest of the tokens follows from the files.
                let Checkpoint { inner, ends, tokens: _ } = &**checkpoint;
                let files = inner.files().iter().map(|(name, bytes)| ((*name).to_owned(), parts.put(bytes.clone())));
                TokenizerRecord::Checkpoint { files: files.collect(), vocab: inner.vocab(), ends: ends.clone() }
            }
        })
    }

    fn load(record: TokenizerRecord, from: &Reader<'_>) -> Result<Self, Fault> {
        Ok(match record {
            TokenizerRecord::Characters(characters) => Tokenizer::Characters(characters),
            TokenizerRecord::Checkpoint { files, vocab, ends } => {
                let file = |(name, digest): (String, Digest)| Ok((name, from.part(&digest)?.to_vec()));
                let files = files.into_iter().map(file).collect::<Result<_, Fault>>()?;
                let inner = pbpo_hub::tokenizer::Tokenizer::from_files(files, vocab)?;
                Tokenizer::Checkpoint(Box::new(Checkpoint::new(inner, ends)))
            }
        })
    }
}
