//! Verifiers: a response is right or wrong according to a reference answer. Of two responses the right one is better.

use fancy_regex::Regex;
use serde::{Deserialize, Serialize};

use crate::boxed::{Pick, answer as number};
use crate::usage::{Tally, Usage};
use crate::{Error, Judge, Query, Verdict};

/// The rule by which a response is compared with the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Rule {
    /// The texts are the same.
    Exact(Exact),
    /// A number in the response equals that of the answer.
    Numeric(Numeric),
    /// A group of a pattern's last match in the response is compared as by `exact`. Without a match the response is
    /// wrong.
    Regex {
        pattern: String,
        /// The number of the group; 0 is the whole match.
        #[serde(default)]
        group: usize,
        #[serde(default)]
        exact: Exact,
    },
}

/// The differences that are ignored when two texts are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Exact {
    pub ignore_case: bool,
    /// If true, ignores every character that is neither a letter, a digit nor white space.
    pub ignore_punctuation: bool,
    /// If true, runs of white space count as one space, and those at the ends are ignored.
    pub ignore_whitespace: bool,
}

/// The number of a text that counts, and the tolerance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Numeric {
    pub pick: Pick,
    /// The largest `|response - answer|` that is right. Both are exact: integers that differ are different below 1.
    pub tolerance: f64,
}

/// A rule ready to score.
pub struct Verifier {
    rule: Rule,
    /// The pattern of `Rule::Regex`.
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

    /// Returns the reason why no response can agree with an answer, such as "it has no number" if numbers are compared.
    pub fn refusal(&self, answer: &str) -> Option<String> {
        match &self.rule {
            Rule::Numeric(_) => number(answer, Pick::Last).err(),
            Rule::Exact(_) | Rule::Regex { .. } => None,
        }
    }

    /// Tells whether no response can agree with an answer.
    pub fn refuses(&self, answer: &str) -> bool {
        self.refusal(answer).is_some()
    }

    /// Returns 1 if the response is right, 0 if not.
    pub fn score(&self, response: &str, answer: &str) -> f64 {
        let right = match (&self.rule, &self.pattern) {
            (Rule::Exact(exact), _) => exact.same(response, answer),
            (Rule::Numeric(numeric), _) => numeric.same(response, answer),
            (Rule::Regex { group, exact, .. }, Some(regex)) => {
                // A pattern may give up on a text after too many steps; this counts as no match.
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

    fn resume(&self, usage: Usage) {
        *self.tally.lock() = usage;
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
        // An answer is usually a single number, GSM8K's working with `#### 42` at its end, or a solution with
        // `\boxed{42}`.
        let wanted = number(answer, Pick::Last);
        let given = number(response, self.pick);
        matches!((given, wanted), (Ok(given), Ok(wanted)) if given.is_near(&wanted, self.tolerance))
    }
}
