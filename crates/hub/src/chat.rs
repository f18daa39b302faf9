//! Chats as `apply_chat_template` of transformers takes them: messages with all their fields, tools, and settings of
//! the template.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::json::{Json, Object};
use crate::quoted;

/// One message of a chat: a role, a content, and every other field that the data gives, for the template to read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Json")]
pub struct Message(Object);

/// The names under which data gives the assistant's reasoning; transformers hands it to templates under the first two.
const REASONING: [&str; 3] = ["reasoning_content", "thinking", "reasoning"];

impl Message {
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        let text = |key: &str, text: String| (key.to_owned(), Json::Text(text));
        Self([text("role", role.into()), text("content", content.into())].into_iter().collect())
    }

    /// Returns the role: `system`, `user`, `assistant` or `tool`; a template may know others.
    pub fn role(&self) -> &str {
        self.0.get("role").and_then(Json::as_str).unwrap_or_default()
    }

    /// Returns the text of the content; for a list of parts, their texts joined. It is empty if there is no content, as
    /// in a message that only calls tools.
    pub fn text(&self) -> Cow<'_, str> {
        match self.0.get("content") {
            Some(Json::Text(text)) => Cow::Borrowed(text),
            Some(Json::List(parts)) => {
                Cow::Owned(parts.iter().filter_map(|part| part.as_object()?.get("text")?.as_str()).collect())
            }
            _ => Cow::Borrowed(""),
        }
    }

    /// Returns the message with another text as its content.
    pub fn with_text(&self, text: impl Into<String>) -> Self {
        let mut fields = self.0.clone();
        fields.set("content", Json::Text(text.into()));
        Self(fields)
    }

    /// Returns the fields besides `role` and `content`.
    pub fn others(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().filter(|(key, _)| *key != "role" && *key != "content")
    }

    /// Returns the fields as transformers gives them to a template: reasoning goes by `reasoning_content` and
    /// `thinking`.
    fn fields(&self) -> Cow<'_, Object> {
        let Some(reasoning) = REASONING.iter().find_map(|key| self.0.get(key)) else { return Cow::Borrowed(&self.0) };
        let first = ("thinking", self.0.get("thinking").unwrap_or(reasoning));
        let fields =
            self.0.iter().map(|(key, value)| (key, if key == "reasoning_content" { reasoning } else { value }));
        let last = self.0.get("reasoning_content").is_none().then_some(("reasoning_content", reasoning));
        let fields = [first].into_iter().chain(fields.filter(|(key, _)| *key != "thinking")).chain(last);
        Cow::Owned(fields.map(|(key, value)| (key.to_owned(), value.clone())).collect())
    }
}

/// Takes a message with all its fields. Refuses messages that templates would misread: without a role, without content,
/// with parts that are not texts, or with a known field of the wrong type. Fields that are null count as absent, as in
/// transformers.
impl TryFrom<Json> for Message {
    type Error = String;

    fn try_from(value: Json) -> Result<Self, String> {
        let Json::Object(fields) = value else {
            return Err(format!("expected a message with `role` and `content`, found `{}`", short(&value)));
        };
        let fields: Object = fields.into_iter().filter(|(_, value)| !value.is_null()).collect();
        match fields.get("role") {
            Some(Json::Text(role)) if !role.is_empty() => {}
            Some(role) => return Err(format!("`role` of a message: expected a string, found `{}`", short(role))),
            None => return Err("a message has no `role`".to_owned()),
        }
        match fields.get("content") {
            Some(Json::Text(_)) => {}
            Some(Json::List(parts)) if !parts.is_empty() => parts.iter().try_for_each(check_part)?,
            Some(other) => {
                return Err(format!(
                    "`content` of a message: expected a string or a list of parts, found `{}`",
                    short(other)
                ));
            }
            None if fields.get("tool_calls").is_some() || REASONING.iter().any(|key| fields.get(key).is_some()) => {}
            None => return Err("a message has no `content`".to_owned()),
        }
        for key in REASONING.into_iter().chain(["name", "tool_call_id"]) {
            if let Some(other) = fields.get(key).filter(|value| value.as_str().is_none()) {
                return Err(format!("`{key}` of a message: expected a string, found `{}`", short(other)));
            }
        }
        if let Some(calls) = fields.get("tool_calls") {
            check_calls(calls)?;
        }
        Ok(Self(fields))
    }
}

fn check_part(part: &Json) -> Result<(), String> {
    let kind = part.as_object().and_then(|part| part.get("type")).and_then(Json::as_str);
    let text = part.as_object().and_then(|part| part.get("text")).and_then(Json::as_str);
    match (kind, text) {
        (Some("text"), Some(_)) => Ok(()),
        (Some(kind), _) if kind != "text" => {
            Err(format!("`content` of a message has a part of type `{}`, and only texts are read", quoted(kind)))
        }
        _ => Err(format!("a part of a content is `{}`, not `{{ \"type\": \"text\", \"text\": ... }}`", short(part))),
    }
}

/// Checks that each call is an object with a `name`, either directly or under `function`.
fn check_calls(calls: &Json) -> Result<(), String> {
    let is_named = |call: &Json| {
        let call = call.as_object()?;
        let function = call.get("function").map_or(Some(call), Json::as_object)?;
        function.get("name")?.as_str().map(drop)
    };
    match calls.as_list() {
        Some(list) if list.iter().all(|call| is_named(call).is_some()) => Ok(()),
        _ => Err(format!("`tool_calls` of a message: expected a list of named calls, found `{}`", short(calls))),
    }
}

/// Returns a value in a message, cut short.
pub(crate) fn short(value: &Json) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// A chat: its messages, and everything else that its data gives to the template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Chat {
    /// The messages, at least one.
    pub messages: Vec<Message>,
    /// The tools that the assistant may call.
    pub tools: Option<Json>,
    /// Further variables of the template, as `enable_thinking`; they take precedence over the variables that every
    /// template has.
    pub kwargs: Object,
}

impl Chat {
    /// Returns the same chat with further messages at its end. If it ends with an assistant's turn that an answer
    /// continues, the text of the first message is added to that turn.
    pub fn then(&self, answer: &[Message]) -> Self {
        let mut chat = self.clone();
        let mut answer = answer;
        if let (true, Some((first, rest)), Some(last)) =
            (self.continues(), answer.split_first(), chat.messages.last_mut())
        {
            *last = last.with_text(format!("{}{}", last.text(), first.text()));
            answer = rest;
        }
        chat.messages.extend_from_slice(answer);
        chat
    }

    /// Tells whether the last turn is the assistant's, so that an answer continues it.
    pub fn continues(&self) -> bool {
        self.messages.last().is_some_and(|message| message.role() == "assistant")
    }

    /// Returns the messages as a template reads them.
    pub(crate) fn fields(&self) -> Vec<Cow<'_, Object>> {
        self.messages.iter().map(Message::fields).collect()
    }

    /// Returns the text that a person or a judge reads: tools first, then each message with its role before it and its
    /// other fields on their own lines. A single user message is shown as its content alone. Settings of the template
    /// are not shown.
    pub fn shown(&self) -> String {
        if let ([only], None) = (self.messages.as_slice(), &self.tools)
            && only.role() == "user"
            && only.others().next().is_none()
        {
            return only.text().into_owned();
        }
        let tools = self.tools.iter().map(|tools| format!("tools: {tools}"));
        tools.chain(self.messages.iter().map(shown)).collect::<Vec<_>>().join("\n\n")
    }
}

fn shown(message: &Message) -> String {
    let mut text = format!("{}: {}", message.role(), message.text());
    for (key, value) in message.others() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text.push_str(&format!("\n{key}: {value}"));
    }
    text
}

impl From<Vec<Message>> for Chat {
    fn from(messages: Vec<Message>) -> Self {
        Self { messages, ..Self::default() }
    }
}

impl From<&[Message]> for Chat {
    fn from(messages: &[Message]) -> Self {
        messages.to_vec().into()
    }
}

impl<const N: usize> From<&[Message; N]> for Chat {
    fn from(messages: &[Message; N]) -> Self {
        messages.to_vec().into()
    }
}

impl From<&Chat> for Chat {
    fn from(chat: &Chat) -> Self {
        chat.clone()
    }
}

impl From<&Vec<Message>> for Chat {
    fn from(messages: &Vec<Message>) -> Self {
        messages.clone().into()
    }
}
