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

/// The largest number of digits that a number with an exponent is written out to.
const DIGITS: usize = 400;

/// Returns the digits of a whole number that is written with a fraction of zeros or an exponent, as `5.0`, `5e2` and
/// `1e+16`.
pub(super) fn whole(number: &str) -> Option<String> {
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.parse::<i64>().ok()?)),
        None => (number, None),
    };
    let (integer, fraction) = match mantissa.split_once('.') {
        Some(parts) => parts,
        None if exponent.is_some() => (mantissa, ""),
        None => return None,
    };
    let (sign, integer) = integer.strip_prefix('-').map_or(("", integer), |digits| ("-", digits));
    let digits = format!("{integer}{fraction}");
    if digits.bytes().all(|byte| byte == b'0') {
        return Some("0".to_owned());
    }
    // The place of the point behind the exponent.
    let point = usize::try_from(i64::try_from(integer.len()).ok()?.checked_add(exponent.unwrap_or(0))?).ok()?;
    let (kept, rest) = digits.split_at_checked(point).unwrap_or((&digits, ""));
    if exponent.is_some() && point > DIGITS || rest.bytes().any(|byte| byte != b'0') {
        return None;
    }
    let kept = kept.trim_start_matches('0');
    let zeros = "0".repeat(point.saturating_sub(digits.len()));
    (!kept.is_empty()).then(|| format!("{sign}{kept}{zeros}"))
}

/// Returns a value in a message, cut short.
pub(super) fn short(value: &Json) -> String {
    format!("`{}`", chat::short(value))
}
