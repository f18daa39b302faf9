//! The text of a policy's responses.

use pbpo_hub::records::{Ids, Said, Text};

use super::Tokenizer;

impl Tokenizer {
    /// Returns the text of a response, decoded together with its prompt: the part of the whole after the prompt.
    /// Decoded alone, a SentencePiece tokenizer would lose a leading space. Special tokens are spelled out, except the
    /// end token.
    pub fn text(&self, prompt: &[u32], response: &[u32]) -> String {
        let body = self.body(response);
        let after = |prompt: &[u32]| {
            let whole = self.spelled(&[prompt, body].concat());
            whole.strip_prefix(self.spelled(prompt).as_str()).map(str::to_owned)
        };
        // Half a character after one that is written in bytes garbles both; then the response is decoded after a
        // letter.
        after(prompt).or_else(|| after(&self.encode("a").ok()?)).unwrap_or_else(|| self.spelled(body))
    }

    /// Returns the text of a response after an arbitrary text.
    pub fn text_after_some(&self, response: &[u32]) -> String {
        self.text(&self.encode("a").unwrap_or_default(), response)
    }

    /// Returns a policy's response to a prompt, from which [`Self::response`] restores the same tokens: its text, and
    /// the ids if the text alone does not give them.
    pub fn said(&self, prompt: &Text, tokens: &[u32], response: &[u32]) -> Said {
        let text = self.text(tokens, response);
        let said = |text: &str, ids| Said { text: text.to_owned(), ended: self.ended(response), ids };
        // Some tokenizers put a space after a special token that is not in the text.
        for text in [Some(text.as_str()), text.strip_prefix(' ')].into_iter().flatten() {
            let said = said(text, None);
            if self.said_ids(prompt, &said).is_ok_and(|ids| ids == response) {
                return said;
            }
        }
        said(&text, Some(Ids { ids: response.to_vec(), tokenizer: self.digest() }))
    }

    /// Returns the text of ids with special tokens spelled out; those of a small task have no spelling.
    fn spelled(&self, ids: &[u32]) -> String {
        match self {
            Tokenizer::Characters(characters) => characters.decode(ids),
            Tokenizer::Checkpoint(checkpoint) => checkpoint.inner.decode(ids, false).unwrap_or_default(),
        }
    }
}
