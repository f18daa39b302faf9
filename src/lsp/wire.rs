//! Messages on stdin and stdout. The server survives any input: bytes that are not a message of the protocol are
//! answered with an error, or logged if there is no request to answer, and memory is allocated only for received bytes.
//!
//! Bytes that are not UTF-8, and escapes of half a character (`\ud83e` alone), are read as `U+FFFD`. Headers other than
//! `Content-Length` are skipped, and so is text between messages.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::mpsc::{Receiver, channel};

use lsp_server::{ErrorCode, Message, Notification, Request, Response};
use serde_json::{Value, json};

/// The largest number of bytes of a message: the largest file of the language, each character escaped, with a margin.
const LARGEST: u64 = 64 << 20;
/// The largest number of bytes of a header line.
const LONGEST: u64 = 4096;
/// The most bytes of a header that are kept of a line that is too long.
const LONGEST_NAME: usize = 64;

/// A received message.
pub enum Incoming {
    Message(Message),
    /// An invalid message: the id to answer, which may be null, and the error.
    Malformed {
        id: Value,
        code: ErrorCode,
        reason: String,
    },
}

/// Reads stdin until it ends.
pub fn incoming() -> Receiver<Incoming> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut stdin = BufReader::new(io::stdin().lock());
        // The channel ends when the client closes stdin.
        while let Ok(Some(incoming)) = read(&mut stdin) {
            if sender.send(incoming).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Writes a message. A client that has gone away is noticed by the next read.
pub fn send(message: impl Into<Message>) {
    let message: Message = message.into();
    let _ = message.write(&mut io::stdout().lock());
}

/// Answers an invalid message.
pub fn refuse(id: &Value, code: ErrorCode, reason: &str) {
    let error = json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code as i32, "message": reason } }).to_string();
    let mut stdout = io::stdout().lock();
    let _ = write!(stdout, "Content-Length: {}\r\n\r\n{error}", error.len()).and_then(|()| stdout.flush());
}

fn malformed(code: ErrorCode, reason: impl Into<String>) -> Incoming {
    Incoming::Malformed { id: Value::Null, code, reason: reason.into() }
}

/// Returns the next message, or the error in its place; `None` at the end.
fn read(input: &mut impl BufRead) -> io::Result<Option<Incoming>> {
    let length = match header(input)? {
        Header::End => return Ok(None),
        Header::Length(length) => length,
        Header::Bad(reason) => return Ok(Some(malformed(ErrorCode::ParseError, reason))),
    };
    if length > LARGEST {
        let reason = format!("a message of {length} bytes; the most are {LARGEST}");
        return Ok(Some(malformed(ErrorCode::InvalidRequest, reason)));
    }
    let mut body = Vec::new();
    if input.by_ref().take(length).read_to_end(&mut body)? as u64 != length {
        return Ok(None);
    }
    Ok(Some(message(&String::from_utf8_lossy(&body))))
}

enum Header {
    Length(u64),
    Bad(String),
    End,
}

/// Reads up to the body. Skips text that is not a header up to the next `Content-Length`, because the rest of a message
/// with a wrong length may precede it.
fn header(input: &mut impl BufRead) -> io::Result<Header> {
    let (mut length, mut bad) = (None, None);
    let mut line = Vec::new();
    loop {
        // Of a line that is too long the end is kept: the next header may begin in it.
        line.drain(..line.len().saturating_sub(LONGEST_NAME));
        if input.by_ref().take(LONGEST).read_until(b'\n', &mut line)? == 0 {
            return Ok(Header::End);
        }
        let ended = line.ends_with(b"\n");
        if !ended && line.len() as u64 >= LONGEST {
            bad.get_or_insert_with(|| "a message begins with its `Content-Length`".to_owned());
            continue;
        }
        let line = String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned();
        let text = line.trim_end_matches(['\r', '\n']);
        if text.is_empty() && ended {
            match (length, bad.take()) {
                (Some(length), None) => return Ok(Header::Length(length)),
                (_, Some(reason)) => return Ok(Header::Bad(reason)),
                // This is an empty line between messages.
                (None, None) => continue,
            }
        }
        let start = text.to_ascii_lowercase().find("content-length:");
        if let Some(start) = start {
            let value = text.get(start..).and_then(|text| text.split_once(':')).map_or("", |(_, value)| value.trim());
            match value.parse::<u64>() {
                Ok(value) => (length, bad) = (Some(value), None),
                Err(_) => bad = Some("`Content-Length` is no length".to_owned()),
            }
        } else if !text.contains(':') && length.is_none() {
            bad = Some("a message begins with its `Content-Length`".to_owned());
        }
    }
}

/// Returns a body as a message.
fn message(body: &str) -> Incoming {
    let read = serde_json::from_str::<Value>(body).or_else(|_| serde_json::from_str(&without_halves(body)));
    let mut value = match read {
        Ok(value) => value,
        Err(error) => return malformed(ErrorCode::ParseError, format!("this is no JSON: {error}")),
    };
    let id = value.get("id").cloned();
    let invalid = |reason: &str| Incoming::Malformed {
        id: id.clone().filter(|id| id.is_number() || id.is_string()).unwrap_or_default(),
        code: ErrorCode::InvalidRequest,
        reason: reason.to_owned(),
    };
    let params = value.get_mut("params").map(Value::take).unwrap_or_default();
    let method = value.get_mut("method").map(Value::take);
    match (method, &id) {
        (Some(Value::String(method)), None) => Incoming::Message(Notification { method, params }.into()),
        (Some(Value::String(method)), Some(given)) => match serde_json::from_value(given.clone()) {
            Ok(id) => Incoming::Message(Request { id, method, params }.into()),
            Err(_) => invalid("an `id` is a whole number or a text"),
        },
        (Some(_), _) => invalid("a `method` is a text"),
        (None, _) => match serde_json::from_value::<Response>(value.clone()) {
            // A list would be read as the fields in their order.
            Ok(response) if value.is_object() => Incoming::Message(response.into()),
            _ => invalid("a message is an object with a `method`"),
        },
    }
}

/// Replaces escapes of half a character in JSON by `\ufffd`.
fn without_halves(text: &str) -> String {
    let unit = |at: usize| {
        let escape = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(escape, 16).ok()
    };
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    while let Some(found) = text[at..].find('\\').map(|found| at + found) {
        out.push_str(&text[at..found]);
        let next = found + 6;
        let (shown, end) = match unit(found) {
            Some(0xd800..=0xdbff) if matches!(unit(next), Some(0xdc00..=0xdfff)) => (&text[found..next + 6], next + 6),
            Some(0xd800..=0xdfff) => ("\\ufffd", next),
            _ => {
                // The escaped character is skipped with its `\`, because it may be a `\` itself.
                let escaped = text[found + 1..].chars().next().map_or(0, char::len_utf8);
                (&text[found..found + 1 + escaped], found + 1 + escaped)
            }
        };
        out.push_str(shown);
        at = end;
    }
    out.push_str(&text[at..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut input: &[u8]) -> Vec<Incoming> {
        std::iter::from_fn(|| read(&mut input).unwrap()).collect()
    }

    fn shown(incoming: &Incoming) -> String {
        match incoming {
            Incoming::Message(Message::Request(request)) => format!("{} {}", request.id, request.method),
            Incoming::Message(Message::Notification(note)) => format!("- {}", note.method),
            Incoming::Message(Message::Response(response)) => format!("answer {}", response.id),
            Incoming::Malformed { id, code, .. } => format!("{id} {}", *code as i32),
        }
    }

    fn framed(body: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    #[test]
    fn after_what_is_no_message_the_next_one_is_read() {
        let good = framed(r#"{"jsonrpc":"2.0","id":7,"method":"m"}"#);
        for (bad, answer) in [
            (framed("{"), "null -32700"),
            (framed(r#"{"id":5,"method":5}"#), "5 -32600"),
            (framed(r#"{"id":[1],"method":"m"}"#), "null -32600"),
            (framed(r#"{"id":99999999999,"method":"m"}"#), "99999999999 -32600"),
            (framed("[1, 2]"), "null -32600"),
            (framed("12"), "null -32600"),
            (framed(&"[".repeat(100_000)), "null -32700"),
            ("Content-Length: 100000000000000\r\n\r\n{}".to_owned(), "null -32600"),
            ("Content-Length: 18446744073709551615\r\n\r\n".to_owned(), "null -32600"),
            ("Content-Length: 99999999999999999999\r\n\r\n".to_owned(), "null -32700"),
            ("Content-Length: -1\r\n\r\n".to_owned(), "null -32700"),
            ("Content-Length: x\r\n\r\n{}".to_owned(), "null -32700"),
            ("Content-Type: a\r\n".to_owned(), ""),
            ("\r\n\r\n".to_owned(), ""),
            ("rubbish".repeat(5000), ""),
            // The next header stands across the end of what is read at once.
            (format!("Content-Length: 100000000000000\r\n\r\n{}", "x".repeat(2 * LONGEST as usize - 5)), "null -32600"),
            (format!("Content-Length: 100000000000000\r\n\r\n{}", ":".repeat(LONGEST as usize - 1)), "null -32600"),
        ] {
            let input = format!("{bad}{good}");
            let found: Vec<String> = all(input.as_bytes()).iter().map(shown).collect();
            let wanted: Vec<&str> = [answer, "7 m"].into_iter().filter(|text| !text.is_empty()).collect();
            assert_eq!(found, wanted, "{}", &bad[..bad.len().min(60)]);
        }
    }

    #[test]
    fn half_characters_are_replaced() {
        assert_eq!(
            without_halves(r#"\ud83e \\ud83e \ud83e\udd80 \udd80x \ud83e\ud83e\udd80 \n"#),
            r#"\ufffd \\ud83e \ud83e\udd80 \ufffdx \ufffd\ud83e\udd80 \n"#
        );
        let body = framed(r#"{"method":"m","params":"\ud83e"}"#);
        let found = all(body.as_bytes());
        let [Incoming::Message(Message::Notification(note))] = found.as_slice() else { panic!() };
        assert_eq!(note.params, "\u{fffd}");
        let mut bytes = framed(r#"{"method":"m?"}"#).into_bytes();
        let last = bytes.len() - 3;
        bytes[last] = 0xff;
        assert_eq!(shown(&all(&bytes)[0]), "- m\u{fffd}");
    }
}
