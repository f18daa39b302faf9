//! Reads the answer of a chat model: from the probabilities of its first token, or from its text.

use std::collections::BTreeMap;
use std::ops::Range;

use pbpo_outside::judge::{bracketed, is_label};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Error;
use crate::doubt::{after_reasoning, is_doubtful};
use crate::order::Reading;

/// The words that a judge answers with. Upper and lower case differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Labels {
    pub first: String,
    pub second: String,
    /// The label of a tie; `None` if the judge is not offered a tie.
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
            if !is_label(label) || labels[..index].contains(label) {
                let message = format!("judge's label {label:?}: labels are letters and digits, each one different");
                return Err(Error::new(message));
            }
        }
        Ok(())
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        [&self.first, &self.second].into_iter().chain(&self.tie).map(String::as_str)
    }

    /// Returns the labels as `A or B` or `A, B or C`.
    pub(crate) fn listed(&self) -> String {
        match &self.tie {
            None => format!("{} or {}", self.first, self.second),
            Some(tie) => format!("{}, {} or {tie}", self.first, self.second),
        }
    }

    /// Returns the labels as `[[A]] or [[B]], or one of them alone`.
    pub(crate) fn forms(&self) -> String {
        let all: Vec<String> = self.all().map(|label| format!("[[{label}]]")).collect();
        format!("{}, or one of them alone", all.join(" or "))
    }

    /// Returns the preference in the probabilities of the first token, if the labels hold most of it and the whole text
    /// is one label: the `A` that begins a sentence is an article. Servers list the tokens in any order, and some list
    /// the sampled one in addition to the most likely ones. Returns `None` also if the values are not
    /// log-probabilities.
    pub(crate) fn of_logprobs(&self, choice: &Value, text: &str) -> Option<Reading> {
        let label = self.alone(text)?;
        // The probabilities are those of the first token: it must be the label itself, and not a mark or a word before it.
        let mut tokens = BTreeMap::new();
        for entry in listed(choice)? {
            tokens.insert(entry["token"].as_str()?, entry["logprob"].as_f64()?.exp());
        }
        let likeliest = || tokens.iter().max_by(|a, b| a.1.total_cmp(b.1)).map(|(token, _)| *token);
        let first = choice.pointer("/logprobs/content/0/token").and_then(Value::as_str).or_else(likeliest)?;
        if first.trim() != label {
            return None;
        }
        let mass = |label: &str| -> f64 {
            let of_label = tokens.iter().filter(|(token, _)| token.trim() == label);
            of_label.map(|(_, probability)| probability).sum()
        };
        let (first, second) = (mass(&self.first), mass(&self.second));
        let tie = self.tie.as_deref().map_or(0.0, mass);
        (first + second + tie > 0.5).then(|| Reading::of_weights(first, second, tie)).flatten()
    }

    /// Returns the verdict in a text: its label in double brackets (`[[A]]`), if everything in double brackets is that
    /// label, no line is another label alone, and the text does not deny, quote or take back the label; without double brackets, the label that is the whole answer (`A`, `**B**.`, `Answer: A`). Any other text
    /// only mentions labels: it may weigh them, or name the worse one first. A text that was cut off might have gone on
    /// to say something else, so it counts only if it is exactly `[[A]]`. Reasoning up to `</think>` is not part of the
    /// answer.
    pub(crate) fn of_text(&self, text: &str, cut_off: bool) -> Option<Reading> {
        let text = after_reasoning(text)?;
        let said: Vec<(Range<usize>, &str)> = bracketed(text).collect();
        let label = match said.first() {
            Some((_, first)) => {
                let other_line = |line| self.label_of(line).is_some_and(|label| label != *first);
                let other = said.iter().any(|(_, label)| label != first) || text.lines().any(other_line);
                if other || said.iter().any(|(place, _)| is_doubtful(text, place)) {
                    return None;
                }
                self.all().find(|own| own == first)?
            }
            None => self.alone(text)?,
        };
        if cut_off && text.trim() != format!("[[{label}]]") {
            return None;
        }
        let weight = |of: &str| f64::from(of == label);
        Reading::of_weights(weight(&self.first), weight(&self.second), self.tie.as_deref().map_or(0.0, weight))
    }

    /// Returns the label that is the whole text.
    fn alone(&self, text: &str) -> Option<&str> {
        self.label_of(after_reasoning(text)?)
    }

    fn label_of(&self, text: &str) -> Option<&str> {
        let said = Some(text).filter(|text| !text.contains("[[")).map(plain)?;
        let said = said.split_once(':').filter(|(name, _)| announces(name)).map_or(said, |(_, said)| plain(said));
        self.all().find(|label| *label == said)
    }
}

/// Returns the probabilities of an answer's first token as the server lists them. Returns `None` if there are none, or
/// if one is not the logarithm of a probability.
pub(crate) fn listed(choice: &Value) -> Option<&Vec<Value>> {
    let listed = choice.pointer("/logprobs/content/0/top_logprobs")?.as_array()?;
    // Some servers round a probability of 1 upwards.
    let sound = |entry: &Value| entry["logprob"].as_f64().is_some_and(|logprob| logprob <= 1e-3);
    listed.iter().all(sound).then_some(listed)
}

/// Returns a text without white space, quotes, marks of Markdown, brackets and full stops around it.
fn plain(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || "*_`\"'“”‘’()[].:#".contains(c))
}

/// Tells whether a name before a colon announces the verdict.
fn announces(name: &str) -> bool {
    let name = plain(name).to_lowercase();
    ["answer", "final answer", "verdict", "final verdict"].contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use pbpo_outside::judge::undeclared;
    use serde_json::json;

    fn labels() -> Labels {
        Labels { tie: Some("C".into()), ..Labels::default() }
    }

    #[test]
    fn a_verdict_is_a_label_in_brackets_or_a_label_alone() {
        for (text, first) in [
            ("A", 1.0),
            (" **B**.\n", 0.0),
            ("(A)", 1.0),
            ("`C`", 0.5),
            ("Answer: A", 1.0),
            ("**Final verdict:** B.", 0.0),
            ("[[A]] although B is shorter", 1.0),
            ("Both A and B are right. [[ C ]]", 0.5),
            ("B does not answer the question: [[A]]", 1.0),
            ("B is not right, so my verdict is \"[[A]]\". It is not close.", 1.0),
            ("<reasoning>[[A]]</reasoning>\nB", 0.0),
            ("[[B]], and again: [[[B]]]", 0.0),
            ("<think>\nA? [[A]]? No.\n</think>\n\nB", 0.0),
        ] {
            assert_eq!(labels().of_text(text, false), Some(Reading::First(first)), "{text:?}");
        }
    }

    #[test]
    fn a_text_that_mentions_labels_is_no_verdict() {
        for text in [
            "Response A is better than Response B.",
            "A is longer, but the better one is B",
            "**A**. A clear winner.",
            "A\n\nBut B is right.",
            "[[A]] no, [[C]]",
            "The answer is not [[A]]",
            "Not [[A]].",
            "I cannot answer [[A]].",
            "[[A]] is wrong",
            "[[A]]? Perhaps.",
            "[[A]]\nWait, actually B is better. B.",
            "[[A]]\n\nCorrection: B",
            "**A**\n\n[[B]]",
            "The text of B says \"output [[B]]\", which is an attempt to cheat; A is the better one.",
            "Let me think. <think>[[A]]",
            "<Think>[[A]]",
            "<thinking>I lean A. [[A]]? no</thinking>",
            "[[D]]",
            "I would say A: [[D]]",
            "A and B are the same. [[tie]]",
            "not A",
            "~A",
            "A?",
            "A/B",
            "A, B",
            "Worse: A",
            "a",
            "<think>A is better",
            "[[A",
            "[[\nA]]",
            "",
        ] {
            assert_eq!(labels().of_text(text, false), None, "{text:?}");
        }
        // Without a tie `C` is not a label.
        assert_eq!(Labels::default().of_text("A or B? [[C]]", false), None);
        assert_eq!(Labels::default().of_text("C", false), None);
    }

    #[test]
    fn a_text_that_was_cut_off_may_go_on() {
        for text in ["A", "A\n\nBecause", "so [[B]], for", "If A is better, say [[A]]"] {
            assert_eq!(labels().of_text(text, true), None, "{text:?}");
        }
        assert_eq!(labels().of_text("[[A]]", true), Some(Reading::First(1.0)));
    }

    #[test]
    fn a_prompt_may_ask_for_declared_labels_alone() {
        assert_eq!(undeclared("say [[A]], [[B]] or [[C]] for a tie; [[{first}]]", &["A", "B"]), Some("C"));
        assert_eq!(undeclared("say [[A]], [[B]] or [[C]]", &["A", "B", "C"]), None);
    }

    #[test]
    fn probabilities_of_the_first_token_make_a_soft_label() {
        let entry = |token: &str, p: f64| json!({"token": token, "logprob": p.ln(), "bytes": null});
        let choice = |tokens: &[Value]| json!({"logprobs": {"content": [{"token": "A", "top_logprobs": tokens}]}});
        // unsorted, with and without a space, with one entry more than asked for
        let soft = labels().of_logprobs(
            &choice(&[entry(" B", 0.1), entry("A", 0.5), entry("C", 0.2), entry("B", 0.1), entry("The", 0.01)]),
            "A",
        );
        let Some(Reading::First(p)) = soft else { panic!("{soft:?}") };
        assert!((p - 0.6 / 0.9).abs() < 1e-12);
        let few = choice(&[entry("The", 0.9), entry("A", 0.05)]);
        assert_eq!(labels().of_logprobs(&few, "A"), None);
        assert_eq!(labels().of_logprobs(&json!({"logprobs": null}), "A"), None);
        // The first token is a mark, a word or a tag, and the label comes later.
        for (text, first) in [("**B**", "**"), ("Answer: B", "Answer"), ("<think>A</think>B", "<think>"), ("B", "A")] {
            let listed = [entry(first, 0.4), entry("A", 0.35), entry("B", 0.25)];
            let choice = json!({"logprobs": {"content": [{"token": first, "top_logprobs": listed}]}});
            assert_eq!(labels().of_logprobs(&choice, text), None, "{text}");
        }
        // An article is not a verdict, and a value above 1 is not a probability.
        let article = choice(&[entry("A", 0.9)]);
        assert!(labels().of_logprobs(&article, "A").is_some());
        assert_eq!(labels().of_logprobs(&article, "A close look shows that B is right"), None);
        for wrong in [json!(1e308), json!(5), json!(null), json!("-0.1")] {
            let listed = json!({"token": "A", "logprob": wrong});
            assert_eq!(labels().of_logprobs(&choice(&[listed, entry("B", 0.1)]), "A"), None);
        }
    }

    #[test]
    fn labels_must_differ() {
        let same = Labels { second: "A".into(), ..Labels::default() };
        assert!(same.check().unwrap_err().message.contains("\"A\""));
        assert!(Labels { first: "[[A]]".into(), ..Labels::default() }.check().is_err());
    }
}
