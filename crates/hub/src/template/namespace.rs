//! Namespaces of templates: `{% set ns = namespace(x=1) %}{% set ns.x = 2 %}`.
//!
//! minijinja's own namespace is a map that may hold itself, and is then shown, compared and written by recursion without
//! end, which no limit stops. The namespaces here have attributes and nothing to iterate over, as in Python, so that
//! recursion ends at them. minijinja assigns to its own namespaces only, so each assignment becomes a call.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::{Formatter, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::machinery::{Span, Token, tokenize};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{DynObject, Object, ObjectRepr, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, Value, functions};

/// The function that assigns to an attribute, and the variable that holds the value before it. Templates have no such
/// names.
const ASSIGN: &str = "__assign";
const HELD: &str = "__held";

/// Adds the functions that make namespaces and assign to them.
pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_function("namespace", namespace);
    environment.add_function(ASSIGN, assign);
}

#[derive(Debug, Default)]
struct Namespace(Mutex<BTreeMap<String, Value>>);

impl Object for Namespace {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key.as_str()?).cloned()
    }

    /// Compares identities, as Python does.
    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some(Arc::as_ptr(self).cmp(&Arc::as_ptr(&other.downcast::<Self>()?)))
    }

    fn render(self: &Arc<Self>, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("<Namespace {...}>")
    }
}

impl Namespace {
    fn set(&self, name: &str, value: Value) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), value);
    }
}

fn namespace(defaults: Option<ValueOrKwargs>) -> Result<Value, Error> {
    let given = functions::namespace(defaults)?;
    let namespace = Namespace::default();
    for name in given.try_iter()? {
        namespace.set(name.as_str().unwrap_or_default(), given.get_item(&name)?);
    }
    Ok(Value::from_object(namespace))
}

fn assign(target: &Value, name: &str, value: Value) -> Result<(), Error> {
    let Some(namespace) = target.downcast_object_ref::<Namespace>() else {
        let message = format!("can only assign to namespaces, not {}", target.kind());
        return Err(Error::new(ErrorKind::InvalidOperation, message));
    };
    namespace.set(name, value);
    Ok(())
}

/// Returns a template with a call in place of each assignment to an attribute: `{% set ns.x = 1 %}` becomes
/// `{% set __held0 = 1 %}{% do __assign(ns, "x", __held0) %}`. Lines stay where they are. A template that cannot be read
/// is returned unchanged.
pub(super) fn with_calls(source: &str, syntax: &SyntaxConfig) -> String {
    let tokens: Result<Vec<_>, _> = tokenize(source, false, syntax.clone()).collect();
    let Ok(tokens) = tokens else { return source.to_owned() };
    let mut rewriter = Rewriter { source, text: String::with_capacity(source.len()), copied: 0 };
    // The calls that follow each open `{% set ns.x %}` with a body.
    let mut open: Vec<String> = Vec::new();
    for (at, pair) in tokens.windows(2).enumerate() {
        let [(Token::BlockStart, _), (Token::Ident(word), _)] = pair else { continue };
        let inner = tokens.get(at + 2..).unwrap_or_default();
        let inner = inner.split(|(token, _)| matches!(token, Token::BlockEnd)).next().unwrap_or_default();
        let end = tokens.get(at + 2 + inner.len()).map(|(_, span)| span.start_offset as usize);
        match (*word, end) {
            ("set", Some(end)) => {
                let equals = inner.iter().position(|(token, _)| matches!(token, Token::Assign | Token::Pipe));
                let calls = rewriter.targets(inner.get(..equals.unwrap_or(inner.len())).unwrap_or_default());
                match equals.and_then(|equals| inner.get(equals)) {
                    Some((Token::Assign, _)) => rewriter.follow(end, &calls),
                    _ => open.push(calls),
                }
            }
            ("endset", Some(end)) => rewriter.follow(end, &open.pop().unwrap_or_default()),
            _ => {}
        }
    }
    rewriter.end()
}

struct Rewriter<'a> {
    source: &'a str,
    text: String,
    /// The number of bytes of the source that are in the text.
    copied: usize,
}

impl Rewriter<'_> {
    fn copy(&mut self, to: usize) {
        self.text.push_str(self.source.get(self.copied..to).unwrap_or_default());
        self.copied = self.copied.max(to);
    }

    /// Puts variables in place of the attributes that a `set` assigns to. Returns the calls that assign the variables to
    /// the attributes.
    fn targets(&mut self, tokens: &[(Token<'_>, Span)]) -> String {
        let mut calls = String::new();
        let paths = tokens.split(|(token, _)| !matches!(token, Token::Ident(_) | Token::Dot));
        for (count, path) in paths.filter(|path| path.len() > 2).enumerate() {
            let [(_, first), .., (_, dot), (Token::Ident(name), last)] = path else { continue };
            let (start, dot) = (first.start_offset as usize, dot.start_offset as usize);
            self.copy(start);
            self.copied = last.end_offset as usize;
            let target = self.source.get(start..dot).unwrap_or_default();
            let _ = write!(self.text, "{HELD}{count}");
            let _ = write!(calls, "{{% do {ASSIGN}({target}, \"{name}\", {HELD}{count}) %}}");
        }
        calls
    }

    /// Puts calls behind the block whose end begins at `end`. The mark of that end, as in `-%}`, moves to the last call.
    fn follow(&mut self, end: usize, calls: &str) {
        let Some(calls) = calls.strip_suffix("%}") else { return };
        self.copy(end);
        self.text.push_str(" %}");
        self.text.push_str(calls);
    }

    fn end(mut self) -> String {
        self.copy(self.source.len());
        self.text
    }
}
