//! What a chat model's answer says: from the probabilities of its first token, or from its text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Error;
use crate::order::Reading;

/// The words that a judge answers with. Upper and lower case differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Labels {
    pub first: String,
    pub second: String,
    /// None: the judge is offered no tie.
    pub tie: Option<String>,
}

impl Default for Labels {
    fn default() -> Self {
        Self { first: "A".into(), second: "B".into(), tie: None }
    }
}

impl Labels {
    pub(crate) fn check(&self) -> Result<(), Error> {
        let labels: Vec<&str> = self.all().collect();
        for (index, label) in labels.iter().enumerate() {
            let plain = !label.is_empty() && label.chars().all(char::is_alphanumeric);
            if !plain || labels[..index].contains(label) {
                let message = format!("judge's label {label:?}: labels are letters and digits, each one different");
                return Err(Error::new(message));
            }
        }
        Ok(())
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        [&self.first, &self.second].into_iter().chain(&self.tie).map(String::as_str)
    }

    /// `A or B`, `A, B or C`
    pub(crate) fn listed(&self) -> String {
        match &self.tie {
            None => format!("{} or {}", self.first, self.second),
            Some(tie) => format!("{}, {} or {tie}", self.first, self.second),
        }
    }

    /// The preference in the probabilities of the first token, if the labels hold most of it. Servers list the tokens
    /// in any order, and some list the sampled one on top of the most likely ones.
    pub(crate) fn of_logprobs(&self, choice: &Value) -> Option<Reading> {
        let listed = choice.pointer("/logprobs/content/0/top_logprobs")?.as_array()?;
        let mut tokens = BTreeMap::new();
        for entry in listed {
            let logprob = entry["logprob"].as_f64().unwrap_or(f64::NEG_INFINITY);
            tokens.insert(entry["token"].as_str()?, logprob.exp());
        }
        let mass = |label: &str| -> f64 {
            let of_label = tokens.iter().filter(|(token, _)| token.trim() == label);
            of_label.map(|(_, probability)| probability).sum()
        };
        let (first, second) = (mass(&self.first), mass(&self.second));
        let tie = self.tie.as_deref().map_or(0.0, mass);
        (first + second + tie > 0.5).then(|| Reading::of_weights(first, second, tie)).flatten()
    }

    /// The verdict in a text: its last `[[A]]`, else its last label that stands alone. A text cut off by the token limit
    /// may still be weighing both: there a label counts only in double brackets or alone on the first line.
    pub(crate) fn of_text(&self, text: &str, cut_off: bool) -> Option<Reading> {
        let bracketed = self.last(text, |label| format!("[[{label}]]"), |_, _| true);
        let label = bracketed.or_else(|| match cut_off {
            true => {
                let line = text.trim_start().lines().next().unwrap_or_default();
                let line = line.trim_matches(|c: char| !c.is_alphanumeric());
                self.all().find(|label| *label == line)
            }
            false => self.last(text, str::to_owned, |before, after| {
                let part_of_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '\'');
                !part_of_word(before) && !part_of_word(after)
            }),
        })?;
        let weight = |of: &str| f64::from(of == label);
        Reading::of_weights(weight(&self.first), weight(&self.second), self.tie.as_deref().map_or(0.0, weight))
    }

    /// The label whose written form stands last in the text, among the places that `alone` takes.
    fn last(
        &self,
        text: &str,
        form: impl Fn(&str) -> String,
        alone: impl Fn(Option<char>, Option<char>) -> bool,
    ) -> Option<&str> {
        let place = |label: &str| {
            let form = form(label);
            let stands_alone = |&(at, _): &(usize, &str)| {
                alone(text[..at].chars().next_back(), text[at + form.len()..].chars().next())
            };
            text.rmatch_indices(&form).find(stands_alone).map(|(at, _)| at)
        };
        self.all().filter_map(|label| Some((place(label)?, label))).max().map(|(_, label)| label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn labels() -> Labels {
        Labels { tie: Some("C".into()), ..Labels::default() }
    }

    #[test]
    fn the_last_label_counts() {
        for (text, cut_off, first) in [
            ("A", false, Some(1.0)),
            ("**B**.", false, Some(0.0)),
            ("A is longer, but the better one is B", false, Some(0.0)),
            ("[[A]] although B", false, Some(1.0)),
            ("[[A]] no, [[C]]", false, Some(0.5)),
            ("BAD Apple a b A's", false, None),
            ("A\n\nBecause", true, Some(1.0)),
            ("A good answer would", true, None),
            ("Weighing A, and", true, None),
            ("so [[B]], for", true, Some(0.0)),
            ("", false, None),
        ] {
            let reading = first.map(Reading::First);
            assert_eq!(labels().of_text(text, cut_off), reading, "{text:?}");
        }
    }

    #[test]
    fn probabilities_of_the_first_token_make_a_soft_label() {
        let entry = |token: &str, p: f64| json!({"token": token, "logprob": p.ln(), "bytes": null});
        let choice = |tokens: &[Value]| json!({"logprobs": {"content": [{"top_logprobs": tokens}]}});
        // unsorted, with and without a space, one more than asked for
        let soft = labels().of_logprobs(&choice(&[
            entry(" B", 0.1),
            entry("A", 0.5),
            entry("C", 0.2),
            entry("B", 0.1),
            entry("The", 0.01),
        ]));
        let Some(Reading::First(p)) = soft else { panic!("{soft:?}") };
        assert!((p - 0.6 / 0.9).abs() < 1e-12);
        assert_eq!(labels().of_logprobs(&choice(&[entry("The", 0.9), entry("A", 0.05)])), None);
        assert_eq!(labels().of_logprobs(&json!({"logprobs": null})), None);
    }

    #[test]
    fn labels_must_differ() {
        let same = Labels { second: "A".into(), ..Labels::default() };
        assert!(same.check().unwrap_err().message.contains("\"A\""));
        assert!(Labels { first: "[[A]]".into(), ..Labels::default() }.check().is_err());
    }
}
