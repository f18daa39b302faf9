//! Multiple choice answered in words: finds a letter in brackets, else the text of an option, else a letter after a
//! colon.

use std::cmp::Reverse;
use std::sync::LazyLock;

use crate::Error;
use crate::data::Doc;
use crate::python::{Pattern, Select, strip};

static BRACKETED: LazyLock<Pattern> = LazyLock::new(|| Pattern::python(r"(\([A-Z]\))"));
static AFTER_COLON: LazyLock<Pattern> = LazyLock::new(|| Pattern::python(r":[\s]*([A-Z])"));
static OPTION: LazyLock<Pattern> = LazyLock::new(|| Pattern::python(r"\([A-Z]\)([^\n^(]*)"));
static PUNCTUATION: LazyLock<Pattern> = LazyLock::new(|| Pattern::rust(r"\p{P}"));

pub fn find(doc: &Doc, response: &str, select: Select) -> Result<Option<String>, Error> {
    if let Some(letter) = BRACKETED.find(response, select)? {
        return Ok(Some(letter));
    }
    let options = options(doc.text("input")?)?;
    match by_text(&options, &plain(response)?, select) {
        Some(answer) => Ok(Some(answer)),
        None => by_letter(options.len(), response, select),
    }
}

/// Returns the texts of a row's options, plain.
fn options(input: &str) -> Result<Vec<String>, Error> {
    let found = OPTION.findall(input)?;
    found.iter().map(|groups| plain(strip(groups.first().copied().unwrap_or_default()))).collect()
}

/// Returns a text in lower case and without punctuation.
fn plain(text: &str) -> Result<String, Error> {
    PUNCTUATION.remove(&text.to_lowercase())
}

/// Returns the letter of the option whose text is in the response; among equal options that of the last one. A found
/// text that equals no option after stripping is the answer itself.
fn by_text(options: &[String], response: &str, select: Select) -> Option<String> {
    let text = strip(select.of(&occurrences(options, response))?);
    let letter = options.iter().rposition(|option| option == text).and_then(letter);
    (!text.is_empty()).then(|| letter.map_or(text.to_owned(), |letter| format!("({letter})")))
}

/// Returns the options' texts in the response, from left to right. Longer ones are tried first, so that an option that
/// begins another cannot hide it. An empty option matches wherever no other does.
fn occurrences<'t>(options: &[String], response: &'t str) -> Vec<&'t str> {
    let mut texts: Vec<&String> = options.iter().collect();
    texts.sort_by_key(|text| Reverse(text.len()));
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(rest) = response.get(at..) {
        let text = texts.iter().find(|text| rest.starts_with(text.as_str()));
        found.extend(text.map(|text| &rest[..text.len()]));
        let step = rest.chars().next().map_or(1, char::len_utf8);
        at += text.map(|text| text.len()).filter(|length| *length > 0).unwrap_or(step);
    }
    found
}

fn by_letter(options: usize, response: &str, select: Select) -> Result<Option<String>, Error> {
    let letters: Vec<char> = (0..options).filter_map(letter).collect();
    let mut found: Vec<&str> = AFTER_COLON.findall(response)?.into_iter().flatten().collect();
    found.retain(|letter| letters.iter().any(|known| letter.starts_with(*known)));
    Ok(select.of(&found).map(|letter| format!("({letter})")))
}

fn letter(option: usize) -> Option<char> {
    ('A'..='Z').nth(option)
}
