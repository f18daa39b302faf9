//! Judges on servers with typed decision endpoints: a probability for every option from one forward pass, no text to
//! parse.
//!
//! Both protocols are asked one `choice` question, whose options are `first`, `second` and, if offered, `tie`.
//!
//! - `systemone`, `POST /v1/systemone`: `{model, state, questions: {better: {type, instructions, criteria}}}`, answered by
//!   `{answers: {better: {type, choice, confidence, probabilities: {first, second}}}, usage: {input_tokens, ..}}`.
//!   From the sources of transformers 5.23 (`cli/serving/systemone.py`, `decision/template_utils.py`), and tried with
//!   its `transformers serve`.
//! - `openai`, `POST /v1/decisions`: `{model, input, questions: [{type, name, instructions, choices: [{value}]}]}`,
//!   answered by `{answers: [{type, name, choice, probabilities: [{value, probability}]} | {type: "refusal"}], usage}`.
//!   From the types of openai-python 3.57 (`decision_create_params.py`, `decision.py`); not tried with a live server.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::order::Reading;
use crate::remote::Protocol;
use crate::{Error, Query};

/// The protocol that the server speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wire {
    /// `/v1/systemone`: transformers serve, vLLM, TypeSafe.
    #[default]
    Systemone,
    /// `/v1/decisions`: OpenAI and those that follow it.
    Openai,
}

/// The settings of a decision judge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecisionSettings {
    pub model: String,
    pub wire: Wire,
    /// The question. The model sees `prompt`, `first`, `second`, and `answer` if there is one, as the text of a JSON
    /// object.
    pub question: String,
    /// If true, offers a tie as the third option.
    pub tie: bool,
}

impl Default for DecisionSettings {
    fn default() -> Self {
        Self {
            model: String::new(),
            wire: Wire::Systemone,
            question: "Which response to the prompt is better?".into(),
            tie: false,
        }
    }
}

/// The subject of the question, as text, so that the model reads the keys in this order with any server.
#[derive(Serialize)]
struct State<'a> {
    prompt: &'a str,
    first: &'a str,
    second: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: &'a Option<String>,
}

/// The name of the question.
const NAME: &str = "better";

pub(crate) struct Decision(DecisionSettings);

impl Decision {
    pub fn new(settings: DecisionSettings) -> Result<Self, Error> {
        for (key, value) in [("model", &settings.model), ("question", &settings.question)] {
            if value.is_empty() {
                return Err(Error::new(format!("the decision judge has no `{key}`")));
            }
        }
        Ok(Self(settings))
    }

    fn options(&self) -> &[&'static str] {
        if self.0.tie { &["first", "second", "tie"] } else { &["first", "second"] }
    }
}

impl Protocol for Decision {
    fn path(&self) -> &'static str {
        match self.0.wire {
            Wire::Systemone => "/systemone",
            Wire::Openai => "/decisions",
        }
    }

    fn body(&self, query: &Query) -> Option<Value> {
        let DecisionSettings { model, question: instructions, .. } = &self.0;
        let state = State { prompt: &query.prompt, first: &query.first, second: &query.second, answer: &query.answer };
        let state = serde_json::to_string(&state).ok()?;
        let mut question = json!({"type": "choice", "instructions": instructions});
        Some(match self.0.wire {
            Wire::Systemone => {
                let criteria = self.options().iter().map(|option| (option.to_string(), Value::Null));
                question["criteria"] = Value::Object(criteria.collect());
                json!({"model": model, "state": state, "questions": {NAME: question}})
            }
            Wire::Openai => {
                question["name"] = json!(NAME);
                question["choices"] = self.options().iter().map(|option| json!({"value": option})).collect();
                json!({"model": model, "input": state, "questions": [question]})
            }
        })
    }

    fn read(&self, reply: &Value) -> Option<Reading> {
        let answer = match self.0.wire {
            Wire::Systemone => &reply["answers"][NAME],
            Wire::Openai => &reply["answers"][0],
        };
        if answer["type"] == "refusal" {
            return Some(Reading::Abstain("the model declined to answer".into()));
        }
        let probability = |option: &str| match self.0.wire {
            Wire::Systemone => answer["probabilities"][option].as_f64(),
            Wire::Openai => {
                let listed = answer["probabilities"].as_array()?;
                listed.iter().find(|entry| entry["value"] == option)?["probability"].as_f64()
            }
        };
        let tie = if self.0.tie { probability("tie")? } else { 0.0 };
        let (first, second) = (probability("first")?, probability("second")?);
        let sum = first + second + tie;
        // Probabilities rounded to two digits may add up to a little more than 1.
        let sound = [first, second, tie].iter().all(|p| (0.0..=1.0).contains(p)) && sum <= 1.02;
        if sound && sum <= 0.5 {
            return Some(Reading::Abstain("most of the probability is on none of the options".into()));
        }
        sound.then(|| Reading::of_weights(first, second, tie)).flatten()
    }

    fn tokens(&self) -> [&'static str; 2] {
        ["input_tokens", "output_tokens"]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(wire: Wire, tie: bool) -> Decision {
        Decision::new(DecisionSettings { model: "m".into(), wire, tie, ..DecisionSettings::default() }).unwrap()
    }

    #[test]
    fn systemone_asks_a_map_and_reads_a_map() {
        let judge = decision(Wire::Systemone, true);
        let body = judge.body(&Query { answer: Some("4".into()), ..Query::default() }).unwrap();
        assert_eq!(body["state"], r#"{"prompt":"","first":"","second":"","answer":"4"}"#);
        assert_eq!(body["questions"]["better"]["criteria"], json!({"first": null, "second": null, "tie": null}));
        let answer = json!({"type": "choice", "probabilities": {"first": 0.5, "second": 0.25, "tie": 0.25}});
        assert_eq!(judge.read(&json!({"answers": {"better": answer}})), Some(Reading::First(0.625)));
        assert_eq!(judge.read(&json!({"detail": "no"})), None);
    }

    #[test]
    fn openai_asks_a_list_and_reads_a_list() {
        let judge = decision(Wire::Openai, false);
        let body = judge.body(&Query::default()).unwrap();
        assert_eq!(body["questions"][0]["choices"], json!([{"value": "first"}, {"value": "second"}]));
        assert_eq!(body["input"], r#"{"prompt":"","first":"","second":""}"#);
        let listed = [json!({"value": "second", "probability": 0.25}), json!({"value": "first", "probability": 0.75})];
        let reply = json!({"answers": [{"type": "choice", "name": "better", "probabilities": listed}]});
        assert_eq!(judge.read(&reply), Some(Reading::First(0.75)));
        let refusal = json!({"answers": [{"type": "refusal", "name": null}]});
        assert!(matches!(judge.read(&refusal), Some(Reading::Abstain(_))));
        let reply = |first: f64, second: f64| {
            let listed =
                [json!({"value": "second", "probability": second}), json!({"value": "first", "probability": first})];
            judge.read(&json!({"answers": [{"type": "choice", "name": "better", "probabilities": listed}]}))
        };
        assert_eq!((reply(90.0, 10.0), reply(-0.5, 1.0), reply(0.9, 0.9)), (None, None, None));
        assert!(matches!(reply(0.2, 0.1), Some(Reading::Abstain(_))));
    }
}
