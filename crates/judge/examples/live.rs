//! A trial with a real server: `cargo run -p pbpo-judge --example live -- URL MODEL`, such as
//! `http://127.0.0.1:18100/v1` and the directory of a checkpoint that `transformers serve` has there.
//!
//! Asks chat and `systemone` judges about a few pairs in both orders and prints verdicts and usage. Ends with status 1
//! if a verdict is a failure, if a second pass asks the server anything, or if a wrong model passes the check.

use std::process::ExitCode;

use pbpo_judge::{
    ChatSettings, DecisionSettings, Error, Judge, OrderSettings, Query, Remote, ServerSettings, Store, Verdict,
};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let [_, url, model] = &args[..] else {
        eprintln!("usage: live URL MODEL");
        return ExitCode::FAILURE;
    };
    match trial(url, model) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn trial(url: &str, model: &str) -> Result<bool, Error> {
    let chat = |model: &str| ChatSettings { model: model.into(), logprobs: true, ..ChatSettings::default() };
    let decision = DecisionSettings { model: model.into(), ..DecisionSettings::default() };
    let server = || ServerSettings { url: Some(url.into()), retries: 1, ..ServerSettings::default() };
    let order = OrderSettings::default();
    let judges = [
        ("chat", Remote::chat(chat(model), server(), order.clone(), Store::in_memory())?),
        ("systemone", Remote::decision(decision, server(), order.clone(), Store::in_memory())?),
    ];
    let mut fine = true;
    for (name, judge) in &judges {
        judge.check()?;
        let verdicts = judge.judge(&pairs())?;
        println!("{name}: {verdicts:?}");
        fine &= !verdicts.iter().any(|verdict| matches!(verdict, Verdict::Failed(_)));
        let calls = judge.usage().calls;
        fine &= judge.judge(&pairs())? == verdicts && judge.usage().calls == calls;
        println!("{name}: {:?}", judge.usage());
    }
    let wrong = Remote::chat(chat("no/such-model"), server(), order, Store::in_memory())?.check();
    println!("a model that is not there: {wrong:?}");
    Ok(fine && wrong.is_err())
}

fn pairs() -> Vec<Query> {
    let pair = |a: i32, b: i32| Query {
        prompt: format!("{a} + {b} ="),
        first: (a + b).to_string(),
        second: (a - b).to_string(),
        answer: None,
    };
    (1..9).map(|a| pair(a, 9 - a)).collect()
}
