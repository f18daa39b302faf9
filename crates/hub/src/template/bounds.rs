//! Limits for templates, which come with models from unknown authors.
//!
//! minijinja counts fuel for each instruction, each item that it visits and each 64 bytes that it makes, and checks it
//! before it allocates a large piece. The limits here are for things that its count does not cover: the length of the
//! source, the depth of an expression, the length of the text, the stack, and the time.

use std::fmt::{Display, Formatter};
use std::io::{Error, Result, Write};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread::Builder;
use std::time::Duration;

use crate::files::caught;

/// The longest source in bytes. The longest templates in use have 20 KB.
const SOURCE: usize = 256 * 1024;

/// The largest number of words and marks between `{{` and `}}` or `{%` and `%}`: minijinja reads and frees some of them
/// by recursion.
const TOKENS: usize = 10_000;

/// The fuel of one chat: at most a million steps, and at most 64 MB made on the way.
pub(super) const FUEL: u64 = 1_000_000;

/// The longest text of a chat, and the longest text that one filter gives, in bytes.
pub(super) const OUTPUT: usize = 16 * 1024 * 1024;

/// The stack for reading and applying a template, in bytes; only the used part takes memory. Nested lists, of which the
/// fuel allows a hundred thousand levels, are shown and freed by recursion.
const STACK: usize = 512 * 1024 * 1024;

/// The longest time for one chat. A few operators cost one step whatever their operands: `~`, `in` and `==` of long
/// texts, and of lists that hold one list many times. Everything else runs out of fuel within a second.
const TIME: Duration = Duration::from_secs(3);

/// Runs `work` on a stack that is deep enough for every template within the limits, and waits for it up to the time
/// limit. Work that has not ended by then goes on until the process ends, because a thread cannot be stopped.
pub(super) fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> std::result::Result<T, Stopped> {
    let (sender, receiver) = sync_channel(1);
    let builder = Builder::new().name("template".into()).stack_size(STACK);
    let thread = builder
        .spawn(move || drop(caught(work).map(|done| sender.send(done))))
        .map_err(|error| Stopped::NoThread(error.to_string()))?;
    match receiver.recv_timeout(TIME) {
        Ok(done) => Ok(done),
        Err(RecvTimeoutError::Timeout) => Err(Stopped::Late),
        Err(RecvTimeoutError::Disconnected) => {
            drop(thread.join());
            Err(Stopped::Panic)
        }
    }
}

/// The reasons why `run` has no result.
pub(super) enum Stopped {
    Late,
    Panic,
    NoThread(String),
}

impl Display for Stopped {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Late => write!(f, "it has not ended after {} seconds", TIME.as_secs()),
            Self::Panic => f.write_str("minijinja panics on it"),
            Self::NoThread(error) => write!(f, "no thread for it: {error}"),
        }
    }
}

/// Refuses a source that is too long, or that has an expression that is too long.
pub(super) fn check(source: &str) -> std::result::Result<(), String> {
    if source.len() > SOURCE {
        return Err(format!("it has {} bytes; {SOURCE} are the most", source.len()));
    }
    let mut rest = source;
    while let Some(at) = rest.find("{{").into_iter().chain(rest.find("{%")).min() {
        let (opening, inner) = (rest.get(at..at + 2), rest.get(at + 2..).unwrap_or_default());
        let (count, after) = tokens(inner, if opening == Some("{{") { "}}" } else { "%}" });
        if count > TOKENS {
            let line = source.len() - rest.len() + at;
            let line = source.get(..line).unwrap_or_default().matches('\n').count() + 1;
            return Err(format!("line {line}: an expression of more than {TOKENS} words and marks"));
        }
        rest = after;
    }
    Ok(())
}

/// Returns the number of words and marks outside quotes up to the closing, and the text after it.
fn tokens<'a>(inner: &'a str, closing: &str) -> (usize, &'a str) {
    let (mut count, mut quote, mut escaped, mut in_word) = (0, None, false, false);
    for (at, c) in inner.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(mark) if c == mark => quote = None,
            Some(_) => {}
            None if c == '\'' || c == '"' => (quote, count, in_word) = (Some(c), count + 1, false),
            None => {
                let rest = inner.get(at..).unwrap_or_default();
                if let Some(after) = rest.strip_prefix(closing) {
                    return (count, after);
                }
                let word = c.is_alphanumeric() || c == '_';
                count += usize::from(!(c.is_whitespace() || word && in_word));
                in_word = word;
            }
        }
    }
    (count, "")
}

/// A writer that fails after a limit of bytes.
#[derive(Default)]
pub(super) struct Limited {
    pub bytes: Vec<u8>,
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        if self.bytes.len() + bytes.len() > OUTPUT {
            return Err(Error::other(TOO_LONG));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// The error of `Limited`.
pub(super) const TOO_LONG: &str = "a text of more than 16 MiB";
