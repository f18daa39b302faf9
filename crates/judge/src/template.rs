//! Prompt templates of judges: `{prompt}`, `{first}`, `{second}` and `{answer}` stand for the texts of a query.

use pbpo_outside::judge::{Misplaced, Piece, pieces};

use crate::{Error, Query};

/// A checked template.
#[derive(Clone, Debug)]
pub(crate) struct Template(Vec<Piece>);

impl Template {
    /// Reads a template. `{{` and `}}` stand for a brace. Both responses must be in it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        pieces(text).map(Self).map_err(|(at, what)| misplaced(text, at, &what))
    }

    /// Returns the template with the texts put in, or `None` if the template wants an answer and the query has none.
    /// Placeholders inside the texts are not replaced.
    pub fn fill(&self, query: &Query) -> Option<String> {
        let mut filled = String::new();
        for piece in &self.0 {
            filled.push_str(match piece {
                Piece::Text(text) => text,
                Piece::Prompt => &query.prompt,
                Piece::First => &query.first,
                Piece::Second => &query.second,
                Piece::Answer => query.answer.as_ref()?,
            });
        }
        Some(filled)
    }
}

fn misplaced(text: &str, at: usize, what: &Misplaced) -> Error {
    let what = match what {
        Misplaced::Lone(brace) => format!("a lone `{brace}`: write `{brace}{brace}` for a brace"),
        Misplaced::Unknown(name) => {
            let name: String = name.chars().take(40).collect();
            format!("unknown placeholder {{{name}}}: write `{{{{` for a brace")
        }
        Misplaced::Missing(name) => format!("the text ends without {{{name}}}"),
    };
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Error::new(format!("judge's prompt, line {line}, column {column}: {what}"))
        .help("the placeholders are {prompt}, {first}, {second} and {answer}; {first} and {second} must be there")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_put_in_once() {
        let query = Query { prompt: "{second}".into(), first: "é".into(), second: "{{".into(), answer: None };
        let filled = Template::parse("{{\"p\": {prompt}}} {first}{second}").unwrap().fill(&query);
        assert_eq!(filled.unwrap(), "{\"p\": {second}} é{{");
        assert_eq!(Template::parse("{first}{second}{answer}").unwrap().fill(&query), None);
    }

    #[test]
    fn errors_name_line_and_column() {
        for (text, place) in [
            ("é {frist} {second}", "line 1, column 3: unknown placeholder {frist}"),
            ("{first}\n{second} {\"verdict\"}", "line 2, column 10: unknown placeholder"),
            ("{first} {second} }", "line 1, column 18: a lone `}`"),
            ("{first} {second} {prompt", "line 1, column 18: a lone `{`"),
            ("{prompt} {first}", "line 1, column 17: the text ends without {second}"),
        ] {
            let message = Template::parse(text).unwrap_err().message;
            assert!(message.contains(place), "{text}: {message}");
        }
    }
}
