//! A server that fails, stalls, refuses or dies; crashes and spent budgets.

mod server;

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use pbpo_judge::{ChatSettings, Error, Judge, Limit, Remote, SendKey, ServerSettings, Store, Verdict};
use serde_json::json;
use server::{Server, Step, asked, chat, expected, judge, longer, one_order, queries, query, says, status};

#[test]
fn what_may_pass_is_tried_again() {
    type Script = fn() -> Step;
    let troubles: [Script; 6] = [
        || status("500 Internal Server Error", "oops"),
        || status("503 Service Unavailable", "busy"),
        || status("409 Conflict", "wait"),
        || Step::Reply("200 OK", String::new(), "{\"choices\": [".into()),
        || Step::Reply("200 OK", String::new(), "{\"choices\": []}".into()),
        || Step::CutOff(500, "{\"choices\": ".into()),
    ];
    for trouble in troubles {
        let server = Server::start(move |number, request| if number < 2 { trouble() } else { longer(request) });
        let judge = judge(server.settings(), Store::in_memory());
        assert_eq!(judge.judge(&queries(1)).unwrap(), expected(1));
        assert_eq!((judge.usage().calls, judge.usage().retries, server.count()), (1, 2, 3));
    }
}

#[test]
fn slow_answers_are_asked_for_again() {
    let slow = Duration::from_secs(20);
    let server = Server::start(move |number, request| if number == 0 { Step::Silence(slow) } else { longer(request) });
    let judge = judge(ServerSettings { timeout: 0.4, ..server.settings() }, Store::in_memory());
    let started = Instant::now();
    assert_eq!(judge.judge(&queries(1)).unwrap(), expected(1));
    assert!(judge.usage().retries >= 1 && started.elapsed() < slow, "{:?}", judge.usage());
}

#[test]
fn retry_after_is_waited_for() {
    let server = Server::start(|number, request| match number {
        0 => Step::Reply("429 Too Many Requests", "retry-after: 1\r\n".into(), "{}".into()),
        _ => longer(request),
    });
    let started = Instant::now();
    assert_eq!(judge(server.settings(), Store::in_memory()).judge(&queries(1)).unwrap(), expected(1));
    assert!(started.elapsed() >= Duration::from_secs(1));

    let server =
        Server::start(|_, _| Step::Reply("429 Too Many Requests", "retry-after: 7200\r\n".into(), "{}".into()));
    let error = judge(server.settings(), Store::in_memory()).judge(&queries(1)).unwrap_err();
    assert!(error.to_string().contains("7200 s"), "{error}");
}

#[test]
fn what_will_not_pass_stops_at_once() {
    for (code, says) in [
        ("400 Bad Request", "labels are no tokens"),
        ("401 Unauthorized", "no such key"),
        ("403 Forbidden", "not yours"),
        ("404 Not Found", "no such model"),
        ("422 Unprocessable Entity", "unknown field"),
        ("429 Too Many Requests", "insufficient_quota"),
    ] {
        let server = Server::start(move |_, _| status(code, says));
        let judge = judge(server.settings(), Store::in_memory());
        for error in [judge.check().unwrap_err(), judge.judge(&queries(20)).unwrap_err()] {
            assert!(error.message.contains(says) && error.help.is_some(), "{error}");
        }
        assert_eq!(server.count(), 2);
    }
}

#[test]
fn a_refused_pair_is_a_failure_once_others_were_answered() {
    let store = tempfile::NamedTempFile::new().unwrap();
    let server = Server::start(|_, request| match asked(request).starts_with("p3") {
        true => status("400 Bad Request", "too many tokens"),
        false => longer(request),
    });
    let judge = judge(server.settings(), Store::open(store.path()).unwrap());
    judge.check().unwrap();
    let verdicts = judge.judge(&queries(5)).unwrap();
    assert!(matches!(&verdicts[3], Verdict::Failed(why) if why.contains("too many tokens")), "{verdicts:?}");
    assert_eq!([&verdicts[..3], &verdicts[4..]].concat(), [&expected(5)[..3], &expected(5)[4..]].concat());
    assert_eq!((judge.usage().failures, judge.usage().retries), (1, 0));
    // A failure is not stored, so it is asked again.
    let before = server.count();
    judge.judge(&queries(5)).unwrap();
    assert_eq!((server.count() - before, judge.usage().stored), (1, 4));
}

#[test]
fn a_server_that_keeps_failing_gives_failures() {
    let server = Server::start(|number, request| match number {
        0 => longer(request),
        _ => status("500 Internal Server Error", "out of memory"),
    });
    let judge = judge(ServerSettings { retries: 2, ..server.settings() }, Store::in_memory());
    let verdicts = judge.judge(&queries(2)).unwrap();
    assert!(matches!(&verdicts[1], Verdict::Failed(why) if why.contains("out of memory")), "{verdicts:?}");
    assert_eq!((server.count(), judge.usage().retries), (4, 2));
}

#[test]
fn a_server_that_dies_stops_the_run() {
    let server = Server::start(|number, request| match number {
        0..4 => longer(request),
        _ => status("502 Bad Gateway", "gone"),
    });
    let judge = judge(ServerSettings { retries: 1, ..server.settings() }, Store::in_memory());
    assert_eq!(judge.judge(&queries(4)).unwrap(), expected(4));
    let error = judge.judge(&queries(12)).unwrap_err();
    assert!(error.message.contains("does not answer") && error.message.contains("gone"), "{error}");
    assert_eq!((server.count(), judge.usage().failures), (4 + 2 * 8, 0));
}

#[test]
fn a_server_that_is_not_there_fails_the_check() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = Some(format!("http://{free}/v1"));
    let settings = ServerSettings { url, retries: 1, backoff_s: 0.0, ..ServerSettings::default() };
    let error = judge(settings, Store::in_memory()).check().unwrap_err();
    assert!(error.message.contains(&free.to_string()) && error.message.contains("does not answer"), "{error}");
}

/// Until the first answer, a wrong address is more likely than a slow server.
#[test]
fn a_server_that_never_was_there_is_not_waited_for() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = Some(format!("http://{free}/v1"));
    let settings = ServerSettings { url, backoff_s: 4.0, ..ServerSettings::default() };
    let started = Instant::now();
    let error = judge(settings, Store::in_memory()).judge(&queries(1)).unwrap_err();
    assert!(error.message.contains(&free.to_string()) && error.message.contains("does not answer"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[test]
fn a_server_that_goes_away_gets_all_its_retries() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Some(format!("http://{}/v1", listener.local_addr().unwrap()));
    let once = std::thread::spawn(move || server::serve_once(&listener, longer));
    let settings = ServerSettings { url, retries: 2, backoff_s: 0.005, ..ServerSettings::default() };
    let judge = judge(settings, Store::in_memory());
    assert_eq!(judge.judge(&queries(1)).unwrap(), expected(1));
    once.join().unwrap();
    let verdicts = judge.judge(&queries(2)).unwrap();
    assert!(matches!(&verdicts[1], Verdict::Failed(why) if why.contains("refused")), "{verdicts:?}");
    assert_eq!(judge.usage().retries, 2);
}

#[test]
fn huge_answers_are_refused() {
    let server = Server::start(|number, request| match number {
        0 => longer(request),
        _ => Step::Reply("200 OK", String::new(), " ".repeat(5 << 20)),
    });
    let verdicts = judge(server.settings(), Store::in_memory()).judge(&queries(2)).unwrap();
    assert!(matches!(&verdicts[1], Verdict::Failed(why) if why.contains("larger than 4194304 bytes")), "{verdicts:?}");
}

#[test]
fn redirects_are_not_followed() {
    let other = Server::start(|_, request| longer(request));
    let location = format!("location: {}/chat/completions\r\n", other.url);
    let server = Server::start(move |_, _| Step::Reply("307 Temporary Redirect", location.clone(), String::new()));
    let error = judge(server.settings(), Store::in_memory()).check().unwrap_err();
    assert!(error.to_string().contains("redirects are not followed"), "{error}");
    assert_eq!((server.count(), other.count()), (1, 0));
}

/// The tests' package name serves as a key, because cargo sets it.
#[test]
fn the_key_goes_to_the_server_and_nowhere_else() {
    let (name, key) = ("CARGO_PKG_NAME", env!("CARGO_PKG_NAME"));
    let file = tempfile::NamedTempFile::new().unwrap();
    let server = Server::start(move |number, _| match number {
        0 => says(&format!("[[A]], and your key is {key}")),
        _ => status("401 Unauthorized", &format!("Incorrect API key provided: {key}")),
    });
    let settings = ServerSettings { key: Some(name.into()), send_keys: granted(name, &server), ..server.settings() };
    let judge = judge(settings, Store::open(file.path()).unwrap());
    let error = judge.judge(&queries(3)).unwrap_err().to_string();
    assert!(error.contains("provided: ***") && error.contains(name) && !error.contains(key), "{error}");
    assert!(!std::fs::read_to_string(file.path()).unwrap().contains(key));
    assert!(server.requests()[0].head.to_lowercase().contains(&format!("authorization: bearer {key}")));
}

/// Returns the command-line grants that let a key go to a test's server.
fn granted(name: &str, server: &Server) -> Vec<SendKey> {
    let host = server.url.trim_start_matches("http://").trim_end_matches("/v1");
    vec![format!("{name}@{host}").parse().unwrap()]
}

/// A key with characters that servers often escape; cargo sets it.
#[test]
fn an_echo_with_escapes_is_hidden_in_errors_and_in_the_store() {
    let (name, key) = ("CARGO_MANIFEST_DIR", env!("CARGO_MANIFEST_DIR"));
    let codes: String = key.chars().map(|c| format!("\\u{:04x}", c as u32)).collect();
    for echo in [key.replace('/', "\\/"), codes] {
        let file = tempfile::NamedTempFile::new().unwrap();
        let server = Server::start(move |number, _| match number {
            0 => {
                let choice = "{\"message\": {\"content\": \"A\"}, \"finish_reason\": \"stop\"}";
                let reply = format!("{{\"choices\": [{choice}], \"{echo}\": [\"{echo}\"]}}");
                Step::Reply("200 OK", String::new(), reply)
            }
            _ => Step::Reply(
                "401 Unauthorized",
                String::new(),
                format!("{{\"error\": {{\"message\": \"bad {echo}\"}}}}"),
            ),
        });
        let settings =
            ServerSettings { key: Some(name.into()), send_keys: granted(name, &server), ..server.settings() };
        let judge = judge(settings, Store::open(file.path()).unwrap());
        let error = judge.judge(&queries(3)).unwrap_err().to_string();
        assert!(error.contains("bad ***") && !error.contains(key), "{error}");
        let stored = std::fs::read_to_string(file.path()).unwrap();
        assert!(stored.contains("\"***\":[\"***\"]") && !stored.contains(key), "{stored}");
    }
}

#[test]
fn a_key_that_a_file_names_is_not_sent_without_the_command_line() {
    let server = Server::start(|_, request| longer(request));
    let settings = ServerSettings { key: Some("CARGO_PKG_NAME".into()), ..server.settings() };
    let error = Remote::chat(chat(), settings, one_order(), Store::in_memory()).err().unwrap().to_string();
    assert!(error.contains("--send-key CARGO_PKG_NAME@127.0.0.1:"), "{error}");
    assert_eq!(server.count(), 0);
}

#[test]
fn answers_that_drip_nest_or_unpack_without_end_are_ended() {
    let drip = Server::start(|number, request| match number {
        0 => Step::Drip(Duration::from_millis(20)),
        _ => longer(request),
    });
    let started = Instant::now();
    let patient = ServerSettings { timeout: 0.5, ..drip.settings() };
    assert_eq!(judge(patient, Store::in_memory()).judge(&queries(1)).unwrap(), expected(1));
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());

    let file = tempfile::NamedTempFile::new().unwrap();
    let deep = Server::start(|number, request| match number {
        0 => longer(request),
        _ => {
            let nested = format!("{}{}", "[".repeat(110), "]".repeat(110));
            let choice = "{\"message\": {\"content\": \"A\"}}";
            Step::Reply("200 OK", String::new(), format!("{{\"choices\": [{choice}], \"x\": {nested}}}"))
        }
    });
    let verdicts = judge(deep.settings(), Store::open(file.path()).unwrap()).judge(&queries(2)).unwrap();
    assert!(matches!(&verdicts[1], Verdict::Failed(why) if why.contains("nests more than 64")), "{verdicts:?}");
    let store = Store::open(file.path()).unwrap();
    assert_eq!((store.len(), store.note()), (1, None));

    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    (0..64).for_each(|_| packed.write_all(&vec![b' '; 1 << 20]).unwrap());
    let bytes = packed.finish().unwrap();
    let bomb = Server::start(move |number, request| match number {
        0 => longer(request),
        _ => Step::Bytes("content-encoding: gzip\r\n".into(), bytes.clone()),
    });
    let verdicts = judge(bomb.settings(), Store::in_memory()).judge(&queries(2)).unwrap();
    assert!(matches!(&verdicts[1], Verdict::Failed(why) if why.contains("larger than 4194304 bytes")), "{verdicts:?}");
}

/// A server that takes neither `max_tokens` nor `temperature`, and refuses them one after the other.
#[test]
fn a_server_that_wants_other_parameters_gets_them() {
    let server = Server::start(|_, request| {
        for (name, says) in [
            (
                "max_tokens",
                "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead.",
            ),
            ("temperature", "Unsupported value: 'temperature' does not support 0 with this model."),
        ] {
            if !request.body[name].is_null() {
                let error = json!({"error": {"message": says, "param": name, "code": "unsupported_parameter"}});
                return Step::Reply("400 Bad Request", String::new(), error.to_string());
            }
        }
        longer(request)
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    let ask = |settings: ChatSettings| {
        let judge = Remote::chat(settings, server.settings(), one_order(), Store::open(file.path()).unwrap()).unwrap();
        assert_eq!(judge.judge(&queries(6)).unwrap(), expected(6));
        (judge.usage().calls, judge.usage().retries, judge.notices().len())
    };
    assert_eq!(ask(chat()), (6, 2, 1));
    let last = server.requests().last().unwrap().body.clone();
    assert_eq!((&last["max_completion_tokens"], &last["temperature"]), (&json!(16), &json!(null)));
    // The answers are found again under either name of the limit.
    assert_eq!(ask(chat()), (0, 0, 0));
    assert_eq!(ask(ChatSettings { limit: Some(Limit::MaxCompletionTokens), ..chat() }), (0, 0, 0));
    let before = server.count();
    assert_eq!(ask(ChatSettings { limit: Some(Limit::MaxCompletionTokens), temperature: None, ..chat() }), (6, 0, 0));
    assert_eq!(server.count() - before, 6);
}

#[test]
fn a_stored_answer_that_says_nothing_is_asked_for_again() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let server = Server::start(|_, request| longer(request));
    judge(server.settings(), Store::open(file.path()).unwrap()).judge(&queries(2)).unwrap();
    let text = std::fs::read_to_string(file.path()).unwrap();
    let line = text.lines().next().unwrap();
    let key = &line[..line.find(",\"reply\"").unwrap()];
    // One line lacks choices, and the other was changed on the disk.
    let other = text.lines().nth(1).unwrap().replace("prompt_tokens", "prompt-tokens");
    std::fs::write(file.path(), format!("{key},\"reply\":{{}},\"latency_s\":0.1}}\n{other}\n")).unwrap();
    let store = Store::open(file.path()).unwrap();
    assert!(store.note().unwrap().contains("line 2, its sum is another one"), "{:?}", store.note());
    let judge = judge(server.settings(), store);
    assert_eq!(judge.judge(&queries(2)).unwrap(), expected(2));
    assert_eq!((server.count(), judge.usage().calls), (4, 2));
}

/// Asks 8 queries one by one; when the server gets the fifth, the store is in the state of a crash.
fn crash(at: &Path) -> Server {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (from, to) = (file.path().to_owned(), at.to_owned());
    let server = Server::start(move |number, request| {
        if number == 4 {
            std::fs::copy(&from, &to).unwrap();
        }
        longer(request)
    });
    let judge = judge(ServerSettings { concurrency: 1, ..server.settings() }, Store::open(file.path()).unwrap());
    judge.judge(&queries(8)).unwrap();
    server
}

#[test]
fn after_a_crash_nothing_is_asked_twice() {
    let left = tempfile::NamedTempFile::new().unwrap();
    let server = crash(left.path());
    let before = server.count();
    let text = std::fs::read_to_string(left.path()).unwrap();
    assert_eq!(text.lines().count(), 4);
    std::fs::write(left.path(), format!("{text}{}", &text[..30])).unwrap();

    let store = Store::open(left.path()).unwrap();
    assert!(store.note().unwrap().contains("30 bytes"));
    let judge = judge(server.settings(), store);
    assert_eq!(judge.judge(&queries(8)).unwrap(), expected(8));
    let mut again: Vec<String> = server.requests()[before..].iter().map(asked).collect();
    again.sort();
    assert_eq!(
        again,
        (4..8)
            .map(|i| {
                let q = query(i);
                format!("{}|{}|{}", q.prompt, q.first, q.second)
            })
            .collect::<Vec<_>>()
    );
    assert_eq!((judge.usage().stored, judge.usage().calls), (4, 4));
    drop(judge);
    assert_eq!(Store::open(left.path()).unwrap().len(), 8);
}

#[test]
fn budgets_stop_and_keep_what_was_answered() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let server = Server::start(|_, request| longer(request));
    let limited = |limit: ServerSettings| -> Result<Vec<Verdict>, Error> {
        let judge = judge(ServerSettings { concurrency: 1, ..limit }, Store::open(file.path())?);
        judge.judge(&queries(6))
    };
    let error = limited(ServerSettings { most_calls: Some(3), ..server.settings() }).unwrap_err();
    assert!(error.message.contains("`most_calls = 3`"), "{error}");
    assert_eq!(server.count(), 3);
    // 10 tokens of 0.1 USD and 2 of 0.5 make 2 USD for each call.
    let priced = ServerSettings { usd_in: 1e5, usd_out: 5e5, ..server.settings() };
    let error = limited(ServerSettings { most_usd: Some(3.0), ..priced.clone() }).unwrap_err();
    assert!(error.message.contains("`most_usd = 3`") && error.message.contains("4.0000 USD"), "{error}");
    assert_eq!(server.count(), 5);
    assert_eq!(limited(ServerSettings { most_usd: Some(3.0), ..priced }).unwrap(), expected(6));
    assert_eq!(server.count(), 6);
}

#[test]
fn a_money_budget_needs_a_server_that_counts_tokens() {
    let server = Server::start(|_, _| {
        let reply = json!({"choices": [{"message": {"content": "A"}, "finish_reason": "stop"}]});
        Step::Reply("200 OK", String::new(), reply.to_string())
    });
    let settings = ServerSettings { most_usd: Some(1.0), usd_in: 1.0, ..server.settings() };
    let error = judge(settings, Store::in_memory()).check().unwrap_err();
    assert!(error.to_string().contains("`most_calls`"), "{error}");
}
