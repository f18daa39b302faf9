//! A judge's server in this process: it answers by a script and keeps its requests.

#![allow(dead_code, reason = "each test uses some of it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use pbpo_judge::{ChatSettings, OrderSettings, Query, Remote, ServerSettings, Store, Verdict};
use serde_json::{Value, json};

/// The server's reaction to a request.
pub enum Step {
    /// A status line without the version, further header lines, and a body.
    Reply(&'static str, String, String),
    /// A promised length of the body, and a shorter body after which the connection is closed.
    CutOff(usize, String),
    Silence(Duration),
    /// An endless answer, one byte after each such time.
    Drip(Duration),
    /// Header lines and bytes, sent unchanged.
    Bytes(String, Vec<u8>),
}

#[derive(Clone)]
pub struct Request {
    pub head: String,
    pub body: Value,
}

pub struct Server {
    pub url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Starts a server; `script` gets a request's number, from 0, and the request.
    pub fn start(script: impl Fn(usize, &Request) -> Step + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (kept, script) = (requests.clone(), Arc::new(script));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (kept, script) = (kept.clone(), script.clone());
                thread::spawn(move || serve(stream.unwrap(), &kept, script.as_ref()));
            }
        });
        Self { url, requests }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    /// Returns settings for this server with short waits.
    pub fn settings(&self) -> ServerSettings {
        ServerSettings { url: Some(self.url.clone()), backoff_s: 0.005, timeout: 5.0, ..ServerSettings::default() }
    }
}

/// Answers one request and then closes the listener.
pub fn serve_once(listener: &TcpListener, script: fn(&Request) -> Step) {
    serve(listener.accept().unwrap().0, &Mutex::default(), &|_, request| script(request));
}

fn serve(stream: TcpStream, kept: &Mutex<Vec<Request>>, script: &dyn Fn(usize, &Request) -> Step) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    let request = Request { head, body: serde_json::from_slice(&body).unwrap() };
    let number = {
        let mut kept = kept.lock().unwrap();
        kept.push(request.clone());
        kept.len() - 1
    };
    answer(stream, script(number, &request));
}

fn answer(mut stream: TcpStream, step: Step) {
    let (status, headers, length, body) = match step {
        Step::Reply(status, headers, body) => (status, headers, body.len(), body.into_bytes()),
        Step::CutOff(length, body) => ("200 OK", String::new(), length, body.into_bytes()),
        Step::Silence(time) => return thread::sleep(time),
        Step::Bytes(headers, body) => ("200 OK", headers, body.len(), body),
        Step::Drip(pause) => {
            let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
            let _ = stream.write_all(head);
            while stream.write_all(b" ").is_ok() {
                thread::sleep(pause);
            }
            return;
        }
    };
    // A client that has read enough may have closed the connection.
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n");
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
    let _ = stream.shutdown(Shutdown::Write);
}

/// Returns a status with a message, in the form of OpenAI.
pub fn status(status: &'static str, message: &str) -> Step {
    Step::Reply(status, String::new(), json!({"error": {"message": message}}).to_string())
}

/// Returns the answer of a chat model with this text, in 10 + 2 tokens.
pub fn says(text: &str) -> Step {
    let choice = json!({"message": {"role": "assistant", "content": text}, "finish_reason": "stop"});
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 2});
    Step::Reply("200 OK", String::new(), json!({"choices": [choice], "usage": usage}).to_string())
}

/// Returns the question in a chat request with a one-line prompt.
pub fn asked(request: &Request) -> String {
    request.body["messages"][0]["content"].as_str().unwrap().to_owned()
}

/// Returns an answer that prefers the longer response; the prompt is `{prompt}|{first}|{second}`.
pub fn longer(request: &Request) -> Step {
    let asked = asked(request);
    let [_, first, second] = asked.split('|').collect::<Vec<_>>()[..] else { return says("which?") };
    says(if first.len() > second.len() { "A" } else { "B" })
}

/// Returns query `i`, whose first response is longer if `i` is even.
pub fn query(i: usize) -> Query {
    let (long, short) = ("long".to_owned(), "no".to_owned());
    let (first, second) = if i.is_multiple_of(2) { (long, short) } else { (short, long) };
    Query { prompt: format!("p{i}"), first, second, answer: None }
}

pub fn one_order() -> OrderSettings {
    OrderSettings { swap: false, ..OrderSettings::default() }
}

pub fn chat() -> ChatSettings {
    ChatSettings { model: "m".into(), prompt: Some("{prompt}|{first}|{second}".into()), ..ChatSettings::default() }
}

pub fn judge(settings: ServerSettings, store: Store) -> Remote {
    Remote::chat(chat(), settings, one_order(), store).unwrap()
}

pub fn queries(count: usize) -> Vec<Query> {
    (0..count).map(query).collect()
}

/// Returns the verdicts of `longer` for these queries.
pub fn expected(count: usize) -> Vec<Verdict> {
    (0..count).map(|i| Verdict::Prefer(if i.is_multiple_of(2) { 1.0 } else { 0.0 })).collect()
}
