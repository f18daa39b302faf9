//! The language server, by a scripted client over the real protocol.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// A client.
struct Client {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    next: i64,
}

impl Client {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pbpoc"))
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut client = Self { child, input, output, next: 0 };
        let answer = client.ask("initialize", json!({ "capabilities": {}, "processId": null, "rootUri": null }));
        assert!(answer["capabilities"]["hoverProvider"].as_bool().unwrap());
        client.tell("initialized", json!({}));
        client
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        self.input.flush().unwrap();
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    fn read(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the server has gone");
            match line.trim().strip_prefix("Content-Length: ") {
                Some(number) => length = number.parse().unwrap(),
                None if line.trim().is_empty() => break,
                None => {}
            }
        }
        let mut bytes = vec![0; length];
        self.output.read_exact(&mut bytes).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// A request's whole answer.
    fn answer(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let message = self.read();
            if message["id"] == json!(id) {
                return message;
            }
        }
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        let answer = self.answer(method, params);
        assert!(answer["error"].is_null(), "{answer}");
        answer["result"].clone()
    }

    /// The next findings of a file.
    fn findings(&mut self, uri: &str) -> Vec<Value> {
        loop {
            let message = self.read();
            if message["method"] == "textDocument/publishDiagnostics" && message["params"]["uri"] == uri {
                return message["params"]["diagnostics"].as_array().unwrap().clone();
            }
        }
    }

    fn open(&mut self, uri: &str, text: &str) -> Vec<Value> {
        let document = json!({ "uri": uri, "languageId": "pbpo", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
        self.findings(uri)
    }

    fn change(&mut self, uri: &str, text: &str) -> Vec<Value> {
        let document = json!({ "uri": uri, "version": 2 });
        self.tell("textDocument/didChange", json!({ "textDocument": document, "contentChanges": [{ "text": text }] }));
        self.findings(uri)
    }

    fn end(mut self) {
        self.ask("shutdown", Value::Null);
        self.tell("exit", Value::Null);
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

fn uri(path: &Path) -> String {
    format!("file://{}", path.display())
}

/// The position of a text in a file, in UTF-16.
fn at(text: &str, what: &str) -> Value {
    let offset = text.find(what).unwrap();
    let line = text[..offset].matches('\n').count();
    let start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    json!({ "line": line, "character": text[start..offset].encode_utf16().count() })
}

const LIBRARY: &str = "pbpo 1
/// Ünïcode in a comment 😀 moves no column of other lines.
objective leaning(p: policy, y: rollouts) = mean(logp(p, y))
";

const MAIN: &str = "pbpo 1
use \"lib.pbpo\" { leaning }
/// The weight.
param tau: float in 0.0..1.0 = 0.5
data demos   { source = digits(split = train, count = 400) }
data prompts { source = digits(split = prompts, count = 100) }
policy pi {
  model     = llama { layers = 1, width = 32, heads = 2, context = 64 tokens }
  init      = imitate(demos)
  optimizer = adamw { lr = 1e-4 }
}
/* 😀 */ pipeline main {
  y = sample(pi, prompts, count = 32)
  ascend pi on tau * leaning(pi, y)
}
";

#[test]
fn a_session() {
    let dir = tempfile::tempdir().unwrap();
    let (library, main) = (dir.path().join("lib.pbpo"), dir.path().join("main.pbpo"));
    std::fs::write(&library, LIBRARY).unwrap();
    let text = MAIN.replace("/* 😀 */ ", "");
    let (library, main) = (uri(&library), uri(&main));
    let mut client = Client::start();

    let wrong = text.replace("split = train", "split = trian").replace("/// The weight.", "/// Ä 😀.");
    let found = client.open(&main, &wrong);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((&found[0]["code"], &found[0]["severity"]), (&json!("PB0206"), &json!(1)));
    assert_eq!(found[0]["range"]["start"], at(&wrong, "trian"));

    let document = json!({ "uri": main });
    let fixes = client.ask(
        "textDocument/codeAction",
        json!({ "textDocument": document, "range": found[0]["range"], "context": { "diagnostics": [] } }),
    );
    assert_eq!(fixes[0]["edit"]["changes"][&main][0]["newText"], "train");
    assert_eq!(client.change(&main, &text).len(), 0);

    let position = |what: &str| json!({ "textDocument": document, "position": at(&text, what) });
    let hover = client.ask("textDocument/hover", position("lr = "));
    let shown = hover["contents"]["value"].as_str().unwrap();
    assert!(shown.contains("lr: float in 0.0..1.0") && shown.contains("Here: `1e-4`"), "{shown}");
    let hover = client.ask("textDocument/hover", position("tau *"));
    assert!(hover["contents"]["value"].as_str().unwrap().contains("The weight."));

    let half = text.replace("optimizer = adamw { lr = 1e-4 }", "optimizer = adamw { lr = 1e-4, cl }");
    client.change(&main, &half);
    let mut place = at(&half, "cl }");
    place["character"] = json!(place["character"].as_u64().unwrap() + 2);
    let items = client.ask("textDocument/completion", json!({ "textDocument": document, "position": place }));
    let labels: Vec<&str> = items.as_array().unwrap().iter().map(|item| item["label"].as_str().unwrap()).collect();
    assert!(labels.contains(&"clip") && labels.contains(&"warmup") && !labels.contains(&"lr"), "{labels:?}");
    client.change(&main, &text);

    let definition = client.ask("textDocument/definition", position("leaning(pi"));
    assert_eq!(definition["uri"], library);
    assert_eq!(definition["range"]["start"], at(LIBRARY, "leaning"));

    let rename = json!({ "textDocument": document, "position": at(&text, "leaning(pi"), "newName": "lean" });
    let edits = client.ask("textDocument/rename", rename);
    assert_eq!(edits["changes"][&main].as_array().unwrap().len(), 2);
    assert_eq!(edits["changes"][&library].as_array().unwrap().len(), 1);
    let taken = json!({ "textDocument": document, "position": at(&text, "leaning(pi"), "newName": "tau" });
    let refused = client.answer("textDocument/rename", taken);
    assert!(refused["error"]["message"].as_str().unwrap().contains("something else"));

    let messy = text.replace("  y = sample(pi, prompts,", "y=sample( pi,prompts,");
    client.change(&main, &messy);
    let options = json!({ "tabSize": 2, "insertSpaces": true });
    let edits = client.ask("textDocument/formatting", json!({ "textDocument": document, "options": options }));
    assert!(edits[0]["newText"].as_str().unwrap().contains("\n  y = sample(pi, prompts, count = 32)\n"));

    // A change in an open library is seen in the file that imports it.
    client.open(&library, LIBRARY);
    client.tell(
        "textDocument/didChange",
        json!({ "textDocument": { "uri": library, "version": 2 },
                "contentChanges": [{ "text": LIBRARY.replace("leaning", "other") }] }),
    );
    // Opening the library has the file looked at once more, with nothing to find.
    let found = (0..2).map(|_| client.findings(&main)).find(|found| !found.is_empty()).unwrap();
    assert_eq!(found[0]["code"], "PB0212");
    client.end();
}

#[test]
fn an_answer_comes_quickly_after_a_keystroke() {
    let policy = "policy extra_N {\n  model     = llama { layers = 2, width = 64, heads = 4, context = 64 tokens }\n  \
                  init      = imitate(demos)\n  optimizer = adamw { lr = 2e-4 }\n}\n";
    let text = MAIN
        .replace("/* 😀 */ ", "")
        .replace("use \"lib.pbpo\" { leaning }\n", "")
        .replace("leaning(pi, y)", "mean(logp(pi, y))");
    let many: String = (0..390).map(|n| policy.replace('N', &n.to_string())).collect();
    let text = format!("{text}{many}");
    assert!(text.lines().count() > 1900);
    let mut client = Client::start();
    client.open("file:///tmp/long.pbpo", &text);
    let mut times: Vec<std::time::Duration> = (0..9)
        .map(|n| {
            let changed = text.replace("lr = 1e-4", &format!("lr = {n}e-5"));
            let start = std::time::Instant::now();
            client.change("file:///tmp/long.pbpo", &changed);
            start.elapsed()
        })
        .collect();
    times.sort();
    eprintln!("a keystroke in 2,000 lines: median {:?}, slowest {:?}", times[4], times[8]);
    // Five times the budget of 50 ms: machines that test are busy.
    assert!(times[4].as_millis() < 250, "{times:?}");
    client.end();
}
