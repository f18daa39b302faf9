//! A tokenizer with one token for each character, for tasks whose text uses a small fixed alphabet.

/// The token that pads a row on the right; never scored.
pub const PAD: u32 = 0;
/// The token that begins every prompt.
pub const BOS: u32 = 1;
/// The token that ends a response.
pub const EOS: u32 = 2;
/// The names of the special tokens, in the order of their ids.
pub const SPECIAL: [&str; 3] = ["<pad>", "<s>", "</s>"];

/// A tokenizer with one token for each character, after the special tokens.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Characters {
    alphabet: Vec<char>,
}

impl Characters {
    pub fn new(alphabet: &str) -> Self {
        Self { alphabet: alphabet.chars().collect() }
    }

    /// Returns the number of tokens, including special ones.
    pub fn vocab(&self) -> usize {
        self.alphabet.len() + SPECIAL.len()
    }

    /// Returns the ids of a text, or the first character outside the alphabet.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, char> {
        text.chars()
            .map(|c| {
                let at = self.alphabet.iter().position(|a| *a == c).ok_or(c)?;
                Ok((at + SPECIAL.len()) as u32)
            })
            .collect()
    }

    /// Returns the text of ids, without special tokens.
    pub fn decode(&self, ids: &[u32]) -> String {
        ids.iter().filter_map(|id| self.alphabet.get((*id as usize).wrapping_sub(SPECIAL.len()))).collect()
    }

    /// Returns every token's text in the order of ids.
    pub fn tokens(&self) -> Vec<String> {
        let special = SPECIAL.iter().map(|s| (*s).to_owned());
        special.chain(self.alphabet.iter().map(char::to_string)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_survives_a_round_trip_and_strangers_are_named() {
        let tokenizer = Characters::new("0123456789=");
        let ids = tokenizer.encode("31=").unwrap();
        assert_eq!(tokenizer.decode(&ids), "31=");
        assert_eq!(tokenizer.encode("3x"), Err('x'));
        assert_eq!(tokenizer.decode(&[BOS, ids[0], EOS, PAD]), "3");
        assert_eq!(tokenizer.vocab(), 14);
    }
}
