//! Verdicts from files.

use pbpo_judge::{Judge, Missing, Query, Recorded, Verdict};

fn recorded(text: &str, missing: Missing) -> Result<Recorded, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    Recorded::open(file.path(), missing).map_err(|error| error.to_string())
}

fn query(prompt: &str, first: &str, second: &str) -> Query {
    Query { prompt: prompt.into(), first: first.into(), second: second.into(), answer: None }
}

const LINES: &str = r#"{"prompt": "p", "chosen": "good", "rejected": "bad", "source": "people"}

{"prompt": "q", "first": "x", "second": "y", "probability": 0.25}
{"prompt": "r", "first": "x", "second": "y", "preferred": "first"}
{"prompt": "r", "first": "y", "second": "x", "preferred": "first"}
{"prompt": "r", "first": "x", "second": "y", "preferred": "first"}
{"prompt": "r", "first": "x", "second": "y", "preferred": "tie"}
"#;

#[test]
fn pairs_are_found_in_either_order() {
    let judge = recorded(LINES, Missing::Abstain).unwrap();
    let verdicts = judge
        .judge(&[
            query("p", "good", "bad"),
            query("p", "bad", "good"),
            query("q", "y", "x"),
            query("r", "x", "y"),
            query("r", "y", "x"),
            query("p", "good", "new"),
        ])
        .unwrap();
    // Four people on r: x, y, x, tie
    let of = Verdict::Prefer;
    assert_eq!(verdicts[..5], [of(1.0), of(0.0), of(0.75), of(0.625), of(0.375)]);
    assert!(matches!(verdicts[5], Verdict::Abstain(_)));
    assert_eq!(judge.usage().abstentions, 1);
    let strict = recorded(LINES, Missing::Error).unwrap();
    assert!(strict.judge(&[query("new prompt", "a", "b")]).unwrap_err().message.contains("\"new prompt\""));
}

#[test]
fn bad_lines_are_named() {
    for (line, why) in [
        ("{\"prompt\": \"p\"", "EOF"),
        ("{\"prompt\": \"p\", \"first\": \"x\", \"second\": \"y\"}", "neither `preferred` nor `probability`"),
        ("{\"prompt\": \"p\", \"first\": \"x\", \"rejected\": \"y\"}", "neither `first` and `second`"),
        ("{\"prompt\": \"p\", \"first\": \"x\", \"second\": \"y\", \"probability\": 1.5}", "`probability` is 1.5"),
        ("{\"prompt\": \"p\", \"first\": \"x\", \"second\": \"y\", \"preferred\": \"A\"}", "unknown variant `A`"),
        ("{\"prompt\": [], \"chosen\": \"x\", \"rejected\": \"y\"}", "expected a string"),
    ] {
        let error = recorded(&format!("{LINES}{line}\n"), Missing::Abstain).err().unwrap();
        assert!(error.contains(":8: ") && error.contains(why), "{error}");
    }
}

/// What a run writes of its soft labels.
#[test]
fn a_probability_is_that_of_the_chosen_response() {
    let line = r#"{"episode": 1, "prompt": "p", "chosen": "good", "rejected": "bad", "probability": 0.75}"#;
    let judge = recorded(line, Missing::Error).unwrap();
    let verdicts = judge.judge(&[query("p", "good", "bad"), query("p", "bad", "good")]).unwrap();
    assert_eq!(verdicts, [Verdict::Prefer(0.75), Verdict::Prefer(0.25)]);
}
