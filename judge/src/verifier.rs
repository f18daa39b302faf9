//! Verifiers: a response is right or wrong by a reference answer. Of two responses the right one is better.

use fancy_regex::Regex;
use serde::{Deserialize, Serialize};

use crate::usage::{Tally, Usage};
use crate::{Error, Judge, Query, Verdict};

/// How a response is held to the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Rule {
    /// The texts are the same.
    Exact(Exact),
    /// A number in the response is that of the answer.
    Numeric(Numeric),
    /// A group of a pattern's last match in the response, compared as by `exact`. No match: wrong.
    Regex {
        pattern: String,
        /// 0: the whole match.
        #[serde(default)]
        group: usize,
        #[serde(default)]
        exact: Exact,
    },
}

/// What does not count when two texts are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Exact {
    pub ignore_case: bool,
    /// Everything that is neither a letter, a digit nor white space.
    pub ignore_punctuation: bool,
    /// Runs of white space count as one space, and none at the ends.
    pub ignore_whitespace: bool,
}

/// Which number of a text counts, and how near it must be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Numeric {
    pub pick: Pick,
    /// The largest `|response - answer|` that is right.
    pub tolerance: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    #[default]
    Last,
    First,
}

/// A rule ready to score.
pub struct Verifier {
    rule: Rule,
    /// Of `Rule::Regex`.
    pattern: Option<Regex>,
    tally: Tally,
}

impl Verifier {
    pub fn new(rule: Rule) -> Result<Self, Error> {
        let pattern = match &rule {
            Rule::Exact(_) => None,
            Rule::Numeric(Numeric { tolerance, .. }) if tolerance.is_finite() && *tolerance >= 0.0 => None,
            Rule::Numeric(Numeric { tolerance, .. }) => {
                return Err(Error::new(format!("`tolerance` is {tolerance}: it must be 0 or more")));
            }
            Rule::Regex { pattern, group, .. } => {
                let regex = Regex::new(pattern).map_err(|e| Error::new(format!("pattern `{pattern}`: {e}")))?;
                let groups = regex.captures_len() - 1;
                if *group > groups {
                    let message = format!("`group` is {group}, and pattern `{pattern}` has {groups} groups");
                    return Err(Error::new(message).help("0 is the whole match"));
                }
                Some(regex)
            }
        };
        Ok(Self { rule, pattern, tally: Tally::default() })
    }

    /// 1 if the response is right, 0 if not.
    pub fn score(&self, response: &str, answer: &str) -> f64 {
        let right = match (&self.rule, &self.pattern) {
            (Rule::Exact(exact), _) => exact.same(response, answer),
            (Rule::Numeric(numeric), _) => numeric.same(response, answer),
            (Rule::Regex { group, exact, .. }, Some(regex)) => {
                // A pattern may give up on a text after too many steps: that is no match.
                let last = regex.captures_iter(response).map_while(Result::ok).last();
                let found = last.as_ref().and_then(|captures| captures.get(*group));
                found.is_some_and(|found| exact.same(found.as_str(), answer))
            }
            (Rule::Regex { .. }, None) => false,
        };
        f64::from(right)
    }
}

impl Judge for Verifier {
    fn judge(&self, queries: &[Query]) -> Result<Vec<Verdict>, Error> {
        Ok(self.tally.each(queries, |query| match &query.answer {
            None => Verdict::Abstain("the record has no reference answer".into()),
            Some(answer) => {
                let (first, second) = (self.score(&query.first, answer), self.score(&query.second, answer));
                if first == second { Verdict::Tie } else { Verdict::Prefer(f64::from(first > second)) }
            }
        }))
    }

    fn usage(&self) -> Usage {
        *self.tally.lock()
    }
}

impl Exact {
    fn same(&self, a: &str, b: &str) -> bool {
        self.normal(a) == self.normal(b)
    }

    fn normal(&self, text: &str) -> String {
        let mut text = text.to_owned();
        if self.ignore_case {
            text = text.to_lowercase();
        }
        if self.ignore_punctuation {
            text.retain(|c| c.is_alphanumeric() || c.is_whitespace());
        }
        if self.ignore_whitespace {
            text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        text
    }
}

impl Numeric {
    fn same(&self, response: &str, answer: &str) -> bool {
        // An answer is mostly a number alone, or GSM8K's working with `#### 42` at its end.
        let wanted = number(answer, Pick::Last);
        let given = number(response, self.pick);
        matches!((given, wanted), (Some(given), Some(wanted)) if (given - wanted).abs() <= self.tolerance)
    }
}

/// The number behind the last `####`, if there is one; else the picked one of all. `$`, `%` and thousands separators
/// (`1,234`) are no part of its value; the minus sign U+2212 is a minus.
fn number(text: &str, pick: Pick) -> Option<f64> {
    let text = &text.replace('\u{2212}', "-");
    if let Some(found) = text.rsplit_once("####").and_then(|(_, after)| numbers(after).next()) {
        return Some(found);
    }
    match pick {
        Pick::First => numbers(text).next(),
        Pick::Last => numbers(text).last(),
    }
}

/// Numbers of a text from left to right: digits with an optional sign, separators, fraction and exponent.
fn numbers(text: &str) -> impl Iterator<Item = f64> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let begins =
                bytes[at].is_ascii_digit() || (bytes[at] == b'.' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit));
            if !begins {
                at += 1;
                continue;
            }
            let (value, end) = read_number(bytes, at);
            let negative = is_negative(bytes, at);
            at = end;
            return Some(if negative { -value } else { value });
        }
        None
    })
}

/// The unsigned number that begins here, and where it ends.
fn read_number(bytes: &[u8], from: usize) -> (f64, usize) {
    let digits = |at: usize| bytes[at.min(bytes.len())..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut end = from + digits(from);
    if end - from <= 3 {
        while bytes.get(end) == Some(&b',') && digits(end + 1) == 3 {
            end += 4;
        }
    }
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        end += if exponent > 0 { 1 + sign + exponent } else { 0 };
    }
    let text: String = bytes[from..end].iter().filter(|b| **b != b',').map(|b| char::from(*b)).collect();
    (text.parse().unwrap_or(f64::NAN), end)
}

/// Whether a minus stands before the number (`-5`, `-$5`, `$-5`), and is no hyphen or difference (`3-5`, `top-5`).
fn is_negative(bytes: &[u8], at: usize) -> bool {
    let before = |n: usize| at.checked_sub(n).map(|i| bytes[i]);
    let ends_word = |byte: Option<u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || b >= 0x80 || b == b')');
    match (before(1), before(2)) {
        (Some(b'-'), behind) => !ends_word(behind),
        (Some(b'$'), Some(b'-')) => !ends_word(before(3)),
        _ => false,
    }
}
