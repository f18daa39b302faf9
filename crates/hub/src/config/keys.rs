//! Typed reading of a JSON object's keys, with errors that name file and key.

use std::path::Path;

use serde_json::{Map, Value};

use crate::{Error, quoted};

/// The keys of one object of a file. A key that is `null` counts as absent.
pub(crate) struct Keys<'a> {
    pub file: &'a Path,
    /// The text before a key in messages: empty, or `rope_parameters.`.
    pub prefix: &'static str,
    pub map: &'a Map<String, Value>,
}

impl<'a> Keys<'a> {
    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// Returns an error at a key.
    pub fn error(&self, key: &str, message: impl std::fmt::Display) -> Error {
        Error::at(self.file, format!("`{}{}`: {message}", self.prefix, quoted(key)))
    }

    fn typed<T>(&self, key: &str, wanted: &str, convert: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>, Error> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let wrong = || self.error(key, format!("expected {wanted}, found `{}`", quoted(&value.to_string())));
        convert(value).map(Some).ok_or_else(wrong)
    }

    pub fn count(&self, key: &str) -> Result<Option<usize>, Error> {
        let whole = |value: &Value| value.as_u64().and_then(|n| usize::try_from(n).ok());
        self.typed(key, "a whole number", whole)
    }

    /// Reads a size of a model: a whole number from 1 to 2^24.
    pub fn size(&self, key: &str) -> Result<Option<usize>, Error> {
        match self.count(key)? {
            Some(n) if !(1..=1 << 24).contains(&n) => Err(self.error(key, format!("{n} is out of range"))),
            found => Ok(found),
        }
    }

    pub fn float(&self, key: &str) -> Result<Option<f64>, Error> {
        self.typed(key, "a number", |value| value.as_f64().filter(|x| x.is_finite()))
    }

    /// Reads a number above 0.
    pub fn positive(&self, key: &str) -> Result<Option<f64>, Error> {
        match self.float(key)? {
            Some(x) if x <= 0.0 => Err(self.error(key, format!("{x} must be above 0"))),
            found => Ok(found),
        }
    }

    pub fn flag(&self, key: &str) -> Result<Option<bool>, Error> {
        self.typed(key, "true or false", Value::as_bool)
    }

    pub fn text(&self, key: &str) -> Result<Option<&'a str>, Error> {
        self.typed(key, "a string", Value::as_str)
    }

    pub fn texts(&self, key: &str) -> Result<Option<Vec<&'a str>>, Error> {
        self.typed(key, "a list of strings", |value| value.as_array()?.iter().map(Value::as_str).collect())
    }

    pub fn object(&self, key: &str) -> Result<Option<&'a Map<String, Value>>, Error> {
        self.typed(key, "an object", Value::as_object)
    }

    /// Reads token ids: one or a list. Negative ids, which some configs write for "none", are left out.
    pub fn ids(&self, key: &str) -> Result<Vec<u32>, Error> {
        let id = |value: &Value| value.as_i64().filter(|id| *id <= i64::from(u32::MAX));
        let all = |value: &'a Value| match value {
            Value::Array(list) => list.iter().map(id).collect::<Option<Vec<i64>>>(),
            one => id(one).map(|id| vec![id]),
        };
        let ids = self.typed(key, "a token id or a list of them", all)?.unwrap_or_default();
        Ok(ids.into_iter().filter_map(|id| u32::try_from(id).ok()).collect())
    }
}
