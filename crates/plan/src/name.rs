//! Names of values: `y`, `prefs.new`, `pi@3`. Here alone they are put together and taken apart.

use std::borrow::Borrow;
use std::fmt::{self, Debug, Display, Formatter};
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The name of a value: that of a block or a variable, with a number if there are several versions of it. Names are equal
/// and ordered as their texts are, so that `pi@10` comes before `pi@2`. A copy shares the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ValueName {
    text: Arc<str>,
    /// The number of bytes before the `@`.
    block: usize,
    version: Option<u32>,
}

impl ValueName {
    /// Returns the name of the only value of a block or a variable, as it is written in a file; a part of it follows after
    /// a dot.
    pub fn of(block: &str) -> Self {
        Self { text: block.into(), block: block.len(), version: None }
    }

    /// Returns the name of a version of a block or a variable.
    pub fn numbered(block: &str, version: u32) -> Self {
        Self { text: format!("{block}@{version}").into(), block: block.len(), version: Some(version) }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the block or the variable: `pi` for `pi@3`.
    pub fn block(&self) -> &str {
        self.text.get(..self.block).unwrap_or(&self.text)
    }

    /// Returns the number of the version: 3 for `pi@3`.
    pub fn version(&self) -> Option<u32> {
        self.version
    }
}

/// Returns the block and the text of the number.
pub(crate) fn split(text: &str) -> (&str, Option<&str>) {
    text.split_once('@').map_or((text, None), |(block, version)| (block, Some(version)))
}

/// Reads a name. One that the compiler can't have given is an error.
impl FromStr for ValueName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{}` is no name of a value", text.escape_debug());
        let (block, version) = split(text);
        let version = version.map(str::parse).transpose().map_err(|_| wrong())?;
        let name = version.map_or_else(|| Self::of(block), |version| Self::numbered(block, version));
        // A number has one form: `pi@01` and `pi@+1` name no version.
        let plain = |c: char| c.is_alphanumeric() || "_.:".contains(c);
        if block.is_empty() || !block.chars().all(plain) || name.as_str() != text {
            return Err(wrong());
        }
        Ok(name)
    }
}

impl TryFrom<String> for ValueName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<ValueName> for String {
    fn from(name: ValueName) -> Self {
        name.as_str().to_owned()
    }
}

/// A map with names as its keys is also read by their texts, so the hash is that of the text.
impl Borrow<str> for ValueName {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl Hash for ValueName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl PartialEq<str> for ValueName {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl Display for ValueName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl Debug for ValueName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Debug::fmt(&*self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::ValueName;

    fn name(text: &str) -> ValueName {
        text.parse().unwrap()
    }

    #[test]
    fn names_come_back_from_their_texts() {
        for (text, block, version) in [
            ("y", "y", None),
            ("pi@3", "pi", Some(3)),
            ("prefs.new@0", "prefs.new", Some(0)),
            ("games::pi.init", "games::pi.init", None),
            ("r@4294967295", "r", Some(u32::MAX)),
        ] {
            let name = name(text);
            assert_eq!((name.to_string().as_str(), name.block(), name.version()), (text, block, version));
            let made = version.map_or_else(|| ValueName::of(block), |version| ValueName::numbered(block, version));
            assert_eq!(made, name);
            assert_eq!(serde_json::to_value(&name).unwrap(), text);
        }
    }

    #[test]
    fn what_no_compiler_names_is_no_name() {
        for text in
            ["", "@", "@1", "pi@", "pi@x", "pi@01", "pi@+1", "pi@-1", "pi@1@2", "pi@4294967296", "p i", "pi\n", "\"pi"]
        {
            assert!(text.parse::<ValueName>().is_err(), "{text:?}");
            assert!(serde_json::from_value::<ValueName>(text.into()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn names_are_ordered_and_found_as_texts() {
        let texts = ["pi@2", "pi", "pi@10", "pi.init", "a@9", "pi@1"];
        let names: BTreeSet<ValueName> = texts.map(name).into();
        let sorted: BTreeSet<&str> = texts.into();
        assert!(names.iter().map(ValueName::as_str).eq(sorted));
        let names: HashSet<ValueName> = texts.map(name).into();
        assert!(texts.iter().all(|text| names.contains(*text)) && !names.contains("pi@3"));
    }
}
