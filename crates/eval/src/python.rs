//! Python's regular expressions and white space where Rust's differ, so that extractors match those of lm-eval.

use std::sync::OnceLock;

use fancy_regex::{Captures, Regex, RegexBuilder};

use crate::Error;

/// Implements `str.isspace` for one character: Unicode's white space and four control characters.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

/// Implements `str.strip`.
pub fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// Implements `str.split` without arguments.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space).filter(|word| !word.is_empty())
}

/// The match that counts: `group_select` of lm-eval's filters, 0 or -1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Select {
    First,
    Last,
}

impl Select {
    pub fn of<T: Copy>(self, found: &[T]) -> Option<T> {
        match self {
            Select::First => found.first().copied(),
            Select::Last => found.last().copied(),
        }
    }
}

/// A regular expression, compiled when it is first used.
#[derive(Debug)]
pub struct Pattern {
    source: String,
    regex: OnceLock<Regex>,
}

impl Pattern {
    /// Makes a pattern from Python's syntax, with Python's meaning of `\b`, `\w`, `\s` and `$`.
    pub fn python(source: &str) -> Self {
        Self::rust(translate(source))
    }

    /// Makes a pattern from the syntax of the crate `fancy_regex`.
    pub fn rust(source: impl Into<String>) -> Self {
        Self { source: source.into(), regex: OnceLock::new() }
    }

    fn regex(&self) -> Result<&Regex, Error> {
        if let Some(regex) = self.regex.get() {
            return Ok(regex);
        }
        let regex = RegexBuilder::new(&self.source)
            .backtrack_limit(usize::MAX)
            .build()
            .map_err(|error| Error::new(format!("regular expression `{}`: {error}", self.source)))?;
        Ok(self.regex.get_or_init(|| regex))
    }

    /// Implements `re.findall`: returns the groups of each match, or the whole match if there are no groups; an absent
    /// group is empty.
    ///
    /// As in Python, an empty match may begin where the match before it ended. After an empty match the search
    /// continues one character further, which is right for patterns that try non-empty alternatives first, as all
    /// patterns here do.
    pub fn findall<'t>(&self, text: &'t str) -> Result<Vec<Vec<&'t str>>, Error> {
        let (regex, mut found, mut at) = (self.regex()?, Vec::new(), 0);
        while at <= text.len() {
            let captures = regex.captures_from_pos(text, at).map_err(|error| Error::new(error.to_string()))?;
            let Some(captures) = captures else { break };
            let Some(whole) = captures.get(0) else { break };
            found.push(groups(&captures));
            let step = text[whole.end()..].chars().next().map_or(1, char::len_utf8);
            at = if whole.start() == whole.end() { whole.end() + step } else { whole.end() };
        }
        Ok(found)
    }

    /// Returns the selected match, stripped; with several groups the first that is not empty. Returns `None` without a
    /// match, or if all of several groups are empty.
    pub fn find(&self, text: &str, select: Select) -> Result<Option<String>, Error> {
        let found = self.findall(text)?;
        let picked = select.of(&found.iter().collect::<Vec<_>>());
        let text = picked.and_then(|groups| match groups.as_slice() {
            [one] => Some(*one),
            several => several.iter().find(|group| !group.is_empty()).copied(),
        });
        Ok(text.map(|text| strip(text).to_owned()))
    }

    /// Implements `re.sub` with an empty replacement.
    pub fn remove(&self, text: &str) -> Result<String, Error> {
        let replaced = self.regex()?.try_replacen(text, 0, "").map_err(|error| Error::new(error.to_string()))?;
        Ok(replaced.into_owned())
    }
}

fn groups<'t>(captures: &Captures<'t>) -> Vec<&'t str> {
    let from = usize::from(captures.len() > 1);
    (from..captures.len()).map(|group| captures.get(group).map_or("", |group| group.as_str())).collect()
}

/// Python's `\w`: letters, all characters with a numeric value, and the underscore. Rust's adds marks and joiners.
const WORD: &str = r"\p{L}\p{N}_";
const SPACE: &str = r"\s\x1c-\x1f";

fn translate(python: &str) -> String {
    let (mut out, mut class, mut chars) = (String::new(), false, python.chars());
    let put = |set: &str, class: bool| if class { set.to_owned() } else { format!("[{set}]") };
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('b') if !class => out += &format!("(?:(?<=[{WORD}])(?![{WORD}])|(?<![{WORD}])(?=[{WORD}]))"),
                Some('w') => out += &put(WORD, class),
                Some('s') => out += &put(SPACE, class),
                next => out.extend(['\\'].into_iter().chain(next)),
            },
            // It also matches before a last newline.
            '$' if !class => out += r"(?=\n?\z)",
            '[' if class => out += r"\[",
            _ => {
                class = (class || c == '[') && c != ']';
                out.push(c);
            }
        }
    }
    out
}
