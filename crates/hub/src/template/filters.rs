//! Filters that turn a value of any kind into a text, because minijinja makes the text before it counts it.

use minijinja::value::{Rest, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value, filters};

use super::python::{float, float_of, weigh};

/// Replaces minijinja's filters with ones that ask for fuel first, and removes those of its filters and functions that
/// no template needs.
pub(super) fn add(environment: &mut Environment<'static>) {
    environment.remove_global("debug");
    environment.remove_filter("pprint");
    for (name, inner) in [
        ("capitalize", Value::from_function(filters::capitalize)),
        ("format", Value::from_function(filters::format)),
        ("join", Value::from_function(filters::join)),
        ("lower", Value::from_function(filters::lower)),
        ("title", Value::from_function(filters::title)),
        ("trim", Value::from_function(filters::trim)),
        ("upper", Value::from_function(filters::upper)),
    ] {
        let weighed = move |state: &mut State, args: Rest<ValueOrKwargs>| {
            let args: Vec<Value> = args.0.into_iter().map(ValueOrKwargs::into_value).collect();
            args.iter().try_for_each(|argument| weigh(state, argument))?;
            inner.call(state, &args)
        };
        environment.add_filter(name, weighed);
    }
    environment.add_filter("string", string);
}

/// Returns a value as a text; a float as Python writes it.
fn string(state: &State, value: &Value) -> Result<Value, Error> {
    weigh(state, value)?;
    float_of(value).map_or_else(|| filters::string(state, value), |number| Ok(Value::from(float(number))))
}
