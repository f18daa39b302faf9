//! Verdicts from files.

use pbpo_judge::{Judge, Missing, Query, Recorded, Verdict};

fn recorded(missing: Missing) -> Recorded {
    let label = |prompt: &str, first: &str, second: &str, said| ([prompt, first, second].map(str::to_owned), said);
    let labels = [
        label("p", "good", "bad", 1.0),
        label("q", "x", "y", 0.25),
        label("r", "x", "y", 1.0),
        label("r", "y", "x", 1.0),
        label("r", "x", "y", 1.0),
        label("r", "x", "y", 0.5),
    ];
    Recorded::new("labels.jsonl".into(), labels, missing)
}

fn query(prompt: &str, first: &str, second: &str) -> Query {
    Query { prompt: prompt.into(), first: first.into(), second: second.into(), answer: None }
}

#[test]
fn pairs_are_found_in_either_order() {
    let judge = recorded(Missing::Abstain);
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
    // Four people judged r: x, y, x, tie.
    let of = Verdict::Prefer;
    assert_eq!(verdicts[..5], [of(1.0), of(0.0), of(0.75), of(0.625), of(0.375)]);
    assert!(matches!(verdicts[5], Verdict::Abstain(_)));
    assert_eq!(judge.usage().abstentions, 1);
    let strict = recorded(Missing::Error);
    assert!(strict.judge(&[query("new prompt", "a", "b")]).unwrap_err().message.contains("\"new prompt\""));
}
