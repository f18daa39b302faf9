//! Measures the time of a language server from a keystroke to its findings.

use std::io::{self, BufReader, BufWriter};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use lsp_server::{Message, Notification, Request};
use serde_json::{Value, json};

const URI: &str = "file:///bench/main.pbpo";

/// Returns the milliseconds of keystrokes in a file that is open in a server; each changes a digit in a comment on the
/// last line.
pub fn keystrokes(executable: &Path, text: &str, runs: usize) -> io::Result<Vec<f64>> {
    let mut server = Command::new(executable).arg("lsp").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let (Some(stdin), Some(stdout)) = (server.stdin.take(), server.stdout.take()) else {
        return Err(io::Error::other("the server has no pipes"));
    };
    let (mut stdin, mut stdout) = (BufWriter::new(stdin), BufReader::new(stdout));
    let request = |method: &str, params: Value| Message::from(Request::new(1.into(), method.into(), params));
    let notification = |method: &str, params: Value| Message::from(Notification::new(method.into(), params));
    request("initialize", json!({ "capabilities": {} })).write(&mut stdin)?;
    notification("initialized", json!({})).write(&mut stdin)?;
    let document = json!({ "uri": URI, "languageId": "pbpo", "version": 0, "text": format!("{text}\n// ") });
    notification("textDocument/didOpen", json!({ "textDocument": document })).write(&mut stdin)?;
    found(&mut stdout)?;
    let line = text.lines().count();
    let mut times = Vec::with_capacity(runs);
    for version in 1..=runs {
        let place = json!({ "line": line + 1, "character": 2 });
        let change = json!({ "range": { "start": place, "end": place }, "text": "x" });
        let document = json!({ "uri": URI, "version": version });
        let started = Instant::now();
        let params = json!({ "textDocument": document, "contentChanges": [change] });
        notification("textDocument/didChange", params).write(&mut stdin)?;
        found(&mut stdout)?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    request("shutdown", Value::Null).write(&mut stdin)?;
    notification("exit", Value::Null).write(&mut stdin)?;
    server.wait()?;
    Ok(times)
}

/// Reads messages up to the next findings.
fn found(stdout: &mut impl io::BufRead) -> io::Result<()> {
    loop {
        match Message::read(stdout)? {
            Some(Message::Notification(found)) if found.method == "textDocument/publishDiagnostics" => return Ok(()),
            Some(_) => {}
            None => return Err(io::Error::other("the server is gone")),
        }
    }
}
