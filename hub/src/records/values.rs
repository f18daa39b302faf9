//! Converts values of a file to the values of a record.

use super::Text;
use crate::chat;
use crate::json::{Json, Object};
use crate::{Chat, Message};

/// Reads a string, or a chat of at least one message.
pub(super) fn text(value: &Json) -> Result<Text, String> {
    match value {
        Json::Text(text) => Ok(Text::Plain(text.clone())),
        Json::List(list) if !list.is_empty() => {
            let messages = list.iter().cloned().map(Message::try_from).collect::<Result<Vec<_>, _>>()?;
            Ok(Text::Chat(Chat::from(messages)))
        }
        _ => Err(format!("expected a string or a list of messages with `role` and `content`, found {}", short(value))),
    }
}

/// Reads tools as a template takes them: a list of objects, or its JSON as a text.
pub(super) fn tools(value: &Json) -> Result<Json, String> {
    let wrong = |value: &Json| format!("expected a list of tools, each an object, found {}", short(value));
    let value = match value {
        Json::Text(text) => serde_json::from_str(text).map_err(|_| wrong(value))?,
        value => value.clone(),
    };
    match value.as_list() {
        Some(list) if list.iter().all(|tool| tool.as_object().is_some()) => Ok(value),
        _ => Err(wrong(&value)),
    }
}

/// Arguments of `apply_chat_template` that are not variables of the template.
const TAKEN: [&str; 12] = [
    "conversation",
    "messages",
    "tools",
    "chat_template",
    "add_generation_prompt",
    "continue_final_message",
    "tokenize",
    "padding",
    "truncation",
    "max_length",
    "return_tensors",
    "return_dict",
];

/// Reads further variables of a template.
pub(super) fn kwargs(value: &Json) -> Result<Object, String> {
    let object = value.as_object().ok_or_else(|| format!("expected an object, found {}", short(value)))?;
    match object.iter().find(|(key, _)| TAKEN.contains(key)) {
        Some((key, _)) => Err(format!("`{key}` can't be set in a row")),
        None => Ok(object.clone()),
    }
}

/// Returns the digits of a number that is written with a fraction of zeros, as `5.0` and `5.00`.
pub(super) fn whole(number: &str) -> Option<String> {
    let (digits, zeros) = number.split_once('.')?;
    let fits = !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0');
    fits.then(|| if digits == "-0" { "0".to_owned() } else { digits.to_owned() })
}

/// Returns a value in a message, cut short.
pub(super) fn short(value: &Json) -> String {
    format!("`{}`", chat::short(value))
}
