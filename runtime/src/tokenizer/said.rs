//! The text of what a policy said.

use pbpo_hub::records::{Ids, Said, Text};

use super::Tokenizer;

impl Tokenizer {
    /// The text of a response, decoded together with its prompt: what the whole has more than the prompt. Alone, a
    /// SentencePiece tokenizer loses a space in front. Special tokens are spelled out, but for the token that ends the
    /// response.
    pub fn text(&self, prompt: &[u32], response: &[u32]) -> String {
        let body = self.body(response);
        let after = |prompt: &[u32]| {
            let whole = self.spelled(&[prompt, body].concat());
            whole.strip_prefix(self.spelled(prompt).as_str()).map(str::to_owned)
        };
        // Half a character after one that is written in bytes spoils both: then the response follows a letter.
        after(prompt).or_else(|| after(&self.encode("a").ok()?)).unwrap_or_else(|| self.spelled(body))
    }

    /// The text of a response that follows any text.
    pub fn text_after_some(&self, response: &[u32]) -> String {
        self.text(&self.encode("a").unwrap_or_default(), response)
    }

    /// What a policy said in answer to a prompt, so that [`Self::response`] gives these tokens again: its text, and where
    /// the text alone does not give them, the ids.
    pub fn said(&self, prompt: &Text, tokens: &[u32], response: &[u32]) -> Said {
        let text = self.text(tokens, response);
        let said = |text: &str, ids| Said { text: text.to_owned(), ended: self.ended(response), ids };
        // After a special token some tokenizers put a space that is not in the text.
        for text in [Some(text.as_str()), text.strip_prefix(' ')].into_iter().flatten() {
            let said = said(text, None);
            if self.said_ids(prompt, &said).is_ok_and(|ids| ids == response) {
                return said;
            }
        }
        said(&text, Some(Ids { ids: response.to_vec(), tokenizer: self.digest() }))
    }

    /// The text of ids, special tokens spelled out; those of a small task have no spelling.
    fn spelled(&self, ids: &[u32]) -> String {
        match self {
            Tokenizer::Characters(characters) => characters.decode(ids),
            Tokenizer::Checkpoint(checkpoint) => checkpoint.inner.decode(ids, false).unwrap_or_default(),
        }
    }
}
