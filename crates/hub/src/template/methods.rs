//! Python's methods of strings, lists and maps.

use minijinja::value::from_args;
use minijinja::{Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat::unknown_method_callback;

use super::python::{text, weigh};

/// The largest width or precision in a format.
const WIDTH: usize = 10_000;

/// Calls a method of minijinja's own set. `join` asks for fuel before it copies; other methods that ask for none do so
/// here.
pub(super) fn call(state: &mut State, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    match (value.as_str(), method) {
        (Some(separator), "join") => return join(state, separator, args),
        (Some(text), "split") => state.consume_fuel(pieces(text, args) / 2)?,
        (Some(text), "splitlines") => state.consume_fuel(text.matches('\n').count() as u64 / 2)?,
        (Some(format), "format") => {
            narrow(format)?;
            args.iter().try_for_each(|argument| weigh(state, argument))?;
        }
        // A list that holds another many times takes no memory until it is shown or compared.
        (None, "count") => args.iter().chain([value]).try_for_each(|argument| weigh(state, argument))?,
        _ => {}
    }
    unknown_method_callback(state, value, method, args)
}

/// Estimates how many pieces `split` gives.
fn pieces(text: &str, args: &[Value]) -> u64 {
    let separator = args.first().and_then(Value::as_str).filter(|separator| !separator.is_empty());
    separator.map_or_else(|| text.split_whitespace().count(), |separator| text.matches(separator).count()) as u64
}

/// Refuses a format with a width or precision above the limit.
fn narrow(format: &str) -> Result<(), Error> {
    let numbers = format
        .split('{')
        .skip(1)
        .filter_map(|part| part.split('}').next())
        .flat_map(|field| field.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty()));
    for number in numbers {
        if number.parse::<usize>().map_or(true, |number| number > WIDTH) {
            let message = format!("format: {} is more than {WIDTH}", number.chars().take(20).collect::<String>());
            return Err(Error::new(ErrorKind::InvalidOperation, message));
        }
    }
    Ok(())
}

fn join(state: &State, separator: &str, args: &[Value]) -> Result<Value, Error> {
    let (values,): (&Value,) = from_args(args)?;
    let mut joined = String::new();
    for (at, value) in values.try_iter()?.enumerate() {
        let value = match value.as_str() {
            Some(_) => value,
            None => Value::from(text(state, &value)?),
        };
        let value = value.as_str().unwrap_or_default();
        let separator = if at == 0 { "" } else { separator };
        state.consume_fuel(1 + (separator.len() + value.len()) as u64 / 64)?;
        joined.push_str(separator);
        joined.push_str(value);
    }
    Ok(Value::from(joined))
}
