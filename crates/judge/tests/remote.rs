//! The questions of chat and decision judges, and the reading of their answers.

mod server;

use std::sync::Arc;
use std::time::{Duration, Instant};

use pbpo_judge::{
    ChatSettings, DecisionSettings, Judge, OrderSettings, Query, Remote, ServerSettings, Store, Verdict, Wire,
};
use serde_json::json;
use server::{Server, Step, asked, chat, expected, judge, longer, one_order, queries, query, says};

#[test]
fn verdicts_come_in_the_order_of_the_queries() {
    for concurrency in [1, 8] {
        let server = Server::start(|number, request| {
            std::thread::sleep(Duration::from_millis(7 * (number as u64 * 5 % 4)));
            longer(request)
        });
        let settings = ServerSettings { concurrency, ..server.settings() };
        let judge = judge(settings, Store::in_memory());
        assert_eq!(judge.judge(&queries(24)).unwrap(), expected(24));
        let usage = judge.usage();
        assert_eq!((usage.calls, usage.retries, usage.prompt_tokens, usage.completion_tokens), (24, 0, 240, 48));
        assert!(usage.latency_s > 0.0);
    }
}

#[test]
fn both_orders_are_asked_and_a_biased_judge_ties() {
    let server = Server::start(|_, _| says("A"));
    let judge = Remote::chat(chat(), server.settings(), OrderSettings::default(), Store::in_memory()).unwrap();
    assert_eq!(judge.judge(&[query(0)]).unwrap(), [Verdict::Tie]);
    let mut asked: Vec<String> = server.requests().iter().map(asked).collect();
    asked.sort();
    assert_eq!(asked, ["p0|long|no", "p0|no|long"]);
    assert_eq!((judge.usage().flips, judge.usage().ties, judge.usage().calls), (1, 1, 2));
}

#[test]
fn equal_questions_are_asked_once() {
    let server = Server::start(|_, request| longer(request));
    let judge = judge(server.settings(), Store::in_memory());
    assert_eq!(judge.judge(&[query(0), query(1), query(0)]).unwrap()[2], Verdict::Prefer(1.0));
    assert_eq!((server.count(), judge.usage().stored), (2, 1));
}

#[test]
fn judges_may_share_a_store() {
    let server = Server::start(|_, request| longer(request));
    let store = Arc::new(Store::in_memory());
    for _ in 0..2 {
        let judge = Remote::chat(chat(), server.settings(), one_order(), store.clone()).unwrap();
        assert_eq!(judge.judge(&queries(3)).unwrap(), expected(3));
    }
    assert_eq!((server.count(), store.len()), (3, 3));
    let other = ChatSettings { seed: Some(1), ..chat() };
    Remote::chat(other, server.settings(), one_order(), store).unwrap().judge(&queries(3)).unwrap();
    assert_eq!(server.count(), 6);
}

#[test]
fn answers_of_one_server_are_not_those_of_another_with_a_model_of_the_same_name() {
    let (long, biased) = (Server::start(|_, request| longer(request)), Server::start(|_, _| says("B")));
    let store = Arc::new(Store::in_memory());
    let verdicts = |server: &Server| {
        Remote::chat(chat(), server.settings(), one_order(), store.clone()).unwrap().judge(&queries(3)).unwrap()
    };
    assert_eq!(verdicts(&long), expected(3));
    assert_eq!(verdicts(&biased), vec![Verdict::Prefer(0.0); 3]);
    assert_eq!(biased.count(), 3);
}

#[test]
fn requests_keep_the_rate() {
    let server = Server::start(|_, request| longer(request));
    let judge = judge(ServerSettings { rate: Some(50.0), ..server.settings() }, Store::in_memory());
    let started = Instant::now();
    judge.judge(&queries(8)).unwrap();
    assert!(started.elapsed() >= Duration::from_millis(140), "{:?}", started.elapsed());
}

#[test]
fn logprobs_make_soft_labels_and_their_lack_hard_ones() {
    let soft = json!({"choices": [{
        "message": {"content": "B"},
        "logprobs": {"content": [{"top_logprobs": [
            {"token": "B", "logprob": 0.6_f64.ln()},
            {"token": " A", "logprob": 0.3_f64.ln()},
        ]}]},
    }]});
    let server = Server::start(move |number, _| match number {
        0 => Step::Reply("200 OK", String::new(), soft.to_string()),
        _ => says("B"),
    });
    let settings = ChatSettings { logprobs: true, ..chat() };
    let judge = Remote::chat(settings, server.settings(), one_order(), Store::in_memory()).unwrap();
    let verdicts = judge.judge(&queries(3)).unwrap();
    let [Verdict::Prefer(p), Verdict::Prefer(0.0), Verdict::Prefer(0.0)] = verdicts[..] else { panic!("{verdicts:?}") };
    assert!((p - 1.0 / 3.0).abs() < 1e-12);
    // One answer had log-probabilities, two had only text.
    assert_eq!(judge.usage().texts, 2);
}

#[test]
fn decision_endpoints_answer_with_probabilities() {
    let server = Server::start(|_, request| {
        let systemone = request.head.starts_with("POST /v1/systemone ");
        let answers = match systemone {
            true => json!({"better": {"type": "choice", "probabilities": {"first": 0.9, "second": 0.1}}}),
            false => json!([{"type": "choice", "probabilities":
                [{"value": "first", "probability": 0.2}, {"value": "second", "probability": 0.8}]}]),
        };
        let usage = json!({"input_tokens": 7, "output_tokens": 0});
        Step::Reply("200 OK", String::new(), json!({"answers": answers, "usage": usage}).to_string())
    });
    for (wire, first) in [(Wire::Systemone, 0.9), (Wire::Openai, 0.2)] {
        let settings = DecisionSettings { model: "m".into(), wire, ..DecisionSettings::default() };
        let judge = Remote::decision(settings, server.settings(), one_order(), Store::in_memory()).unwrap();
        assert_eq!(judge.judge(&queries(1)).unwrap(), [Verdict::Prefer(first)]);
        assert_eq!(judge.usage().prompt_tokens, 7);
    }
    assert!(server.requests()[1].head.starts_with("POST /v1/decisions "));
}

#[test]
fn a_prompt_with_an_answer_needs_one() {
    let server = Server::start(|_, _| says("A"));
    let settings = ChatSettings { prompt: Some("{prompt} {answer} {first} {second}".into()), ..chat() };
    let judge = Remote::chat(settings, server.settings(), one_order(), Store::in_memory()).unwrap();
    let answered = Query { answer: Some("42".into()), ..query(0) };
    let verdicts = judge.judge(&[query(1), answered]).unwrap();
    assert!(matches!(&verdicts[0], Verdict::Abstain(why) if why.contains("reference answer")), "{verdicts:?}");
    assert_eq!(verdicts[1], Verdict::Prefer(1.0));
    assert_eq!(judge.usage().abstentions, 1);
}

#[test]
fn bad_settings_are_told_before_anything_is_sent() {
    let new = |settings| Remote::chat(chat(), settings, one_order(), Store::in_memory()).err().unwrap().to_string();
    let base = ServerSettings::default();
    assert!(new(ServerSettings { concurrency: 0, ..base.clone() }).contains("`concurrency` is 0"));
    assert!(new(ServerSettings { rate: Some(f64::NAN), ..base.clone() }).contains("`rate`"));
    assert!(new(ServerSettings { most_usd: Some(1.0), ..base.clone() }).contains("needs prices"));
    assert!(new(ServerSettings { url: Some("http://u:p@h/v1".into()), ..base }).contains("a key or a password"));
}
