//! Labels that were recorded: which of two responses people, or a judge that is gone, preferred.

use std::path::Path;

use super::columns::{Fields, probability};
use super::{Fault, Reading, Row, Text, rows, sides, values};
use crate::Error;

/// A label, by the texts that an oracle sees.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    pub prompt: String,
    pub first: String,
    pub second: String,
    /// That the first response is better, in 0..=1; 0.5 is a tie.
    pub probability: f64,
}

/// The columns of labels.
const COLUMNS: [&str; 9] =
    ["prompt", "first", "second", "chosen", "rejected", "preferred", "probability", "tools", "chat_template_kwargs"];

/// Reads the labels of a file of any format that `read` knows. A row has `prompt` with `chosen` and `rejected`, or with
/// `first`, `second` and one of `preferred` (`first`, `second`, `tie`) and `probability` (that the first is better). Texts
/// may be chats in the forms that `read` takes; a response that is a chat is one message of the assistant. Other columns
/// may be there, and nothing of them is read. The first row that does not fit is an error.
pub fn labels(path: &Path) -> Result<Vec<Label>, Error> {
    let (mut labels, mut bad) = (Vec::new(), None);
    rows(path, &COLUMNS, |row| match label(&row) {
        Ok(label) => {
            labels.push(label);
            true
        }
        Err(Fault { column, message, help }) => {
            let help = help.unwrap_or_else(|| {
                "a row has `prompt` with `chosen` and `rejected`, or with `first`, `second` and `preferred` or \
                 `probability`"
                    .to_owned()
            });
            bad = Some(Error::at_line(path, row.line, column, message).help(help));
            false
        }
    })?;
    bad.map_or(Ok(labels), Err)
}

fn label(row: &Row<'_>) -> Result<Label, Fault> {
    let fields = Fields::of(row, COLUMNS.into_iter().map(|name| (name, name)))?;
    let preferred = fields.convert("preferred", "first, second or tie", |value| match value.as_str()? {
        "first" => Some(1.0),
        "second" => Some(0.0),
        "tie" => Some(0.5),
        _ => None,
    })?;
    let said = match (preferred, fields.convert("probability", "a number in 0..=1", probability)?) {
        (Some(_), Some(_)) => return Err(Fault::at(1, "both `preferred` and `probability`")),
        (preferred, said) => preferred.or(said),
    };
    let texts = (fields.text("first")?, fields.text("second")?, fields.text("chosen")?, fields.text("rejected")?);
    let (first, second, probability) = match texts {
        (Some(first), Some(second), None, None) => match said {
            Some(said) => (first, second, said),
            None => return Err(Fault::at(1, "neither `preferred` nor `probability`")),
        },
        (None, None, Some(chosen), Some(rejected)) => (chosen, rejected, said.unwrap_or(1.0)),
        _ => return Err(Fault::at(1, "neither `first` and `second` nor `chosen` and `rejected`")),
    };
    let texts = sides::Texts {
        prompt: fields.text("prompt")?,
        completion: None,
        chosen: Some(first),
        rejected: Some(second),
        tools: fields.parsed("tools", values::tools)?,
        kwargs: fields.parsed("chat_template_kwargs", values::kwargs)?,
    };
    // Two people may have been shown the same response twice; a prompt is a key here, and nothing is sampled from it.
    let sides = sides::settle(texts, &Reading { continues: true, ..Reading::default() })?;
    let [first, second] = [sides.chosen, sides.rejected].map(|text| response(text.as_ref()));
    Ok(Label { prompt: sides.prompt.shown(), first: first?, second: second?, probability })
}

/// A response as an oracle sees it: what the model wrote.
fn response(text: Option<&Text>) -> Result<String, Fault> {
    match text {
        Some(text @ (Text::Plain(_) | Text::Said(_))) => Ok(text.shown()),
        Some(Text::Chat(chat)) => match chat.messages.as_slice() {
            [only] if only.others().next().is_none() => Ok(only.text().into_owned()),
            _ => Err(Fault::at(1, "a recorded response has several messages, or fields besides `content`")
                .help("a response is a text, or one message of the assistant with its `content`")),
        },
        None => Err(Fault::at(1, "a response is missing")),
    }
}
