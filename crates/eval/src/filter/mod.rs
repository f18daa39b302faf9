//! Filters of lm-eval that extract answers from generated text, as the benchmarks use them
//! (`lm_eval/filters/extraction.py`, `lm_eval/tasks/bbh/zeroshot/utils.py`).

mod choice;
mod number;
mod words;

use crate::Error;
use crate::data::Doc;
use crate::python::{Pattern, Select, strip};

/// The answer if nothing was found.
pub const INVALID: &str = "[invalid]";

/// One step from text to answer.
#[derive(Debug)]
pub enum Filter {
    /// The match of a pattern.
    Regex(Pattern, Select),
    /// The text without white space at either end.
    Strip,
    /// The meaning of a phrase in the response in lower case.
    Phrases(Phrases, Select),
    /// A number in digits, or in English words.
    Number(Select),
    /// The words of the row's list, in the order of their last positions in the response.
    Words,
    /// `(A)`, the text of an option, or a letter after a colon.
    Choice(Select),
}

#[derive(Debug)]
pub struct Phrases {
    any: Pattern,
    meanings: Vec<(Pattern, &'static str)>,
}

impl Phrases {
    /// Takes pairs of a pattern and its meaning; the first that matches counts.
    pub fn new(meanings: &[(&str, &'static str)]) -> Self {
        let sources: Vec<&str> = meanings.iter().map(|(source, _)| *source).collect();
        let compile = |(source, meaning): &(&str, &'static str)| (Pattern::python(source), *meaning);
        Self { any: Pattern::python(&sources.join("|")), meanings: meanings.iter().map(compile).collect() }
    }

    fn find(&self, response: &str, select: Select) -> Result<Option<String>, Error> {
        let Some(phrase) = self.any.find(&response.to_lowercase(), select)? else { return Ok(None) };
        for (pattern, meaning) in &self.meanings {
            if pattern.find(&phrase, select)?.is_some_and(|found| !found.is_empty()) {
                return Ok(Some((*meaning).to_owned()));
            }
        }
        Ok(None)
    }
}

impl Filter {
    pub fn apply(&self, doc: &Doc, response: &str) -> Result<String, Error> {
        let answer = match self {
            Filter::Strip => Some(strip(response).to_owned()),
            Filter::Words => Some(words::order(doc, response)?),
            Filter::Regex(pattern, select) => pattern.find(response, *select)?,
            Filter::Phrases(phrases, select) => phrases.find(response, *select)?,
            Filter::Number(select) => number::find(response, *select)?,
            Filter::Choice(select) => choice::find(doc, response, *select)?,
        };
        Ok(answer.unwrap_or_else(|| INVALID.to_owned()))
    }
}

/// Filters in order, and the name under which results list them.
#[derive(Debug)]
pub struct Chain {
    pub name: &'static str,
    pub filters: Vec<Filter>,
}

impl Chain {
    pub fn new(name: &'static str, filters: Vec<Filter>) -> Self {
        Self { name, filters }
    }

    pub fn apply(&self, doc: &Doc, response: &str) -> Result<String, Error> {
        self.filters.iter().try_fold(response.to_owned(), |text, filter| filter.apply(doc, &text))
    }
}
