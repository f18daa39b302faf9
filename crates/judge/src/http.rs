//! Sends one request and classifies the outcome.

use std::time::{Duration, SystemTime};

use pbpo_outside::shown::cut;
use serde_json::Value;
use ureq::http::{HeaderMap, Response};
use ureq::{Agent, Body};

use crate::Error;
use crate::endpoint::Endpoint;

/// The largest answer that is read, in bytes, after unpacking.
const LARGEST_REPLY: u64 = 4 << 20;
/// The deepest nesting of an answer: a stored line adds one level, and must be readable again.
const DEEPEST: usize = 64;
/// The number of columns of a server's message that are shown.
const SHOWN: usize = 300;
/// The longest wait that a server may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// The reasons why a request has no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The request may be answered later.
    Again { why: String, after: Option<Duration> },
    /// No server listens at the address.
    Absent(String),
    /// This request will never be answered. `said` holds the server's own words; null if it did not refuse but its
    /// answer can't be read.
    Refused { why: String, said: Value },
    /// No request will be answered.
    Fatal(Error),
}

impl Failure {
    fn refused(why: String) -> Self {
        Self::Refused { why, said: Value::Null }
    }
}

/// Returns an agent that follows no redirect (a key would go with it) and gives up after `timeout`.
pub(crate) fn agent(endpoint: &Endpoint, timeout: Duration, connections: usize) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(timeout))
        .timeout_connect(Some(timeout.min(Duration::from_secs(10))))
        .max_idle_connections(connections)
        .max_idle_connections_per_host(connections)
        .user_agent(concat!("pbpoc/", env!("CARGO_PKG_VERSION")));
    let config = if endpoint.is_local() { config.proxy(None) } else { config };
    config.build().new_agent()
}

/// Sends a JSON text and reads the JSON that answers it.
pub(crate) fn post(agent: &Agent, endpoint: &Endpoint, body: &str) -> Result<Value, Failure> {
    let mut request = agent.post(&endpoint.uri).content_type("application/json");
    if let Some(authorization) = endpoint.authorization() {
        request = request.header("authorization", authorization);
    }
    let mut response = request.send(body).map_err(|error| transport(error, endpoint))?;
    let read = response.body_mut().with_config().limit(LARGEST_REPLY).lossy_utf8(true).read_to_string();
    let text = read.map_err(|error| transport(error, endpoint))?;
    // The key is searched for after JSON escapes are decoded.
    let reply = serde_json::from_str::<Value>(&text).map(|reply| endpoint.redact_in(reply));
    if !response.status().is_success() {
        let said = reply.unwrap_or_else(|_| Value::String(endpoint.redact(&text)));
        return Err(refusal(&response, said, endpoint));
    }
    let reply = reply.map_err(|_| Failure::Again {
        why: format!("the answer is no JSON: {}", beginning(&endpoint.redact(&text))),
        after: None,
    })?;
    if !nests_within(&reply, DEEPEST) {
        return Err(Failure::refused(format!("the answer nests more than {DEEPEST} levels")));
    }
    if reply.to_string().len() as u64 > 2 * LARGEST_REPLY {
        return Err(Failure::refused(format!("the answer is larger than {} bytes as JSON", 2 * LARGEST_REPLY)));
    }
    Ok(reply)
}

/// Tells whether a value has at most this many levels. Values from the JSON parser have at most 128.
fn nests_within(value: &Value, levels: usize) -> bool {
    let Some(inner) = levels.checked_sub(1) else { return false };
    match value {
        Value::Array(items) => items.iter().all(|item| nests_within(item, inner)),
        Value::Object(map) => map.values().all(|value| nests_within(value, inner)),
        _ => true,
    }
}

fn transport(error: ureq::Error, endpoint: &Endpoint) -> Failure {
    let shown = endpoint.shown();
    let said = beginning(&endpoint.redact(&error.to_string()));
    match error {
        ureq::Error::BodyExceedsLimit(limit) => Failure::refused(format!("the answer is larger than {limit} bytes")),
        ureq::Error::Timeout(_) => {
            Failure::Again { why: format!("{shown}: no answer in time (`timeout`)"), after: None }
        }
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::BadUri(_) | ureq::Error::InvalidProxyUrl => {
            Failure::Fatal(Error::new(format!("{shown}: {said}")))
        }
        ureq::Error::Io(ref io) if io.kind() == std::io::ErrorKind::ConnectionRefused => {
            Failure::Absent(format!("{shown}: {said}"))
        }
        _ => Failure::Again { why: format!("{shown}: {said}"), after: None },
    }
}

/// Returns the failure that a status other than success means.
fn refusal(response: &Response<Body>, said: Value, endpoint: &Endpoint) -> Failure {
    let status = response.status();
    let why = format!("{} answers {status}: {}", endpoint.shown(), message(&said));
    let fatal = |help: String| Failure::Fatal(Error::new(&why).help(help));
    match status.as_u16() {
        300..=399 => fatal("redirects are not followed: give the final address as `url`".to_owned()),
        401 | 403 => fatal(endpoint.key_help()),
        404 | 405 => fatal("check `model`, and that `url` ends where the API begins (mostly /v1)".to_owned()),
        429 if said.to_string().contains("insufficient_quota") => fatal("the account's quota is spent".to_owned()),
        408 | 409 | 425 | 429 | 500..=599 => match wait(response.headers(), SystemTime::now()) {
            Some(after) if after > LONGEST_WAIT => {
                fatal(format!("the server asks to wait {} s: start again then", after.as_secs()))
            }
            after => Failure::Again { why, after },
        },
        _ => Failure::Refused { why, said },
    }
}

/// Returns the server's error text, from the fields that OpenAI (`error.message`), FastAPI (`detail`) and others use.
fn message(said: &Value) -> String {
    let fields = ["/error/message", "/detail", "/message", "/error"].iter().filter_map(|field| said.pointer(field));
    let message = fields.chain([said]).next().unwrap_or(said);
    beginning(&message.as_str().map_or_else(|| message.to_string(), str::to_owned))
}

/// Returns the beginning of a text on one line, without characters that a terminal acts on.
pub(crate) fn beginning(text: &str) -> String {
    let start: String = text.chars().take(10 * SHOWN).collect();
    let line = start.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() { "(nothing)".to_owned() } else { cut(&line, SHOWN).into_owned() }
}

/// Reads `Retry-After`: seconds, or a date (RFC 9110, 10.2.3).
fn wait(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?.trim();
    let until = |date: SystemTime| date.duration_since(now).unwrap_or_default().as_secs();
    let seconds = text.parse().ok().or_else(|| httpdate::parse_http_date(text).ok().map(until))?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::UNIX_EPOCH;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777 - 30);
        let after = |text: &str| {
            let headers = HeaderMap::from_iter([("retry-after".parse().unwrap(), text.parse().unwrap())]);
            wait(&headers, now).map(|wait| wait.as_secs())
        };
        assert_eq!(after("7"), Some(7));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(30));
        assert_eq!(after("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(after("soon"), None);
        assert_eq!(wait(&HeaderMap::new(), now), None);
    }

    #[test]
    fn messages_of_several_servers_are_found() {
        assert_eq!(message(&json!({"error": {"message": "no model", "type": "x"}})), "no model");
        assert_eq!(message(&json!({"detail": [{"msg": "field"}]})), r#"[{"msg":"field"}]"#);
        assert_eq!(message(&json!("<html>\n Bad \u{1b}[31mgateway")), "<html> Bad \\u{1b}[31mgateway");
        assert_eq!(message(&json!("")), "(nothing)");
        assert_eq!(message(&json!({"other": 1})), r#"{"other":1}"#);
        assert!(beginning(&"x".repeat(1 << 20)).len() < 310);
    }
}
