//! Multiple choice answered in words: a letter in brackets, else the text of an option, else a letter after a colon.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::data::Doc;
use crate::error::Error;
use crate::python::{Pattern, Select, strip};

static LETTER: LazyLock<Pattern> = LazyLock::new(|| Pattern::python(r"(\([A-Z]\))"));
static OPTION: LazyLock<Pattern> = LazyLock::new(|| Pattern::python(r"\([A-Z]\)([^\n^(]*)"));
static PUNCTUATION: LazyLock<Pattern> = LazyLock::new(|| Pattern::rust(r"\p{P}"));

pub fn find(doc: &Doc, response: &str, select: Select) -> Result<Option<String>, Error> {
    if let Some(letter) = LETTER.find(response, select)? {
        return Ok(Some(letter));
    }
    let options = options(doc.text("input")?)?;
    if let Some(answer) = by_text(&options, &plain(response)?, select)? {
        return Ok(Some(answer));
    }
    by_letter(options.len(), response, select)
}

/// The texts of a row's options, plain.
fn options(input: &str) -> Result<Vec<String>, Error> {
    let found = OPTION.findall(input)?;
    found.iter().map(|groups| plain(strip(groups.first().copied().unwrap_or_default()))).collect()
}

/// In lower case and without punctuation.
fn plain(text: &str) -> Result<String, Error> {
    PUNCTUATION.remove(&text.to_lowercase())
}

/// The letter of the option whose text stands in the response. Longer texts are tried first, so that an option that
/// begins another cannot hide it. A found text that is no option once it is stripped is the answer itself.
fn by_text(options: &[String], response: &str, select: Select) -> Result<Option<String>, Error> {
    let letters: HashMap<&str, String> = options.iter().enumerate().map(|(i, text)| (text.as_str(), bracketed(i))).collect();
    let mut texts: Vec<&String> = options.iter().collect();
    texts.sort_by_key(|text| std::cmp::Reverse(escaped_length(text)));
    let sources: Vec<_> = texts.iter().map(|text| fancy_regex::escape(text)).collect();
    let found = Pattern::rust(sources.join("|")).find(response, select)?;
    Ok(found.filter(|text| !text.is_empty()).map(|text| letters.get(text.as_str()).cloned().unwrap_or(text)))
}

fn by_letter(options: usize, response: &str, select: Select) -> Result<Option<String>, Error> {
    let letters: Vec<String> = (0..options).map(|i| fancy_regex::escape(&letter(i).to_string()).into_owned()).collect();
    let pattern = Pattern::python(&format!(r":[\s]*({})", letters.join("|")));
    let found = pattern.find(response, select)?.filter(|letter| !letter.is_empty());
    Ok(found.map(|letter| format!("({letter})")))
}

fn letter(i: usize) -> char {
    char::from(b'A'.saturating_add(u8::try_from(i).unwrap_or(u8::MAX)))
}

fn bracketed(i: usize) -> String {
    format!("({})", letter(i))
}

/// The length of `re.escape(text)`, by which lm-eval orders the options.
fn escaped_length(text: &str) -> usize {
    let special = |c: &char| "\\.^$*+?{}[]|()-&~# \t\n\r\x0b\x0c".contains(*c);
    text.chars().count() + text.chars().filter(special).count()
}
