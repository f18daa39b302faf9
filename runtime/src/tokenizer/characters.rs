//! A token a character, for tasks whose text uses a small fixed alphabet.

/// Pads a row on the right; never scored.
pub const PAD: u32 = 0;
/// Begins every prompt.
pub const BOS: u32 = 1;
/// Ends a response.
pub const EOS: u32 = 2;
/// Names of the special tokens, in the order of their ids.
pub const SPECIAL: [&str; 3] = ["<pad>", "<s>", "</s>"];

/// One token a character, after the special tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Characters {
    alphabet: Vec<char>,
}

impl Characters {
    pub fn new(alphabet: &str) -> Self {
        Self { alphabet: alphabet.chars().collect() }
    }

    /// Number of tokens, special ones included.
    pub fn vocab(&self) -> usize {
        self.alphabet.len() + SPECIAL.len()
    }

    /// The ids of a text, or the first character outside the alphabet.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, char> {
        text.chars()
            .map(|c| {
                let at = self.alphabet.iter().position(|a| *a == c).ok_or(c)?;
                Ok((at + SPECIAL.len()) as u32)
            })
            .collect()
    }

    /// The text of ids, special tokens left out.
    pub fn decode(&self, ids: &[u32]) -> String {
        ids.iter().filter_map(|id| self.alphabet.get((*id as usize).wrapping_sub(SPECIAL.len()))).collect()
    }

    /// Every token's text in the order of ids.
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
