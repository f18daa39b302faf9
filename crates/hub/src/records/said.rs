//! Responses that a policy generated, as a run records them in the column `said` beside the texts.

use serde::ser::SerializeMap;
use serde_json::Value;

use super::Text;
use crate::json::Json;

/// The column of a row that tells how its responses were generated.
pub(super) const COLUMN: &str = "said";

/// A response of a policy. Its text may not give its tokens back, because it was cut off inside a character, or because
/// a tokenizer reads the text otherwise than the policy wrote it. Then the ids are stored beside the text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Said {
    pub text: String,
    /// True if the policy ended the response with an end token; false if it was cut off.
    pub ended: bool,
    pub ids: Option<Ids>,
}

/// The response's tokens, including its end token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ids {
    pub ids: Vec<u32>,
    /// The digest of the tokenizer that defines the ids.
    pub tokenizer: String,
}

impl Said {
    /// Returns the value of this response in the column `said`.
    pub fn to_json(&self) -> Value {
        match &self.ids {
            None => serde_json::json!({ "ended": self.ended }),
            Some(Ids { ids, tokenizer }) => {
                serde_json::json!({ "ended": self.ended, "ids": ids, "tokenizer": tokenizer })
            }
        }
    }

    fn parse(text: &str, value: &Json) -> Option<Self> {
        let map = value.as_object()?;
        let known = |key: &str| matches!(key, "ended" | "ids" | "tokenizer");
        let given = |key: &str| map.get(key).filter(|value| !value.is_null());
        let id = |value: &Json| u32::try_from(value.as_u64()?).ok();
        let ids = match (given("ids"), given("tokenizer")) {
            (None, None) => None,
            (Some(ids), Some(tokenizer)) => {
                let ids = ids.as_list()?.iter().map(id).collect::<Option<Vec<u32>>>()?;
                Some(Ids { ids, tokenizer: tokenizer.as_str()?.to_owned() })
            }
            _ => return None,
        };
        let ended = given("ended")?.as_bool()?;
        map.iter().all(|(key, _)| known(key)).then(|| Self { text: text.to_owned(), ended, ids })
    }
}

/// Writes texts of a row under the names of their columns, so that `read` gives them back: a prompt's tools and variables,
/// and in the column `said` what texts do not tell of a response. `more` writes the row's other columns.
pub fn write_row<M: SerializeMap>(
    map: &mut M,
    texts: &[(&str, &Text)],
    more: impl FnOnce(&mut M) -> Result<(), M::Error>,
) -> Result<(), M::Error> {
    let mut said = serde_json::Map::new();
    for (name, text) in texts {
        match text {
            Text::Plain(text) => map.serialize_entry(name, text)?,
            Text::Chat(chat) => map.serialize_entry(name, &chat.messages)?,
            Text::Said(own) => {
                map.serialize_entry(name, &own.text)?;
                said.insert((*name).to_owned(), own.to_json());
            }
        }
    }
    let chats = texts.iter().filter_map(|(_, text)| if let Text::Chat(chat) = text { Some(chat) } else { None });
    for chat in chats {
        if let Some(tools) = &chat.tools {
            map.serialize_entry("tools", tools)?;
        }
        if !chat.kwargs.is_empty() {
            map.serialize_entry("chat_template_kwargs", &chat.kwargs)?;
        }
    }
    more(map)?;
    if said.is_empty() { Ok(()) } else { map.serialize_entry(COLUMN, &said) }
}

/// The response that stands in `column`, with what a row's column `said` tells of that column. A `said` that does not name
/// the column leaves the response as it is. Anything else in `said` is an error.
pub(super) fn with_said(said: &Json, column: &str, text: Text) -> Result<Text, String> {
    let Some(of) = said.as_object().and_then(|said| said.get(column)).filter(|of| !of.is_null()) else {
        return Ok(text);
    };
    let Text::Plain(text) = text else { return Err(format!("`said` tells of `{column}`, which is no string")) };
    let wanted = "an object with `ended`, and with `ids` and `tokenizer` or neither";
    Said::parse(&text, of).map(Text::Said).ok_or_else(|| format!("`said.{column}`: expected {wanted}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(said: &str) -> Result<Text, String> {
        let said: Json = serde_json::from_str(said).unwrap();
        with_said(&said, "chosen", Text::Plain("ho".into()))
    }

    #[test]
    fn what_was_said_is_written_and_read_back() {
        let ids = Ids { ids: vec![5, 0, u32::MAX], tokenizer: "abc".into() };
        for (ended, ids) in [(true, None), (false, None), (true, Some(ids.clone())), (false, Some(ids))] {
            let said = Said { text: "ho".into(), ended, ids };
            let column = serde_json::json!({ "chosen": said.to_json(), "rejected": null });
            assert_eq!(read(&column.to_string()), Ok(Text::Said(said)));
        }
        assert_eq!(read("{}"), Ok(Text::Plain("ho".into())), "other columns only");
        // Structs of Parquet have every key.
        let parquet = read(r#"{"chosen": {"ended": true, "ids": null, "tokenizer": null}}"#);
        assert_eq!(parquet, Ok(Text::Said(Said { text: "ho".into(), ended: true, ids: None })));
    }

    #[test]
    fn a_column_that_is_not_understood_is_an_error() {
        for wrong in [
            r#"{"chosen": true}"#,
            r#"{"chosen": {}}"#,
            r#"{"chosen": {"ended": 1}}"#,
            r#"{"chosen": {"ended": true, "ids": [1]}}"#,
            r#"{"chosen": {"ended": true, "tokenizer": "abc"}}"#,
            r#"{"chosen": {"ended": true, "ids": [-1], "tokenizer": "abc"}}"#,
            r#"{"chosen": {"ended": true, "ids": [1.5], "tokenizer": "abc"}}"#,
            r#"{"chosen": {"ended": true, "more": 1}}"#,
        ] {
            assert!(read(wrong).unwrap_err().contains("`said.chosen`"), "{wrong}");
        }
    }
}
