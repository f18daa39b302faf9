//! Functions of Python and small functions of lm-eval, against tables of their results.

mod common;

use common::{fixture, list, text};
use pbpo_eval::Suite;
use pbpo_eval::math::{answer, equivalent};
use pbpo_eval::model::{cut, encode_alone, encode_pair, truncate_left};
use pbpo_eval::random::Random;
use pbpo_eval::task::{Compare, Kind};
use serde_json::{Value, json};

#[test]
fn mathematical_answers_are_equal_as_in_agieval() {
    for case in list(&fixture("python")["equivalent"]) {
        let (a, b) = (text(&case[0]), text(&case[1]));
        assert_eq!(answer(a).expect("an answer").as_deref(), case[2].as_str(), "{a:?}");
        assert_eq!(json!(equivalent(a, b).expect("a verdict")), case[3], "{a:?} {b:?}");
    }
}

#[test]
fn texts_match_as_in_lm_eval() {
    let fixture = fixture("python");
    let cases = list(&fixture["exact_match"]);
    for same_task in cases.chunk_by(|a, b| a[0] == b[0]) {
        let suite = Suite::named(&[text(&same_task[0][0])]).expect("a task");
        let Kind::Generate(generate) = &suite.tasks[0].kind else { panic!("not generated") };
        let Compare::Exact(exact) = &generate.compare else { panic!("not compared as text") };
        for case in same_task {
            let holds = exact.holds(text(&case[1]), text(&case[2])).expect("a verdict");
            assert_eq!(json!(holds), case[3], "{case}");
        }
    }
}

#[test]
fn pairs_are_split_as_in_lm_eval() {
    for case in list(&fixture("python")["encode_pair"]) {
        let (context, continuation) = encode_pair(text(&case[0]), text(&case[1]), toy_tokens);
        assert_eq!(json!([context, continuation]), json!([case[2], case[3]]), "{case}");
    }
}

/// `toy_tokens` of `scripts/eval_reference.py`: words with the space before them; other characters alone.
fn toy_tokens(text: &str) -> Vec<u32> {
    let (mut pieces, mut last): (Vec<String>, char) = (Vec::new(), '\0');
    for c in text.chars() {
        let joins = c.is_ascii_alphabetic() && (last == ' ' || last.is_ascii_alphabetic());
        match pieces.last_mut() {
            Some(piece) if joins => piece.push(c),
            _ => pieces.push(c.into()),
        }
        last = c;
    }
    let id = |piece: &String| piece.bytes().enumerate().map(|(at, byte)| (at as u32 + 1) * u32::from(byte)).sum();
    pieces.iter().map(id).collect()
}

#[test]
fn text_ends_at_stop_strings_as_in_lm_eval() {
    for case in list(&fixture("python")["cut"]) {
        let stops: Vec<&str> = list(&case[1]).iter().map(text).collect();
        assert_eq!(cut(text(&case[0]), &stops), text(&case[2]), "{case}");
    }
}

#[test]
fn samples_are_drawn_as_in_python() {
    for case in list(&fixture("python")["sample"]) {
        let numbers: Vec<u64> = list(case).iter().filter_map(Value::as_u64).collect();
        let [seed, n, k] = numbers[..] else { panic!("seed, n, k") };
        let mut random = Random::new(seed);
        let drawn: Vec<Vec<usize>> = (0..4).map(|_| random.sample(n as usize, k as usize)).collect();
        assert_eq!(json!(drawn), case[3]);
    }
}

#[test]
fn inputs_keep_their_end() {
    assert_eq!(truncate_left(&[1, 2, 3], 2), [2, 3]);
    assert_eq!(truncate_left(&[1, 2, 3], 9), [1, 2, 3]);
    assert_eq!(encode_alone(vec![5, 6], 1), (vec![1], vec![5, 6]));
    assert_eq!(encode_alone(vec![1, 6], 1), (vec![1], vec![6]));
}
