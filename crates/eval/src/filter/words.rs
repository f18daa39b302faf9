//! Word sorting: finds the row's words in the response, and their order.

use crate::Error;
use crate::data::Doc;
use crate::python::words;

/// Returns the words after `List:` in the row, by their last positions in the response, joined by spaces.
///
/// Like lm-eval's pattern `\bWORD\b|\bWORD\b|...`: at each position the words are tried in the order of the list, and a
/// found word is skipped. lm-eval treats words as patterns; here they are literal, and the lists have only letters.
pub fn order(doc: &Doc, response: &str) -> Result<String, Error> {
    let input = doc.text("input")?;
    let list = input.split("List:").nth(1).ok_or_else(|| doc.error("`input` has no `List:`"))?;
    let known: Vec<&str> = words(list).collect();
    let (mut order, mut at): (Vec<&str>, usize) = (Vec::new(), 0);
    while let Some(next) = response[at..].chars().next() {
        match known.iter().find(|word| stands(word, response, at)) {
            Some(word) => {
                order.retain(|earlier| earlier != word);
                order.push(word);
                at += word.len();
            }
            None => at += next.len_utf8(),
        }
    }
    Ok(order.join(" "))
}

/// Tells whether the word begins at byte `at`, with a word boundary at either end.
fn stands(word: &str, response: &str, at: usize) -> bool {
    response[at..].starts_with(word) && boundary(response, at) && boundary(response, at + word.len())
}

fn boundary(text: &str, at: usize) -> bool {
    let in_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    in_word(text[..at].chars().next_back()) != in_word(text[at..].chars().next())
}
