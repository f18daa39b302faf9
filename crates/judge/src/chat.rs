//! Judges on servers with an OpenAI-compatible `/v1/chat/completions`.

use std::sync::atomic::{AtomicBool, Ordering};

use pbpo_outside::judge::{is_taken, limit, undeclared};
use pbpo_outside::shown::cut;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::label::{Labels, listed};
use crate::order::Reading;
use crate::remote::Protocol;
use crate::server::within;
use crate::template::Template;
use crate::{Error, Query};

/// The number of likely first tokens to ask for: the most that OpenAI and vLLM give.
const TOP_LOGPROBS: u32 = 20;

/// The number of columns of an answer that a message shows.
const SHOWN: usize = 80;

/// The settings of a chat judge: the question, and how its answer is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChatSettings {
    pub model: String,
    pub system: Option<String>,
    /// The prompt, with `{prompt}`, `{first}`, `{second}`, and `{answer}` for the reference answer; `{{` is a brace.
    /// `None` means a plain question made from the labels.
    pub prompt: Option<String>,
    /// The temperature; `None` leaves it to the server (some models take none).
    pub temperature: Option<f64>,
    /// The token limit; `None` leaves it to the server.
    pub max_new: Option<u32>,
    /// The server's name for `max_new`. `None` means `max_tokens`, unless the server refuses that and wants the
    /// other name.
    pub limit: Option<Limit>,
    pub seed: Option<u64>,
    pub labels: Labels,
    /// If true, asks for the probabilities of the first token, which give a soft label. If the server gives none, or
    /// they lie elsewhere than on the labels, the text is read.
    pub logprobs: bool,
    /// Further fields of the request's body.
    pub extra: Map<String, Value>,
}

impl Default for ChatSettings {
    fn default() -> Self {
        Self {
            model: String::new(),
            system: None,
            prompt: None,
            temperature: Some(0.0),
            max_new: Some(16),
            limit: None,
            seed: None,
            labels: Labels::default(),
            logprobs: false,
            extra: Map::new(),
        }
    }
}

/// The name of the token limit. It is not part of a question: stored answers are found under either name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    MaxTokens,
    MaxCompletionTokens,
}

pub(crate) struct Chat {
    settings: ChatSettings,
    template: Template,
    /// True once the server was found to want the other name.
    renamed: AtomicBool,
    without_temperature: AtomicBool,
}

/// The two names of [`Limit`], and the name of another setting that some servers refuse.
const LIMIT: &str = "max_tokens";
const NEW_LIMIT: &str = "max_completion_tokens";
const TEMPERATURE: &str = "temperature";

impl Chat {
    pub fn new(settings: ChatSettings) -> Result<Self, Error> {
        if settings.model.is_empty() {
            return Err(Error::new("the chat judge has no `model`"));
        }
        within("temperature", settings.temperature, &limit::TEMPERATURE)?;
        within("max_new", settings.max_new.map(f64::from), &limit::MAX_NEW)?;
        settings.labels.check()?;
        let template = Template::parse(&settings.prompt.clone().unwrap_or_else(|| question(&settings.labels)))?;
        let texts = [&settings.prompt, &settings.system].into_iter().flatten();
        let labels: Vec<&str> = settings.labels.all().collect();
        if let Some(word) = texts.filter_map(|text| undeclared(text, &labels)).next() {
            return Err(Error::new(format!("the judge's prompt has [[{word}]], and {word} is none of its labels"))
                .help(format!(
                    "if it says that both are as good, write `tie = \"{word}\"`; else name it with `first` or `second`"
                )));
        }
        let ours = (settings.temperature.is_some(), settings.max_new.is_some(), settings.logprobs);
        let taken = |key: &&String| is_taken(key, ours.0, ours.1, ours.2) || *key == "seed" && settings.seed.is_some();
        if let Some(key) = settings.extra.keys().find(taken) {
            return Err(Error::new(format!("the chat judge's `extra` may not set `{key}`"))
                .help("use the setting of that name, or set it to none first"));
        }
        let renamed = AtomicBool::new(settings.limit == Some(Limit::MaxCompletionTokens));
        Ok(Self { settings, template, renamed, without_temperature: AtomicBool::new(false) })
    }
}

/// Phrases by which servers refuse a parameter, or any value of it but their own.
const REFUSED: [&str; 15] = [
    "unsupported",
    "not support",
    "not permitted",
    "not allowed",
    "not accept",
    "not recognized",
    "not a valid",
    "unknown",
    "unrecognized",
    "unexpected",
    "extra_forbidden",
    "deprecated",
    "no longer",
    "invalid parameter",
    "only",
];

const TOO_LARGE: [&str; 6] = ["exceed", "maximum", "too large", "at most", "greater", "context length"];

/// Returns the text of an error in the fields that OpenAI, FastAPI and others use. Other fields are left out, because
/// they may repeat the request, with every name in it.
fn words_of(said: &Value) -> String {
    let error = ["", "/message", "/param", "/code", "/type"].map(|field| format!("/error{field}"));
    let fields = error.iter().map(String::as_str).chain(["", "/message", "/detail"]);
    let mut words: Vec<&str> = fields.filter_map(|field| said.pointer(field)?.as_str()).collect();
    for detail in said["detail"].as_array().into_iter().flatten() {
        words.extend(["msg", "type"].iter().filter_map(|field| detail[*field].as_str()));
        words.extend(detail["loc"].as_array().into_iter().flatten().filter_map(Value::as_str));
    }
    without_quotes(&words.join("\n"))
}

/// How an answer ended.
#[derive(PartialEq, Eq)]
enum Ended {
    Whole,
    /// At the token limit.
    Cut,
    /// By anything else, such as a content filter or an error: the text may be a part of the answer, or not the model's.
    Broken(String),
}

/// Returns how a server says that an answer ended; a server that says nothing gives whole answers.
fn ended(choice: &Value) -> Ended {
    if !choice["error"].is_null() {
        return Ended::Broken("error".to_owned());
    }
    let Some(reason) = choice["finish_reason"].as_str() else { return Ended::Whole };
    match reason.to_ascii_lowercase().as_str() {
        "" | "stop" | "eos" | "eos_token" | "stop_sequence" | "end_turn" => Ended::Whole,
        "length" | "max_tokens" | "max_length" => Ended::Cut,
        _ => Ended::Broken(reason.to_owned()),
    }
}

/// Returns a text without what it quotes, if that is more than a word: a server may quote the prompt.
fn without_quotes(text: &str) -> String {
    let mut left = text.to_owned();
    for mark in ['\'', '"', '`'] {
        let parts: Vec<&str> = left.split(mark).collect();
        let quoted = |(at, part): (usize, &&str)| at % 2 == 1 && at + 1 < parts.len() && part.trim().contains(' ');
        let kept = parts.iter().enumerate().map(|(at, part)| if quoted((at, part)) { "" } else { part });
        left = kept.collect::<Vec<_>>().join(&mark.to_string());
    }
    left
}

fn is_no_name(c: char) -> bool {
    !c.is_ascii_alphanumeric() && c != '_'
}

/// Returns the text of a message: a text, or texts in parts. Returns `None` for parts of another kind; an absent
/// content is an empty text.
fn content(content: &Value) -> Option<String> {
    match content {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            parts.iter().map(|part| part["text"].as_str().filter(|_| part["type"] == "text")).collect()
        }
        _ => None,
    }
}

fn question(labels: &Labels) -> String {
    let Labels { first, second, tie } = labels;
    let tie = tie.as_ref().map_or(String::new(), |tie| format!(", {tie} if they are as good as each other"));
    format!(
        "Which of two responses to a prompt is better?\n\n[Prompt]\n{{prompt}}\n\n[Response {first}]\n{{first}}\n\n\
         [Response {second}]\n{{second}}\n\n\
         Say {first} if response {first} is better, {second} if response {second} is better{tie}. \
         Answer with {} only.",
        labels.listed()
    )
}

impl Protocol for Chat {
    fn path(&self) -> &'static str {
        "/chat/completions"
    }

    fn body(&self, query: &Query) -> Option<Value> {
        let settings = &self.settings;
        let system = settings.system.iter().map(|system| json!({"role": "system", "content": system}));
        let user = json!({"role": "user", "content": self.template.fill(query)?});
        let messages: Vec<Value> = system.chain([user]).collect();
        let mut body = settings.extra.clone();
        let mut set = |key: &str, value: Value| body.insert(key.to_owned(), value);
        set("model", json!(settings.model));
        set("messages", json!(messages));
        settings.temperature.map(|temperature| set(TEMPERATURE, json!(temperature)));
        settings.max_new.map(|tokens| set(LIMIT, json!(tokens)));
        settings.seed.map(|seed| set("seed", json!(seed)));
        if settings.logprobs {
            set("logprobs", json!(true));
            set("top_logprobs", json!(TOP_LOGPROBS));
        }
        Some(body.into())
    }

    fn read(&self, reply: &Value) -> Option<Reading> {
        let choice = reply.pointer("/choices/0").filter(|choice| choice["message"].is_object())?;
        let labels = &self.settings.labels;
        let message = &choice["message"];
        if let Some(refusal) = message["refusal"].as_str().filter(|refusal| !refusal.is_empty()) {
            return Some(Reading::Abstain(format!("the model declines: {}", cut(refusal, SHOWN))));
        }
        let Some(text) = content(&message["content"]) else {
            return Some(Reading::Abstain("the answer is no text".into()));
        };
        let ended = ended(choice);
        if let Ended::Broken(why) = ended {
            return Some(Reading::Abstain(format!("the server says that the answer ended by `{}`", cut(&why, SHOWN))));
        }
        let soft = self.settings.logprobs.then(|| labels.of_logprobs(choice, &text)).flatten();
        let cut_off = ended == Ended::Cut;
        let hard = || labels.of_text(&text, cut_off);
        Some(soft.or_else(hard).unwrap_or_else(|| {
            let end = if cut_off { " (cut off at the token limit: raise it)" } else { "" };
            let beginning = cut(&text, SHOWN);
            Reading::Abstain(format!("no verdict in \"{beginning}\"{end}: a verdict is {}", labels.forms()))
        }))
    }

    fn wire(&self, body: &Value) -> Value {
        let mut body = body.clone();
        let Some(fields) = body.as_object_mut() else { return body };
        if self.settings.max_new.is_some()
            && self.renamed.load(Ordering::Relaxed)
            && let Some(limit) = fields.remove(LIMIT)
        {
            fields.insert(NEW_LIMIT.to_owned(), limit);
        }
        if self.settings.temperature.is_some() && self.without_temperature.load(Ordering::Relaxed) {
            fields.remove(TEMPERATURE);
        }
        body
    }

    /// Tells whether a server names the parameter that it does not take, in a field or in its message.
    fn adapts(&self, wire: &str, said: &Value) -> bool {
        let words = words_of(said).to_lowercase();
        let says = |of: &[&str]| of.iter().any(|word| words.contains(word));
        let named = |name: &str| words.split(is_no_name).any(|word| word == name);
        let sent: Value = serde_json::from_str(wire).unwrap_or_default();
        let has = |name: &str| !sent[name].is_null();
        let refused = says(&REFUSED);
        // An error about the value is not a reason to rename the limit.
        let wants_other = named(LIMIT) && refused;
        let other_name = named(NEW_LIMIT) && wants_other || (named(NEW_LIMIT) || wants_other) && !says(&TOO_LARGE);
        if other_name && self.settings.limit.is_none() && self.settings.max_new.is_some() && has(LIMIT) {
            self.renamed.store(true, Ordering::Relaxed);
            return true;
        }
        if refused && self.settings.temperature.is_some() && named(TEMPERATURE) && has(TEMPERATURE) {
            self.without_temperature.store(true, Ordering::Relaxed);
            return true;
        }
        false
    }

    fn notices(&self) -> Vec<String> {
        let refused = self.without_temperature.load(Ordering::Relaxed).then(|| {
            "the judge's server takes no `temperature`: it answers at its own; `temperature = none` asks for that"
                .to_owned()
        });
        refused.into_iter().collect()
    }

    fn lacks_logprobs(&self, reply: &Value) -> bool {
        self.settings.logprobs && reply.pointer("/choices/0").is_none_or(|choice| listed(choice).is_none())
    }

    fn tokens(&self) -> [&'static str; 2] {
        ["prompt_tokens", "completion_tokens"]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query() -> Query {
        Query { prompt: "p".into(), first: "one".into(), second: "two".into(), answer: None }
    }

    #[test]
    fn the_body_has_what_is_set_and_no_more() {
        let settings = ChatSettings {
            model: "m".into(),
            system: Some("s".into()),
            prompt: Some("{prompt}|{first}|{second}".into()),
            temperature: None,
            max_new: None,
            extra: json!({"max_completion_tokens": 4}).as_object().unwrap().clone(),
            ..ChatSettings::default()
        };
        let body = Chat::new(settings.clone()).unwrap().body(&query()).unwrap();
        let messages = [json!({"role": "system", "content": "s"}), json!({"role": "user", "content": "p|one|two"})];
        assert_eq!(body, json!({"model": "m", "messages": messages, "max_completion_tokens": 4}));
        let logprobs = Chat::new(ChatSettings { logprobs: true, ..settings }).unwrap().body(&query()).unwrap();
        assert_eq!(logprobs["top_logprobs"], 20);
    }

    #[test]
    fn bad_settings_are_refused() {
        let named = ChatSettings { model: "m".into(), ..ChatSettings::default() };
        assert!(Chat::new(ChatSettings::default()).is_err());
        let extra = json!({"messages": []}).as_object().unwrap().clone();
        let error = Chat::new(ChatSettings { extra, ..named.clone() }).err().unwrap();
        assert!(error.message.contains("`messages`"), "{error}");
        assert!(Chat::new(ChatSettings { prompt: Some("{first}".into()), ..named.clone() }).is_err());
        let prompt = Some("{first} {second}: say [[A]], [[B]] or [[C]]".into());
        let asks = ChatSettings { prompt, ..named };
        let error = Chat::new(asks.clone()).err().unwrap().to_string();
        assert!(error.contains("[[C]]") && error.contains("`tie = \"C\"`"), "{error}");
        let labels = Labels { tie: Some("C".into()), ..Labels::default() };
        assert!(Chat::new(ChatSettings { labels, ..asks }).is_ok());
    }

    #[test]
    fn what_a_server_does_not_take_is_named_otherwise_or_left_out() {
        let chat = |settings: ChatSettings| Chat::new(ChatSettings { model: "m".into(), ..settings }).unwrap();
        let names = |chat: &Chat| -> Vec<String> {
            let wire = chat.wire(&chat.body(&query()).unwrap());
            wire.as_object()
                .unwrap()
                .keys()
                .filter(|key| !["model", "messages"].contains(&key.as_str()))
                .cloned()
                .collect()
        };
        let wire = |chat: &Chat| chat.wire(&chat.body(&query()).unwrap()).to_string();
        let error = |message: &str| json!({"error": {"message": message}});
        let limit = error("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.");
        let hot = error("'temperature' does not support 0.0 with this model.");
        let judge = chat(ChatSettings::default());
        assert_eq!(names(&judge), ["max_tokens", "temperature"]);
        assert!(judge.adapts(&wire(&judge), &limit));
        assert_eq!(
            (names(&judge), judge.notices().len()),
            (vec!["max_completion_tokens".into(), "temperature".into()], 0)
        );
        assert!(!judge.adapts(&wire(&judge), &limit), "once");
        assert!(judge.adapts(&wire(&judge), &hot));
        assert_eq!((names(&judge), judge.notices().len()), (vec!["max_completion_tokens".to_owned()], 1));
        // Errors about a value, or about another parameter, change nothing.
        let judge = chat(ChatSettings::default());
        for said in [
            "max_tokens is too large: 5",
            "only 5 max_tokens are allowed at most",
            "Unsupported parameter: 'seed'",
            "maximum context length",
            "max_completion_tokens is too large: 16",
            "the prompt 'what temperature is it' is not allowed",
            "",
        ] {
            assert!(!judge.adapts(&wire(&judge), &error(said)), "{said}");
        }
        // A server that repeats the request names every parameter.
        let echo = json!({"error": {"message": "unsupported media type"}, "body": judge.body(&query())});
        assert!(!judge.adapts(&wire(&judge), &echo));
        let input = json!({"detail": [{"type": "missing", "loc": ["body", "n"], "msg": "unexpected", "input": {"temperature": 0}}]});
        assert!(!judge.adapts(&wire(&judge), &input));
        let fastapi = json!({"detail": [{"type": "extra_forbidden", "loc": ["body", "temperature"]}]});
        assert!(judge.adapts(&wire(&judge), &fastapi));
        let judge = chat(ChatSettings::default());
        assert!(judge.adapts(&wire(&judge), &error("please give max_completion_tokens")));
        assert!(judge.adapts(&wire(&judge), &error("invalid temperature: only 1 is allowed for this model")));
        // Settings made by the user are kept.
        let set = chat(ChatSettings { limit: Some(Limit::MaxTokens), temperature: None, ..ChatSettings::default() });
        assert_eq!(names(&set), ["max_tokens"]);
        assert!(!set.adapts(&wire(&set), &limit) && !set.adapts(&wire(&set), &hot));
        let named = chat(ChatSettings { limit: Some(Limit::MaxCompletionTokens), ..ChatSettings::default() });
        assert_eq!(names(&named), ["max_completion_tokens", "temperature"]);
        let extra = json!({"max_completion_tokens": 4}).as_object().unwrap().clone();
        assert!(Chat::new(ChatSettings { model: "m".into(), extra, ..ChatSettings::default() }).is_err());
    }

    #[test]
    fn a_reply_is_read_or_an_abstention() {
        let chat = Chat::new(ChatSettings { model: "m".into(), ..ChatSettings::default() }).unwrap();
        let reply = |message: Value| json!({"choices": [{"message": message, "finish_reason": "stop"}]});
        assert_eq!(chat.read(&reply(json!({"content": "A"}))), Some(Reading::First(1.0)));
        let unsure = chat.read(&reply(json!({"content": "Hard to say"})));
        let why = "no verdict in \"Hard to say\": a verdict is [[A]] or [[B]], or one of them alone";
        assert_eq!(unsure, Some(Reading::Abstain(why.into())));
        let refused = chat.read(&reply(json!({"content": "A", "refusal": "I can't"})));
        assert!(matches!(refused, Some(Reading::Abstain(why)) if why.contains("I can't")));
        let part = |text: &str| json!({"type": "text", "text": text});
        assert_eq!(chat.read(&reply(json!({"content": [part("**"), part("B**")]}))), Some(Reading::First(0.0)));
        for none in [json!({"content": null, "reasoning_content": "A"}), json!({"content": [{"type": "image"}]})] {
            assert!(matches!(chat.read(&reply(none)), Some(Reading::Abstain(_))));
        }
        assert_eq!(chat.read(&json!({"error": "?"})), None);
        for (reason, whole) in
            [("stop", true), ("eos_token", true), ("content_filter", false), ("error", false), ("abort", false)]
        {
            let read = chat.read(&json!({"choices": [{"message": {"content": "A"}, "finish_reason": reason}]}));
            assert_eq!(read == Some(Reading::First(1.0)), whole, "{reason}: {read:?}");
        }
        let read = chat.read(&json!({"choices": [{"message": {"content": "A"}, "error": {"message": "x"}}]}));
        assert!(matches!(read, Some(Reading::Abstain(_))));
    }
}
