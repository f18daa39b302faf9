//! Verifiers on answers in the forms that models write.

use pbpo_judge::{Exact, Judge, Numeric, Pick, Query, Rule, Verdict, Verifier};
use serde_json::json;

fn score(rule: &Rule, response: &str, answer: &str) -> f64 {
    Verifier::new(rule.clone()).unwrap().score(response, answer)
}

#[test]
fn exact_ignores_what_it_is_told_to() {
    let strict = Rule::Exact(Exact::default());
    let loose = Rule::Exact(Exact { ignore_case: true, ignore_punctuation: true, ignore_whitespace: true });
    for (response, strictly, loosely) in
        [("New York", 1.0, 1.0), (" new  york.\n", 0.0, 1.0), ("NewYork", 0.0, 0.0), ("«NEW YORK»", 0.0, 1.0)]
    {
        assert_eq!(score(&strict, response, "New York"), strictly, "{response}");
        assert_eq!(score(&loose, response, "New York"), loosely, "{response}");
    }
}

#[test]
fn numeric_reads_numbers_as_people_write_them() {
    let last = Rule::Numeric(Numeric::default());
    for (response, answer) in [
        ("So it is $1,234.50.", "1234.5"),
        ("3 apples and 4 pears make 7", "7"),
        ("about 25%", "25 %"),
        ("-5", "-5"),
        ("a loss of -$5", "-5"),
        ("\u{2212}5", "-5"),
        ("12-5", "5"),
        ("top-5", "5"),
        ("6.02e23", "602000000000000000000000"),
        (".5", "0.50"),
        ("1, 2, 300", "300"),
        ("#### 42\n(checked in 3 steps)", "He has 6 * 7.\n#### 42"),
    ] {
        assert_eq!(score(&last, response, answer), 1.0, "{response:?} {answer:?}");
    }
    for (response, answer) in [("none", "0"), ("5", "-5"), ("7 of 8", "7"), ("1,234", "1"), ("", ""), ("5", "five")] {
        assert_eq!(score(&last, response, answer), 0.0, "{response:?} {answer:?}");
    }
}

#[test]
fn integers_are_compared_exactly_and_a_tolerance_is_for_decimals() {
    let near = Rule::Numeric(Numeric { tolerance: 1e-6, ..Numeric::default() });
    let (one, other) = ("9007199254740992", "9007199254740993");
    assert_eq!((score(&near, one, other), score(&near, one, one)), (0.0, 1.0));
    let big = format!("{}1", "9".repeat(300));
    assert_eq!((score(&near, &big, &big), score(&near, &big, &big.replace('1', "2"))), (1.0, 0.0));
    assert_eq!((score(&near, "0.3333333", "1/3"), score(&near, "0.33", "1/3")), (1.0, 0.0));
    let wide = Rule::Numeric(Numeric { tolerance: 2.0, ..Numeric::default() });
    assert_eq!((score(&wide, one, "9007199254740994"), score(&wide, one, "9007199254740995")), (1.0, 0.0));
}

#[test]
fn an_answer_that_no_response_can_have_is_told() {
    let verifier = Verifier::new(Rule::Numeric(Numeric::default())).unwrap();
    for (answer, why) in [("five", "it has no number"), ("\\boxed{2\\sqrt{3}}", "holds no single number")] {
        assert!(verifier.refusal(answer).is_some_and(|said| said.contains(why)), "{answer}");
        assert!(verifier.refuses(answer));
    }
    assert_eq!(verifier.refusal("so \\boxed{\\frac{1}{2}}"), None);
}

#[test]
fn numeric_takes_the_first_number_and_a_tolerance() {
    let rule = Rule::Numeric(Numeric { pick: Pick::First, tolerance: 0.25 });
    assert_eq!(score(&rule, "3.25, or 9", "3"), 1.0);
    assert_eq!(score(&rule, "3.5, or 3", "3"), 0.0);
}

#[test]
fn regex_compares_a_group_of_the_last_match() {
    let rule: Rule = serde_json::from_value(json!({"regex": {
        "pattern": r"(?i)answer is \(?([A-E])\)?", "group": 1, "exact": {"ignore_case": true},
    }}))
    .unwrap();
    assert_eq!(score(&rule, "The answer is A. No: the answer is (b).", "B"), 1.0);
    assert_eq!(score(&rule, "B", "B"), 0.0);
    // A pattern that would take very long gives up.
    let slow = Rule::Regex { pattern: r"(a|a|b\1)*$".into(), group: 0, exact: Exact::default() };
    assert_eq!(score(&slow, &format!("{}!", "a".repeat(200)), "a"), 0.0);
}

#[test]
fn bad_rules_are_told() {
    let told = |rule| Verifier::new(rule).err().unwrap().message;
    let regex = |pattern: &str, group| Rule::Regex { pattern: pattern.into(), group, exact: Exact::default() };
    assert!(told(regex("(", 0)).contains("pattern `(`"));
    assert!(told(regex("(a)", 2)).contains("has 1 groups"));
    assert!(told(Rule::Numeric(Numeric { tolerance: -1.0, ..Numeric::default() })).contains("-1"));
}

#[test]
fn the_right_response_is_preferred() {
    let verifier = Verifier::new(Rule::Numeric(Numeric::default())).unwrap();
    let query = |first: &str, second: &str, answer: Option<&str>| Query {
        prompt: "6 * 7?".into(),
        first: first.into(),
        second: second.into(),
        answer: answer.map(str::to_owned),
    };
    let verdicts = verifier
        .judge(&[
            query("42", "41", Some("42")),
            query("41", "it is 42", Some("42")),
            query("42", "42.0", Some("42")),
            query("1", "2", None),
        ])
        .unwrap();
    assert_eq!(verdicts[..3], [Verdict::Prefer(1.0), Verdict::Prefer(0.0), Verdict::Tie]);
    assert!(matches!(verdicts[3], Verdict::Abstain(_)));
    assert_eq!((verifier.usage().ties, verifier.usage().abstentions, verifier.usage().calls), (1, 1, 0));
}
