//! A row's prompt and responses, brought from the forms that data sets have to a single one.

use super::{Fault, Reading, Text};
use crate::json::{Json, Object};
use crate::{Chat, Message};

/// The texts of a row.
pub(super) struct Texts {
    pub prompt: Option<Text>,
    pub completion: Option<Text>,
    pub chosen: Option<Text>,
    pub rejected: Option<Text>,
    pub tools: Option<Json>,
    pub kwargs: Option<Object>,
}

/// A prompt and its responses. If one of them is a chat, the prompt is a chat too; a response that is a chat begins
/// with the assistant's turn.
pub(super) struct Sides {
    pub prompt: Text,
    pub completion: Option<Text>,
    pub chosen: Option<Text>,
    pub rejected: Option<Text>,
}

/// Brings a row to its final form:
///
/// - without a prompt, the prompt is the common beginning of `chosen` and `rejected`;
/// - a prompt that is a text becomes a user message, if a response is a chat or the reader asks for chats;
/// - tools and variables of the template belong to the prompt;
/// - a response that repeats the prompt's messages at its beginning is cut after them.
///
/// A row that does not fit this form is a fault.
pub(super) fn settle(texts: Texts, reading: &Reading) -> Result<Sides, Fault> {
    let Texts { prompt, mut completion, chosen, rejected, tools, kwargs } = texts;
    let (prompt, mut chosen, mut rejected) = match (prompt, chosen, rejected) {
        (Some(prompt), chosen, rejected) => (prompt, chosen, rejected),
        (None, Some(chosen), Some(rejected)) => {
            let (prompt, chosen, rejected) = shared_prompt(chosen, rejected).map_err(|why| Fault::at(1, why))?;
            // The same column under another name.
            match reading.columns.completion.as_deref() {
                Some(column) if column == reading.columns.chosen.as_deref().unwrap_or("chosen") => {
                    completion = Some(chosen.clone());
                }
                Some(column) if column == reading.columns.rejected.as_deref().unwrap_or("rejected") => {
                    completion = Some(rejected.clone());
                }
                _ => {}
            }
            (prompt, Some(chosen), Some(rejected))
        }
        _ => return Err(Fault::at(1, format!("no `{}`", reading.columns.prompt.as_deref().unwrap_or("prompt")))),
    };
    let mut responses = [&mut completion, &mut chosen, &mut rejected];
    let is_chat = reading.asks || responses.iter().any(|response| matches!(response, Some(Text::Chat(_))));
    let prompt = asked(prompt, is_chat, tools, kwargs, reading)?;
    if let Text::Chat(chat) = &prompt {
        can_be_answered(chat, reading)?;
        for response in responses.iter_mut().filter_map(|response| response.as_mut()) {
            answers(response, chat)?;
        }
    }
    Ok(Sides { prompt, completion, chosen, rejected })
}

fn asked(
    prompt: Text,
    is_chat: bool,
    tools: Option<Json>,
    kwargs: Option<Object>,
    reading: &Reading,
) -> Result<Text, Fault> {
    let prompt = match prompt {
        Text::Plain(text) if is_chat => Text::Chat(vec![Message::new("user", text)].into()),
        prompt => prompt,
    };
    match prompt {
        Text::Chat(chat) => Ok(Text::Chat(Chat { tools, kwargs: kwargs.unwrap_or_default(), ..chat })),
        Text::Plain(_) if tools.is_some() || kwargs.is_some() => {
            let field = if tools.is_some() { "tools" } else { "chat_template_kwargs" };
            let message = format!("`{field}` is for a chat template, and the prompt is a text");
            Err(Fault::at(1, message).help(format!(
                "give the prompt as messages, or leave the column out: {}",
                reading.setting(field, "\"\"")
            )))
        }
        prompt => Ok(prompt),
    }
}

/// Returns a fault if the prompt ends with the assistant's turn and the reader does not allow responses to continue it.
fn can_be_answered(chat: &Chat, reading: &Reading) -> Result<(), Fault> {
    if !chat.continues() {
        return Ok(());
    }
    if !reading.continues {
        let message = "the prompt ends with a turn of the assistant";
        return Err(Fault::at(1, message).help(format!(
            "end it with the user's turn, or have that turn continued by the response: {}",
            reading.setting("prefill", "continue")
        )));
    }
    match chat.messages.last().and_then(|last| last.others().next()) {
        Some((field, _)) => {
            Err(Fault::at(1, format!("the assistant's turn that the response continues has a field `{field}`"))
                .help("a turn that is continued has a `role` and a `content`"))
        }
        None => Ok(()),
    }
}

fn answers(response: &mut Text, prompt: &Chat) -> Result<(), Fault> {
    let Text::Chat(Chat { messages, .. }) = response else { return Ok(()) };
    if messages.starts_with(&prompt.messages) {
        messages.drain(..prompt.messages.len());
    }
    match messages.first() {
        Some(first) if first.role() == "assistant" => match first.others().next() {
            Some((field, _)) if prompt.continues() => {
                Err(Fault::at(1, format!("the response continues the prompt's last turn, and has a field `{field}`"))
                    .help("a turn that is continued has a `role` and a `content`"))
            }
            _ => Ok(()),
        },
        _ => Err(Fault::at(1, "a response has no turn of the assistant after its prompt").help(
            "a response is a text, or messages that begin with the assistant's, with the prompt in front or not",
        )),
    }
}

/// Returns a fault if pairs are read and only one side is present, or both are equal. Two responses of one text are not
/// equal if they have other tokens, or if one of them was cut off.
pub(super) fn pair(chosen: Option<&Text>, rejected: Option<&Text>, reading: &Reading) -> Result<(), Fault> {
    if !reading.pairs {
        return Ok(());
    }
    if chosen.is_some() != rejected.is_some() {
        let one = if chosen.is_some() { "chosen" } else { "rejected" };
        let fault = Fault::at(1, "the row has one of `chosen` and `rejected` alone");
        return Err(match one {
            // Nobody imitates what was rejected.
            "rejected" => fault.help("a pair has both: add what was chosen, or remove the row"),
            _ => fault.help(format!(
                "a pair has both; of demonstrations map the one column: {}, {}",
                reading.setting("completion", &format!("\"{one}\"")),
                reading.setting(one, "\"\"")
            )),
        });
    }
    if chosen.is_some() && chosen == rejected {
        return Err(Fault::at(1, "`chosen` and `rejected` are the same")
            .help("a pair prefers one of two responses: remove the row"));
    }
    Ok(())
}

/// Returns the common beginning of two completions as the prompt, and both without it, as TRL's `extract_prompt` does.
/// Of chats it takes whole messages, and each side keeps at least one; of strings it takes characters, without a last
/// space. If one string begins with all of the other, TRL keeps that one's last character as the response; here that is
/// an error.
fn shared_prompt(chosen: Text, rejected: Text) -> Result<(Text, Text, Text), String> {
    let nothing = || "no prompt, and `chosen` and `rejected` begin differently".to_owned();
    let same = || "no prompt, and `chosen` and `rejected` are the same".to_owned();
    match (chosen, rejected) {
        (Text::Chat(chosen), Text::Chat(rejected)) => {
            let (mut chosen, mut rejected) = (chosen.messages, rejected.messages);
            let shared = chosen.iter().zip(&rejected).take_while(|(a, b)| a == b).count();
            match shared.min(chosen.len() - 1).min(rejected.len() - 1) {
                _ if chosen == rejected => Err(same()),
                0 => Err(nothing()),
                shared => {
                    let ends = (chosen.split_off(shared), rejected.split_off(shared));
                    Ok((Text::Chat(chosen.into()), Text::Chat(ends.0.into()), Text::Chat(ends.1.into())))
                }
            }
        }
        (Text::Plain(chosen), Text::Plain(rejected)) => {
            let shared = chosen.chars().zip(rejected.chars()).take_while(|(a, b)| a == b);
            let shared: usize = shared.map(|(c, _)| c.len_utf8()).sum();
            if chosen == rejected {
                return Err(same());
            }
            if shared == chosen.len().min(rejected.len()) {
                let why = "no prompt, and of `chosen` and `rejected` one is the beginning of the other";
                return Err(format!("{why}: where the prompt ends can't be told"));
            }
            let shared = chosen[..shared].strip_suffix(' ').map_or(shared, str::len);
            let (prompt, chosen, rejected) = (&chosen[..shared], &chosen[shared..], &rejected[shared..]);
            if prompt.is_empty() {
                return Err(nothing());
            }
            let plain = |text: &str| Text::Plain(text.to_owned());
            Ok((plain(prompt), plain(chosen), plain(rejected)))
        }
        _ => Err("no prompt, and of `chosen` and `rejected` one is a string and one a chat".to_owned()),
    }
}
