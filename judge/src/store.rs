//! Every answer on disk before it is used: a run that starts again asks nothing twice.
//!
//! A file of JSON lines `{"key": .., "reply": .., "latency_s": ..}`, only ever appended to. The key is the blake3 hash of
//! the request: the URL and the canonical body, model included; not the key of the service.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, lock};

/// Answers by their requests. Equal requests get equal answers, of any temperature.
pub struct Store {
    answers: Mutex<HashMap<String, Value>>,
    file: Option<(File, PathBuf)>,
    note: Option<String>,
}

/// How a line begins. Only a half-written line of our own is ever cut off.
const BEGINNING: &[u8] = b"{\"key\":\"";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: String,
    reply: Value,
    /// Seconds that the server took.
    latency_s: f64,
}

impl Store {
    /// Answers are kept while this value lives, and then gone.
    pub fn in_memory() -> Self {
        Self { answers: Mutex::default(), file: None, note: None }
    }

    /// The store in a file, made if it is not there. One process at a time has it.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |error: std::io::Error| Error::new(format!("{}: {error}", path.display()));
        let options = OpenOptions::new().read(true).append(true).create(true).clone();
        let mut file = options.open(path).map_err(failed)?;
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(foreign(path, 1, "it is no regular file"));
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = format!("{}: another run uses this store of answers", path.display());
                return Err(Error::new(message).help("wait until it ends, or name another file"));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(failed)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let answers = read_lines(path, &text[..whole])?;
        let torn = text.len() - whole;
        if !text[whole..].iter().zip(BEGINNING).all(|(byte, ours)| byte == ours) {
            let line = text.iter().filter(|byte| **byte == b'\n').count() + 1;
            return Err(foreign(path, line, "it does not begin as one"));
        }
        if torn > 0 {
            file.set_len(whole as u64).and_then(|()| file.sync_all()).map_err(failed)?;
        }
        let note = format!("{}: the last line was half-written ({torn} bytes) and is cut off", path.display());
        let note = (torn > 0).then_some(note);
        Ok(Self { answers: Mutex::new(answers), file: Some((file, path.to_owned())), note })
    }

    /// What was mended when the file was opened.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    pub fn len(&self) -> usize {
        self.answers().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.answers().contains_key(key)
    }

    pub(crate) fn get(&self, key: &str) -> Option<Value> {
        self.answers().get(key).cloned()
    }

    /// On disk when it returns.
    pub(crate) fn put(&self, key: &str, reply: &Value, latency_s: f64) -> Result<(), Error> {
        if let Some((file, path)) = &self.file {
            let line = Line { key: key.to_owned(), reply: reply.clone(), latency_s };
            let written = serde_json::to_string(&line).map_err(std::io::Error::from).and_then(|line| {
                append(file, &format!("{line}\n"), self.answers())?;
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

/// Under the lock of the answers: lines of two threads never mix. What could not be written whole is taken back.
fn append(mut file: &File, line: &str, _lock: MutexGuard<'_, HashMap<String, Value>>) -> std::io::Result<()> {
    let before = file.metadata()?.len();
    file.write_all(line.as_bytes()).inspect_err(|_| drop(file.set_len(before)))
}

fn read_lines(path: &Path, text: &[u8]) -> Result<HashMap<String, Value>, Error> {
    let mut answers = HashMap::new();
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
        let line: Line = serde_json::from_slice(line).map_err(|e| foreign(path, index + 1, &e.to_string()))?;
        answers.insert(line.key, line.reply);
    }
    Ok(answers)
}

fn foreign(path: &Path, line: usize, why: &str) -> Error {
    let message = format!("{}:{line}: not a line of a store of answers: {why}", path.display());
    Error::new(message).help("name a file that a judge wrote, or a new one")
}

/// The key of a request.
pub(crate) fn key(address: &str, body: &str) -> String {
    blake3::hash(format!("{address}\n{body}").as_bytes()).to_hex().to_string()
}

/// JSON with sorted keys: the same text from equal values.
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
