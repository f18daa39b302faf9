//! Checked values: names resolved, types and ranges checked, defaults and overrides applied.

use std::collections::BTreeMap;

use pbpo_grammar::Span;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use crate::schema::Kind;

/// A checked value.
#[derive(Clone, Debug)]
pub enum Value {
    /// The value `none`.
    Nothing,
    Int(i64),
    Float(f64),
    /// The name of a block.
    Block(String),
    /// The initial weights of this policy.
    Init(String),
    /// The weights of a checkpoint, by the arguments of `hf(...)`.
    Checkpoint(Args),
    /// The score of this task.
    Score(String),
    Choice(Choice),
    Record(Args),
    Words(Vec<&'static str>),
    Text(String),
    /// A variable of a pipeline, by its name in the file.
    Local(String),
}

/// One of several alternatives, with its own fields.
#[derive(Clone, Debug)]
pub struct Choice {
    pub name: &'static str,
    pub args: Args,
}

/// Checked fields or arguments, without those that failed their check.
#[derive(Clone, Debug, Default)]
pub struct Args {
    values: BTreeMap<&'static str, (Value, Span)>,
}

impl Args {
    pub fn insert(&mut self, name: &'static str, value: Value, span: Span) {
        self.values.insert(name, (value, span));
    }

    /// Tells whether there are no arguments, or none that could be read.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name).map(|(value, _)| value)
    }

    /// Returns the place where a value was written.
    pub fn span(&self, name: &str) -> Option<Span> {
        self.values.get(name).map(|(_, span)| *span)
    }

    pub fn int(&self, name: &str) -> Option<i64> {
        match self.get(name) {
            Some(Value::Int(value)) => Some(*value),
            _ => None,
        }
    }

    pub fn float(&self, name: &str) -> Option<f64> {
        match self.get(name) {
            Some(Value::Float(value)) => Some(*value),
            _ => None,
        }
    }

    /// Returns the name in a reference.
    pub fn name(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Value::Block(name) | Value::Init(name) | Value::Score(name) | Value::Local(name)) => Some(name),
            _ => None,
        }
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub fn choice(&self, name: &str) -> Option<&Choice> {
        match self.get(name) {
            Some(Value::Choice(choice)) => Some(choice),
            _ => None,
        }
    }

    pub fn record(&self, name: &str) -> Option<&Args> {
        match self.get(name) {
            Some(Value::Record(args)) => Some(args),
            _ => None,
        }
    }

    /// Returns the chosen word.
    pub fn word(&self, name: &str) -> Option<&'static str> {
        self.choice(name).map(|choice| choice.name)
    }

    /// Returns the settings of a plan that are written as in the file; `None` if one is missing because of an error.
    pub fn settings<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_value(Json::Object(self.json())).ok()
    }

    /// Returns one setting of a plan that is written as in the file: a word, a record, a number.
    pub fn setting<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_value(self.get(name)?.json()?).ok()
    }

    /// Returns canonical settings: every value that is not a reference.
    pub fn json(&self) -> serde_json::Map<String, Json> {
        let settings = self.values.iter().filter_map(|(name, (value, _))| Some(((*name).to_owned(), value.json()?)));
        settings.collect()
    }
}

impl Choice {
    /// Returns an alternative of a plan, whose name is its field `tag`: `{ "is": "likelihood", "delta": 0.05 }`. `None`
    /// if a setting is missing because of an error.
    pub fn tagged<T: DeserializeOwned>(&self, tag: &str) -> Option<T> {
        let mut json = self.args.json();
        json.insert(tag.to_owned(), json!(self.name));
        serde_json::from_value(Json::Object(json)).ok()
    }
}

impl Value {
    /// Returns the canonical form; `None` for a reference, which is an input of a stage.
    pub fn json(&self) -> Option<Json> {
        Some(match self {
            Value::Nothing => Json::Null,
            Value::Int(value) => json!(value),
            Value::Float(value) => json!(value),
            Value::Choice(choice) if choice.args.values.is_empty() => json!(choice.name),
            Value::Choice(choice) => Json::Object(choice.args.json()),
            Value::Record(args) => Json::Object(args.json()),
            Value::Words(words) => json!(words),
            Value::Text(text) => json!(text),
            Value::Block(_) | Value::Init(_) | Value::Checkpoint(_) | Value::Score(_) | Value::Local(_) => return None,
        })
    }
}

/// The value of a parameter, or of a constant expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Constant {
    Number(Number),
    Bool(bool),
    Text(String),
}

/// A known number.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    pub value: f64,
    /// True for a whole number by type, not by value: `4.0` is not one.
    pub whole: bool,
    pub unit: Option<crate::units::Unit>,
    /// The parameter from which the number comes, and the place of its value.
    pub from: Option<(String, Span)>,
}

/// A parameter with its value at this point.
#[derive(Clone, Debug)]
pub struct Param {
    pub name: Span,
    /// The value; `None` if it was in error.
    pub value: Option<Constant>,
}

/// A declaration other than a parameter.
#[derive(Clone, Debug)]
pub struct Decl {
    /// The kind; `None` if it does not exist.
    pub kind: Option<Kind>,
    pub name: Span,
    /// The place of `follows` in a policy that has it.
    pub follows: Option<Span>,
}

/// A block with its checked fields.
#[derive(Clone, Debug)]
pub struct Checked {
    pub kind: Kind,
    pub name: Span,
    pub args: Args,
}
