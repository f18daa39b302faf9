//! Stores every answer on disk before it is used, so that a restarted run asks no question again.
//!
//! The file has JSON lines `{"key": .., "reply": .., "latency_s": .., "sum": ..}` and is only ever appended to. The key
//! is the blake3 hash of the request: the URL and the canonical body, model included, without the service's key. The
//! sum is a checksum of the line without it; lines of earlier versions have no sum and are read as they are. A damaged
//! line stays in the file and is reported: its question is asked again, and all other answers are kept.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use pbpo_outside::file::{Lines, Refused, limit};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, lock};

/// Answers by their requests. Equal requests get equal answers, at any temperature.
pub struct Store {
    answers: Mutex<HashMap<String, Value>>,
    file: Option<(File, PathBuf)>,
    note: Option<String>,
}

/// The beginning of a line.
const BEGINNING: &[u8] = b"{\"key\":\"";
/// The field that every line of a store has.
const REPLY: &[u8] = b"\"reply\":";
/// The text before the sum of a line.
const SUM: &str = ",\"sum\":\"";
/// The number of hexadecimal digits of a sum.
const DIGITS: usize = 16;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: String,
    reply: Value,
    /// The seconds that the server took.
    latency_s: f64,
}

impl Store {
    /// Makes a store that keeps answers in memory while it lives.
    pub fn in_memory() -> Self {
        Self { answers: Mutex::default(), file: None, note: None }
    }

    /// Opens the store in a file, and makes the file if it does not exist. Only one process at a time may open it. A
    /// file without a single line of a store is refused, because it belongs to something else.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |error: std::io::Error| Error::new(format!("{}: {error}", path.display()));
        // A pipe or a device is not opened.
        match pbpo_outside::file::open(path, limit::LINES) {
            Ok(_) | Err(Refused::Missing) => {}
            Err(refused) => return Err(foreign(path, &refused.to_string())),
        }
        let file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = format!("{}: another run uses this store of answers", path.display());
                return Err(Error::new(message).help("wait until it ends, or name another file"));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mut read = Found::default();
        read.all(path)?;
        if read.answers.is_empty() && !read.ours && read.bad > 0 {
            return Err(foreign(path, "none of its lines is one of a store of answers"));
        }
        let torn = end(&file, read.last_is_ours).map_err(failed)?;
        let note = read.note(path, torn);
        Ok(Self { answers: Mutex::new(read.answers), file: Some((file, path.to_owned())), note })
    }

    /// Returns a note on the damage that was found when the file was opened.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    pub fn len(&self) -> usize {
        self.answers().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn get(&self, key: &str) -> Option<Value> {
        self.answers().get(key).cloned()
    }

    /// Stores an answer; it is on disk when this returns.
    pub(crate) fn put(&self, key: &str, reply: &Value, latency_s: f64) -> Result<(), Error> {
        if let Some((file, path)) = &self.file {
            let line = Line { key: key.to_owned(), reply: reply.clone(), latency_s };
            let written = line.written().map_err(std::io::Error::from).and_then(|line| {
                append(file, &line, self.answers())?;
                file.sync_data()
            });
            let failed = |e| Error::new(format!("{}: an answer cannot be stored: {e}", path.display()));
            written.map_err(|e| failed(e).help("what was stored before is kept; free space and start again"))?;
        }
        self.answers().insert(key.to_owned(), reply.clone());
        Ok(())
    }

    fn answers(&self) -> MutexGuard<'_, HashMap<String, Value>> {
        lock(&self.answers)
    }
}

impl Line {
    /// Returns the line with its sum and its newline.
    fn written(&self) -> serde_json::Result<String> {
        let text = serde_json::to_string(self)?;
        let open = text.strip_suffix('}').unwrap_or(&text);
        Ok(format!("{open}{SUM}{}\"}}\n", sum(text.as_bytes())))
    }

    /// Reads the line in these bytes, without a newline; an error says what is wrong with it.
    fn read(bytes: &[u8]) -> Result<Self, String> {
        let tail = bytes.len().checked_sub(SUM.len() + DIGITS + 2);
        let (text, written) = match tail.map(|at| bytes.split_at(at)) {
            Some((open, tail)) if tail.starts_with(SUM.as_bytes()) && tail.ends_with(b"\"}") => {
                ([open, b"}"].concat(), Some(&tail[SUM.len()..SUM.len() + DIGITS]))
            }
            _ => (bytes.to_vec(), None),
        };
        if written.is_some_and(|written| written != sum(&text).as_bytes()) {
            return Err("its sum is another one".to_owned());
        }
        serde_json::from_slice(&text).map_err(|error| error.to_string())
    }
}

fn sum(text: &[u8]) -> String {
    let digest = blake3::hash(text).to_hex();
    digest.as_str()[..DIGITS].to_owned()
}

/// The contents of a file.
#[derive(Default)]
struct Found {
    answers: HashMap<String, Value>,
    /// True if some line begins as one of a store.
    ours: bool,
    /// The number of bad lines, with the first one's number and its error.
    bad: usize,
    first: Option<(usize, String)>,
    /// True if the last line begins as one of a store, but is damaged.
    last_is_ours: bool,
}

impl Found {
    fn all(&mut self, path: &Path) -> Result<(), Error> {
        let failed = |refused: Refused| Error::new(format!("{}: {refused}", path.display()));
        let mut lines = Lines::open(path, limit::LINES).map_err(failed)?;
        let (mut bytes, mut number) = (Vec::new(), 0);
        loop {
            match lines.next_into(&mut bytes) {
                Ok(None) => return Ok(()),
                Ok(Some(_)) => {
                    number += 1;
                    self.line(&bytes, number);
                }
                Err(Refused::LongLine { most, .. }) => {
                    number += 1;
                    self.last_is_ours = false;
                    self.wrong(number, format!("it has more than {most} bytes"));
                    while !bytes.ends_with(b"\n") {
                        match lines.next_into(&mut bytes) {
                            Ok(None) => return Ok(()),
                            Ok(Some(_)) | Err(Refused::LongLine { .. }) => {}
                            Err(refused) => return Err(failed(refused)),
                        }
                    }
                }
                Err(refused) => return Err(failed(refused)),
            }
        }
    }

    fn line(&mut self, bytes: &[u8], number: usize) {
        let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        // Tools on Windows and git may have changed the ends of lines.
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        self.last_is_ours = false;
        if text.trim_ascii().is_empty() {
            return;
        }
        match Line::read(text) {
            Ok(line) => {
                self.answers.insert(line.key, line.reply);
            }
            Err(why) => {
                let begins = text.iter().zip(BEGINNING).all(|(byte, ours)| byte == ours);
                // A whole JSON value was not half-written, whoever wrote it; nor were several lines without their newlines.
                let whole = serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok();
                let several = text.windows(BEGINNING.len()).filter(|part| *part == BEGINNING).count() > 1;
                let replies = text.windows(REPLY.len()).any(|part| part == REPLY);
                self.ours |= begins && (replies || !whole);
                self.last_is_ours = begins && !whole && !several;
                // A half-written last line is reported separately.
                if bytes.ends_with(b"\n") || !self.last_is_ours {
                    self.wrong(number, why);
                }
            }
        }
    }

    fn wrong(&mut self, number: usize, why: String) {
        self.bad += 1;
        self.first.get_or_insert((number, why));
    }

    fn note(&self, path: &Path, torn: u64) -> Option<String> {
        let bad = self.first.as_ref().map(|(line, why)| {
            let lines = if self.bad == 1 { "a line is".to_owned() } else { format!("{} lines are", self.bad) };
            format!("{lines} damaged and left alone (the first: line {line}, {why}); what stood there is asked again")
        });
        let torn = (torn > 0).then(|| format!("the last line was half-written ({torn} bytes) and is cut off"));
        let notes: Vec<String> = bad.into_iter().chain(torn).collect();
        (!notes.is_empty()).then(|| format!("{}: {}", path.display(), notes.join("; ")))
    }
}

/// Makes the file end with a newline. Cuts off a half-written line of this store and returns its length; adds a newline
/// to any other line.
fn end(mut file: &File, cut: bool) -> std::io::Result<u64> {
    let length = file.metadata()?.len();
    let mut at = length;
    let mut last = vec![0; 1 << 16];
    // Searches for the last newline from the end.
    while at > 0 {
        let from = at.saturating_sub(last.len() as u64);
        let piece = &mut last[..(at - from) as usize];
        file.seek(SeekFrom::Start(from))?;
        file.read_exact(piece)?;
        match piece.iter().rposition(|byte| *byte == b'\n') {
            Some(newline) => {
                at = from + newline as u64 + 1;
                break;
            }
            None => at = from,
        }
    }
    if at == length {
        return Ok(0);
    }
    if !cut {
        file.write_all(b"\n")?;
        return file.sync_all().map(|()| 0);
    }
    file.set_len(at)?;
    file.sync_all()?;
    Ok(length - at)
}

/// Appends under the lock of the answers, so that lines of two threads never mix. A line that could not be written
/// completely is removed.
fn append(mut file: &File, line: &str, _lock: MutexGuard<'_, HashMap<String, Value>>) -> std::io::Result<()> {
    let before = file.metadata()?.len();
    file.write_all(line.as_bytes()).inspect_err(|_| drop(file.set_len(before)))
}

fn foreign(path: &Path, why: &str) -> Error {
    let message = format!("{}: not a store of answers: {why}", path.display());
    Error::new(message).help("name a file that a judge wrote, or a new one")
}

/// Returns the key of a request.
pub(crate) fn key(address: &str, body: &str) -> String {
    blake3::hash(format!("{address}\n{body}").as_bytes()).to_hex().to_string()
}

/// Returns JSON with sorted keys: equal values give the same text.
pub(crate) fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let entries =
                entries.iter().map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), canonical(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}
