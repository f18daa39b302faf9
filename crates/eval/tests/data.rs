//! Local copies of datasets in their layouts, and the messages about bad ones.

use std::fs;
use std::path::Path;

use pbpo_eval::{Data, Error, Failure, Model, Options, Pair, Prepared, Score, Suite, Until, evaluate};
use serde_json::{Map, Value, json};

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    fs::write(path, text).expect("a file");
}

fn prepare(root: &Path, name: &str, options: Options) -> Result<Prepared, Error> {
    Suite::named(&[name]).expect("a benchmark").prepare(&Data::new(root), &options)
}

fn contexts(prepared: &Prepared) -> Vec<&str> {
    prepared.tasks[0].items.iter().map(|item| item.context.as_str()).collect()
}

/// Returns the error of a benchmark whose only file has this text.
fn error_of(name: &str, path: &str, text: &str) -> String {
    let directory = tempfile::tempdir().expect("a directory");
    write(directory.path(), path, text);
    let message = prepare(directory.path(), name, Options::default()).expect_err("an error").message;
    message.replace(&directory.path().display().to_string(), "DIR")
}

const GSM: &str = r#"{"question": "1?", "answer": "It is #### 1"}"#;
const BBH: &str = "bbh_zeroshot_navigate";

#[test]
fn files_are_found_where_the_hub_has_them() {
    let row = r#"{"input": "Back?", "target": "Yes"}"#;
    let expected = "Back?\nA:";
    for (path, text) in [
        ("bbh/navigate/test-00000-of-00001.jsonl", row.to_owned()),
        ("SaylorTwift/bbh/navigate/test.jsonl", row.to_owned()),
        ("bbh/navigate.jsonl", format!("\n{row}\n\n")),
        ("bbh/navigate.json", format!("[{row}]")),
        ("bbh/navigate.json", format!(r#"{{"canary": "x", "examples": [{row}]}}"#)),
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        write(directory.path(), path, &text);
        write(directory.path(), "bbh/navigate/train.jsonl", "not read");
        let prepared = prepare(directory.path(), BBH, Options::default()).expect(path);
        assert!(contexts(&prepared)[0].ends_with(expected), "{path}");
    }
}

#[test]
fn shards_are_read_in_order_up_to_the_limit() {
    let directory = tempfile::tempdir().expect("a directory");
    for (shard, question) in [(1, "b"), (0, "a"), (2, "c")] {
        let row = json!({ "question": question, "answer": "#### 1" });
        write(directory.path(), &format!("gsm8k/main/test-0000{shard}-of-00003.jsonl"), &row.to_string());
    }
    let options = Options { limit: Some(2), ..Options::default() };
    let prepared = prepare(directory.path(), "gsm8k_cot_zeroshot", options).expect("rows");
    let asked: Vec<char> = contexts(&prepared).iter().filter_map(|context| context.chars().nth(3)).collect();
    assert_eq!((asked, prepared.tasks[0].original), (vec!['a', 'b'], 3));
    let none = Options { limit: Some(0), ..Options::default() };
    let error = prepare(directory.path(), "gsm8k_cot_zeroshot", none).expect_err("no rows");
    assert_eq!(error.message, "a limit of 0 leaves nothing to score");
}

#[test]
fn parquet_comes_from_the_reader_that_is_given() {
    let directory = tempfile::tempdir().expect("a directory");
    write(directory.path(), "gsm8k/main/test-00000-of-00001.parquet", "PAR1");
    let suite = || Suite::named(&["gsm8k_cot_zeroshot"]).expect("a benchmark");
    let read =
        |_: &Path| -> Result<Vec<Map<String, Value>>, String> { Ok(vec![serde_json::from_str(GSM).expect("a row")]) };
    let data = Data::new(directory.path()).with_parquet(read);
    let prepared = suite().prepare(&data, &Options::default()).expect("rows");
    assert_eq!(contexts(&prepared), ["Q: 1?\nA: Let's think step by step."]);
    let broken = Data::new(directory.path()).with_parquet(|_| Err("no footer".into()));
    let error = suite().prepare(&broken, &Options::default()).expect_err("a broken file");
    assert!(error.message.ends_with("test-00000-of-00001.parquet: no footer"), "{error}");
    let error = suite().prepare(&Data::new(directory.path()), &Options::default()).expect_err("no reader");
    assert!(error.message.ends_with(".parquet: this build reads no Parquet"), "{error}");
}

#[test]
fn missing_datasets_are_named_at_once_with_the_commands_that_get_them() {
    let error = prepare(Path::new("/nowhere"), "agieval", Options::default()).expect_err("no data");
    assert_eq!(
        error.message,
        "no rows of `test` for hails/agieval-gaokao-biology: there is no \
         /nowhere/agieval-gaokao-biology/data/test*.parquet, .jsonl or .json; 20 more datasets are missing"
    );
    let help = error.help.expect("commands");
    assert_eq!(help.lines().count(), 21);
    let first =
        "hf download --repo-type dataset hails/agieval-gaokao-biology --local-dir /nowhere/agieval-gaokao-biology";
    assert_eq!(help.lines().next(), Some(first));
    let help = prepare(Path::new("/nowhere"), "mmlu", Options::default()).expect_err("no data").help;
    assert_eq!(help.expect("one command").lines().count(), 1);
}

#[test]
fn bad_rows_are_named_by_file_and_place() {
    let gsm = |text: &str| error_of("gsm8k_cot_zeroshot", "gsm8k/main/test.jsonl", text);
    assert!(
        gsm(&format!("{GSM}\n{{\"question\": "))
            .starts_with("DIR/gsm8k/main/test.jsonl: line 2, column 13: not a JSON object")
    );
    assert!(gsm("[1]").starts_with("DIR/gsm8k/main/test.jsonl: line 1, column 0: not a JSON object"));
    assert_eq!(
        gsm(&format!("{GSM}\n\n{{\"question\": \"2?\"}}")),
        "gsm8k/main/test.jsonl, line 3: the field `answer` is missing"
    );
    assert_eq!(gsm(r#"{"question": 2}"#), "gsm8k/main/test.jsonl, line 1: the field `question` must be a string");
    assert_eq!(gsm(""), "openai/gsm8k: the split `test` has no rows");
    let arc = |row: &str| error_of("arc_challenge", "ai2_arc/ARC-Challenge/test.jsonl", row);
    assert_eq!(
        arc(r#"{"question": "q", "choices": {"text": ["a"], "label": ["A"]}, "answerKey": "E"}"#),
        "ai2_arc/ARC-Challenge/test.jsonl, line 1: `answerKey` is `E`, which is not in `choices.label`"
    );
    assert!(arc(r#"{"question": "q", "choices": ["a"]}"#).ends_with("the field `choices.text` is missing"));
    let mmlu = |row: &str| error_of("mmlu_virology", "mmlu/virology/test.jsonl", row);
    assert!(
        mmlu(r#"{"question": "q", "choices": ["a", "b"], "answer": 0}"#).ends_with("`choices` must have four entries")
    );
    assert!(
        mmlu(r#"{"question": "q", "choices": ["a", "b", "c", "d"], "answer": 4}"#)
            .ends_with("`answer` is 4, and must be 0 to 3")
    );
    let words = error_of("bbh_zeroshot_word_sorting", "bbh/word_sorting.json", "{}");
    assert_eq!(words, "DIR/bbh/word_sorting.json: must be a list of JSON objects, or an object with `examples`");
}

#[test]
fn what_is_there_twice_is_refused() {
    let twice = r#"{"input": "a", "input": "b", "target": "c"}"#;
    assert!(
        error_of("bbh_zeroshot_word_sorting", "bbh/word_sorting.json", &format!("[{twice}]"))
            .contains("`input` is there twice")
    );
    let both = r#"{"examples": [], "data": []}"#;
    assert!(
        error_of("bbh_zeroshot_word_sorting", "bbh/word_sorting.json", both).contains("both `examples` and `data`")
    );
}

#[test]
fn shots_must_be_there() {
    let directory = tempfile::tempdir().expect("a directory");
    write(directory.path(), "gsm8k/main/test.jsonl", GSM);
    let error = prepare(directory.path(), "gsm8k", Options::default()).expect_err("no train split");
    assert!(error.message.starts_with("no rows of `train` for openai/gsm8k"), "{error}");
    write(directory.path(), "gsm8k/main/train.jsonl", GSM);
    let error = prepare(directory.path(), "gsm8k", Options::default()).expect_err("one example");
    assert_eq!(error.message, "openai/gsm8k: `train` has 1 rows, and 5 examples are asked for");
    write(directory.path(), "bbh/navigate.jsonl", r#"{"input": "Back?", "target": "Yes"}"#);
    let error = prepare(directory.path(), BBH, Options { shots: Some(3), ..Options::default() }).expect_err("shots");
    assert_eq!(error.message, "`bbh_zeroshot_navigate` has no examples to show, and 3 are asked for");
}

#[test]
fn unknown_benchmarks_are_refused_with_the_known_ones() {
    let error = Suite::named(&["gsm9k"]).expect_err("no such benchmark");
    assert_eq!(error.message, "there is no benchmark `gsm9k`");
    assert_eq!(
        error.help.as_deref(),
        Some(
            "there are: arc_challenge, mmlu, mmlu_generative, gsm8k, gsm8k_cot_zeroshot, bbh_zeroshot, \
             bbh_cot_zeroshot, agieval, agieval_en, agieval_cn, agieval_nous"
        )
    );
}

#[test]
fn a_task_in_several_groups_is_evaluated_once() {
    let suite = Suite::named(&["agieval_nous", "agieval_en", "agieval_math"]).expect("a suite");
    let names: Vec<&str> = suite.groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!((names, suite.tasks.len()), (vec!["agieval_nous", "agieval_en"], 10));
}

/// A model that answers every question alike.
struct Same(Result<f64, String>);

impl Model for Same {
    type Error = String;

    fn loglikelihood(&mut self, requests: &[Pair]) -> Result<Vec<Score>, String> {
        let logp = self.0.clone()?;
        Ok(requests.iter().map(|_| Score { logp, greedy: false }).collect())
    }

    fn generate_until(&mut self, requests: &[Until]) -> Result<Vec<String>, String> {
        Ok(requests.iter().map(|_| String::new()).collect())
    }
}

#[test]
fn an_evaluation_ends_at_the_first_failure() {
    let directory = tempfile::tempdir().expect("a directory");
    let row = r#"{"question": "q", "choices": {"text": ["a", "b"], "label": ["A", "B"]}, "answerKey": "A"}"#;
    write(directory.path(), "ai2_arc/ARC-Challenge/test.jsonl", row);
    let prepared = prepare(directory.path(), "arc_challenge", Options::default()).expect("rows");
    let run = |answer, done: Result<(), Error>| evaluate(&mut Same(answer), &prepared, |_, _| done.clone());
    let nan = run(Ok(f64::NAN), Ok(()));
    let says = |error: &Error| error.message.ends_with("line 1: the model's log-likelihood is not a finite number");
    assert!(matches!(nan, Err(Failure::Task(error)) if says(&error)));
    assert!(matches!(run(Err("no device".into()), Ok(())), Err(Failure::Model(error)) if error == "no device"));
    assert!(
        matches!(run(Ok(-1.0), Err(Error::new("disk full"))), Err(Failure::Task(error)) if error.message == "disk full")
    );
    let results = run(Ok(-1.0), Ok(())).expect("results");
    let metric = results.get("arc_challenge").and_then(|entry| entry.metric("acc", "none")).expect("acc");
    assert_eq!((metric.value, metric.stderr), (1.0, None));
}

#[test]
fn samples_are_lines_as_lm_eval_writes_them() {
    let directory = tempfile::tempdir().expect("a directory");
    write(
        directory.path(),
        "agieval-sat-en/test.jsonl",
        r#"{"query": "Q", "choices": ["(A)x", "(B)y"], "gold": [0, 1]}"#,
    );
    let prepared = prepare(directory.path(), "agieval_sat_en", Options::default()).expect("rows");
    let mut lines = Vec::new();
    let done = |_: &_, samples: &[pbpo_eval::Sample]| {
        lines.extend(samples.iter().map(|sample| serde_json::to_value(sample).expect("JSON")));
        Ok(())
    };
    evaluate(&mut Same(Ok(-2.5)), &prepared, done).expect("results");
    let expected = json!({
        "doc_id": 0,
        "doc": {"query": "Q", "choices": ["(A)x", "(B)y"], "gold": [0, 1]},
        "target": "[0, 1]",
        "arguments": {
            "gen_args_0": {"arg_0": "Q", "arg_1": " (A)x"},
            "gen_args_1": {"arg_0": "Q", "arg_1": " (B)y"},
        },
        "resps": [[["-2.5", "False"]], [["-2.5", "False"]]],
        "filtered_resps": [["-2.5", "False"], ["-2.5", "False"]],
        "filter": "none",
        "metrics": ["acc", "acc_norm"],
        "acc": 1.0,
        "acc_norm": 1.0,
    });
    assert_eq!(lines, [expected]);
}

#[test]
fn a_table_has_groups_above_what_they_hold() {
    let directory = tempfile::tempdir().expect("a directory");
    write(directory.path(), "gsm8k/main/test.jsonl", GSM);
    for exam in
        ["sat-en", "sat-math", "aqua-rat", "logiqa-en", "lsat-ar", "lsat-lr", "lsat-rc", "sat-en-without-passage"]
    {
        let row = r#"{"query": "Q", "choices": ["(A)x", "(B)yy"], "gold": [0]}"#;
        write(
            directory.path(),
            &format!("agieval-{exam}/test.jsonl"),
            &format!("{row}\n{}", row.replace("[0]", "[1]")),
        );
    }
    let suite = Suite::named(&["gsm8k_cot_zeroshot", "agieval_nous"]).expect("a suite");
    let prepared = suite.prepare(&Data::new(directory.path()), &Options::default()).expect("rows");
    let table = evaluate(&mut Same(Ok(-1.0)), &prepared, |_, _| Ok(())).expect("results").to_string();
    let lines: Vec<&str> = table.lines().collect();
    let shown = [lines[0], lines[1], lines[2], lines[3], lines[4], lines[lines.len() - 2], lines[lines.len() - 1]];
    assert_eq!(
        shown.join("\n"),
        "\
|Tasks                            |Version|Filter          |n-shot|Metric     |Value |Stderr  |
|---------------------------------|-------|----------------|------|-----------|------|--------|
|agieval_nous                     |0.0    |none            |0     |acc_norm   |0.5000|± 0.1768|
| - agieval_aqua_rat              |1.0    |none            |0     |acc        |0.5000|± 0.5000|
|                                 |       |none            |0     |acc_norm   |0.5000|± 0.5000|
|gsm8k_cot_zeroshot               |3.0    |flexible-extract|0     |exact_match|0.0000|N/A     |
|                                 |       |strict-match    |0     |exact_match|0.0000|N/A     |"
    );
}

#[test]
fn a_part_of_a_split_is_refused_and_a_byte_order_mark_is_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let prepared = || prepare(directory.path(), "gsm8k_cot_zeroshot", Options::default());
    write(directory.path(), "gsm8k/main/test-00001-of-00002.jsonl", GSM);
    let error = prepared().expect_err("a part");
    assert!(error.message.ends_with("1 of 2 shards are missing: test-00000-of-00002"), "{error}");
    write(directory.path(), "gsm8k/main/test-00000-of-00002.jsonl", &format!("\u{feff}{GSM}"));
    prepared().expect("both parts");
    write(directory.path(), "gsm8k/main/test.jsonl", GSM);
    let error = prepared().expect_err("rows twice");
    assert!(error.message.ends_with("test.jsonl stands beside shards of `test`: rows may be there twice"), "{error}");
}

#[test]
fn a_line_that_does_not_end_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    write(directory.path(), "gsm8k/main/test.jsonl", "");
    let file = std::fs::File::create(directory.path().join("gsm8k/main/test.jsonl")).expect("a file");
    file.set_len(1 << 30).expect("a hole");
    let error = prepare(directory.path(), "gsm8k_cot_zeroshot", Options::default()).expect_err("one long line");
    assert!(error.message.ends_with("line 1 is too long: more than 16 MiB"), "{error}");
}
