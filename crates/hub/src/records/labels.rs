//! Recorded labels: which of two responses people, or a judge that no longer exists, preferred.

use std::path::Path;

use super::columns::{Fields, probability};
use super::sides::{self, Texts};
use super::{Fault, Read, Reading, Text, read_as};
use crate::Error;

/// A label, with the texts that an oracle sees.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    pub prompt: String,
    pub first: String,
    pub second: String,
    /// The probability that the first response is better, in 0..=1; 0.5 is a tie.
    pub probability: f64,
}

/// Reads the labels of a file of any format that `read` knows, by the same rules. A row has `prompt` with `chosen` and
/// `rejected`, or with `first`, `second` and one of `preferred` (`first`, `second`, `tie`) and `probability` (that the
/// first is better). A response that is a chat is one message of the assistant; a row with more messages is bad.
pub fn labels(path: &Path, reading: &Reading) -> Result<Read<Label>, Error> {
    // Two people may have been shown the same response twice; a prompt is a key here, and nothing is sampled from it.
    let reading = Reading { continues: true, pairs: true, ..reading.clone() };
    read_as(&[path.to_owned()], &reading, |mapping, row| {
        label(&mapping.fields(row)?, &reading).map_err(|fault| Fault {
            help: fault.help.or_else(|| {
                Some(
                    "a row has `prompt` with `chosen` and `rejected`, or with `first`, `second` and `preferred` or \
                     `probability`"
                        .to_owned(),
                )
            }),
            ..fault
        })
    })
}

fn label(fields: &Fields<'_>, reading: &Reading) -> Result<Label, Fault> {
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
    let Texts { prompt, chosen, rejected, tools, kwargs, .. } = fields.texts(reading)?;
    let (first, second, probability) = match (fields.text("first")?, fields.text("second")?, chosen, rejected) {
        (Some(first), Some(second), None, None) => match said {
            Some(said) => (first, second, said),
            None => return Err(Fault::at(1, "neither `preferred` nor `probability`")),
        },
        (None, None, Some(_), Some(_)) if preferred.is_some() => {
            let message = "`preferred` is about `first` and `second`, and the row has `chosen` and `rejected`";
            return Err(Fault::at(1, message));
        }
        (None, None, Some(chosen), Some(rejected)) => (chosen, rejected, said.unwrap_or(1.0)),
        _ => return Err(Fault::at(1, "neither `first` and `second` nor `chosen` and `rejected`")),
    };
    let texts = Texts { prompt, completion: None, chosen: Some(first), rejected: Some(second), tools, kwargs };
    let sides = sides::settle(texts, reading)?;
    let [first, second] = [sides.chosen, sides.rejected].map(|text| response(text.as_ref()));
    Ok(Label { prompt: sides.prompt.shown(), first: first?, second: second?, probability })
}

/// Returns a response as an oracle sees it: the text that the model wrote.
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
