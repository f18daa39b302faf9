//! Rows of data files: columns, chats, bad rows, splits.

use std::path::{Path, PathBuf};

use pbpo_hub::records::{self, Columns, OnBad, Read, Reading, Record, Text, labels, split_files};
use pbpo_hub::{Error, Message};

use crate::{dir_of, fixture, says};

fn plain(text: &str) -> Text {
    Text::Plain(text.to_owned())
}

fn chat(messages: &[(&str, &str)]) -> Text {
    Text::Chat(messages.iter().map(|(role, content)| Message::new(*role, *content)).collect::<Vec<_>>().into())
}

fn read(files: &[PathBuf], columns: &Columns, on_bad: OnBad, limit: Option<usize>) -> Result<Read, Error> {
    records::read(files, &Reading { columns: columns.clone(), on_bad, limit, pairs: true, ..Reading::default() })
}

fn named(name: &str) -> Option<String> {
    Some(name.to_owned())
}

/// Reads one file with the given contents, skipping bad rows.
fn rows(contents: &str, columns: &Columns) -> Result<Read, Error> {
    let dir = dir_of(&[("data.jsonl", contents.as_bytes())]);
    read(&[dir.path().join("data.jsonl")], columns, OnBad::Skip, None)
}

/// Line, column and message of every bad row.
fn bad(contents: &str) -> Vec<(usize, usize, String)> {
    let bad = rows(contents, &Columns::default()).unwrap().bad;
    bad.into_iter().map(|bad| (bad.line, bad.column, bad.message)).collect()
}

/// Returns the error about the file.
fn refusal(contents: &str, columns: &Columns) -> String {
    let dir = dir_of(&[("data.jsonl", contents.as_bytes())]);
    says(read(&[dir.path().join("data.jsonl")], columns, OnBad::Fatal, None), dir.path())
}

/// The rows that `scripts/hub_reference.py` writes as `plain.*`.
fn check_plain(file: &Path) {
    let found = read(&[file.to_owned()], &Columns::default(), OnBad::Fatal, None).unwrap();
    assert_eq!((found.rows, found.records.len(), found.bad.len()), (3, 3, 0));
    let first = &found.records[0];
    assert_eq!(first.prompt, plain("2 + 2 ="));
    assert_eq!((&first.chosen, &first.rejected), (&Some(plain(" 4")), &Some(plain(" 5"))));
    assert_eq!((first.answer.as_deref(), first.label, first.margin), (Some("4"), Some(true), Some(0.5)));
    let second = &found.records[1];
    assert_eq!((&second.prompt, &second.chosen), (&plain("Grüße\n"), &Some(plain("東京"))));
    assert_eq!((&second.rejected, &second.answer), (&Some(plain("")), &None));
    assert_eq!((second.label, second.margin, &second.completion), (None, None, &None));
    let third = &found.records[2];
    assert_eq!((third.answer.as_deref(), third.label, third.margin), (Some("-7"), Some(false), Some(-1.25)));
    assert_eq!(third.row.file, file);
    assert_eq!(found.digest, blake3::hash(&std::fs::read(file).unwrap()).to_hex().to_string());
}

fn check_chats(file: &Path) {
    let columns = Columns { answer: named("meta.answer"), margin: named("meta.score"), ..Columns::default() };
    let found = read(&[file.to_owned()], &columns, OnBad::Fatal, None).unwrap();
    let Record { prompt, chosen, rejected, answer, margin, .. } = &found.records[0];
    assert_eq!(prompt, &chat(&[("user", "Hi")]));
    assert_eq!(chosen, &Some(chat(&[("assistant", "Hello")])));
    assert_eq!(rejected, &Some(chat(&[("assistant", "No")])));
    assert_eq!((answer.as_deref(), margin), (Some("x"), &Some(1.0)));
    let Record { prompt, chosen, rejected, .. } = &found.records[1];
    assert_eq!(prompt, &chat(&[("system", "s"), ("user", "q")]));
    assert_eq!(chosen, &Some(chat(&[("assistant", "a"), ("user", "r"), ("assistant", "t")])));
    assert_eq!(rejected, &Some(chat(&[("assistant", "b")])));
}

#[test]
fn files_that_datasets_wrote_are_read() {
    check_plain(&fixture("plain.jsonl"));
    check_plain(&fixture("plain.json"));
    check_chats(&fixture("chats.jsonl"));
    check_chats(&fixture("chats.json"));
    let lines = |name: &str| -> Vec<usize> {
        let found = read(&[fixture(name)], &Columns::default(), OnBad::Fatal, None).unwrap();
        found.records.iter().map(|record| record.row.line).collect()
    };
    assert_eq!(lines("plain.jsonl"), [1, 2, 3]);
    assert_eq!(lines("plain.json"), [2, 11, 20]);
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_files_that_datasets_wrote_are_read() {
    check_plain(&fixture("plain.parquet"));
    check_chats(&fixture("chats.parquet"));
    let columns = Columns { prompt: named("promt"), ..Columns::default() };
    let message = says(read(&[fixture("plain.parquet")], &columns, OnBad::Skip, None), &fixture(""));
    assert!(message.contains("no column `promt`, which `prompt` is mapped to; did you mean `prompt`?"), "{message}");
    assert!(message.contains("answer, chosen, extra, label, margin, prompt, rejected"), "{message}");
    // No column of the file is mapped.
    let none = || Some(String::new());
    let columns = Columns { chosen: none(), rejected: none(), ..Columns::default() };
    let message = says(read(&[fixture("chats.parquet")], &columns, OnBad::Skip, None), &fixture(""));
    assert!(message.contains("no column `prompt`") && message.contains("chosen, meta, rejected"), "{message}");
    let bytes = std::fs::read(fixture("plain.parquet")).unwrap();
    let dir = dir_of(&[("cut.parquet", &bytes[..bytes.len() - 9]), ("none.parquet", b"")]);
    for name in ["cut.parquet", "none.parquet"] {
        let message = says(read(&[dir.path().join(name)], &Columns::default(), OnBad::Skip, None), dir.path());
        assert!(message.starts_with(&format!("{name}: not a Parquet file that can be read: ")), "{message}");
    }
}

#[cfg(not(feature = "parquet"))]
#[test]
fn without_the_feature_parquet_files_are_refused_with_the_command_to_build() {
    let message = says(read(&[fixture("plain.parquet")], &Columns::default(), OnBad::Skip, None), &fixture(""));
    assert!(message.contains("plain.parquet: this build does not read Parquet files"), "{message}");
    assert!(message.contains("--features parquet"), "{message}");
}

#[test]
fn columns_are_mapped_by_name_and_by_path() {
    let columns = Columns {
        prompt: named("question"),
        completion: named("out.text"),
        answer: named("a.b"),
        label: named(""),
        ..Columns::default()
    };
    let found = rows(r#"{"question":"q","out":{"text":"t"},"a.b":"dotted","label":"left out"}"#, &columns).unwrap();
    let record = &found.records[0];
    assert_eq!((&record.prompt, &record.completion), (&plain("q"), &Some(plain("t"))));
    assert_eq!((record.answer.as_deref(), record.label), (Some("dotted"), None));
}

#[test]
fn a_column_that_is_nowhere_is_an_error_that_lists_the_others() {
    let file = "{\"prompt\":\"p\",\"Chosen\":\"c\"}\n{\"prompt\":\"p\",\"score\":1}\n";
    let message = refusal(file, &Columns { chosen: named("chosen"), ..Columns::default() });
    let wanted = "data.jsonl: no column `chosen`, which `chosen` is mapped to; did you mean `Chosen`?\n  \
                  help: the columns there are Chosen, prompt, score: map one of them";
    assert_eq!(message, wanted);
    let message = refusal("{\"question\":\"p\"}\n", &Columns::default());
    assert!(message.starts_with("data.jsonl: no column `prompt`, and no `chosen` and `rejected`"), "{message}");
    // A column that only some rows have is not missing.
    let columns = Columns { answer: named("answer"), ..Columns::default() };
    assert_eq!(rows("{\"prompt\":\"p\"}\n{\"prompt\":\"p\",\"answer\":\"a\"}\n", &columns).unwrap().records.len(), 2);
    let limited = dir_of(&[("a.jsonl", b"{\"prompt\":\"p\"}\nx\n{\"prompt\":\"p\",\"answer\":\"a\"}\n")]);
    let found = read(&[limited.path().join("a.jsonl")], &columns, OnBad::Fatal, Some(1)).unwrap();
    assert_eq!((found.records.len(), found.rows), (1, 1));
    let message = refusal("{\"prompt\":\"p\",\"answer\":null}\n", &columns);
    assert_eq!(message, "data.jsonl: column `answer`, which `answer` is mapped to, is null in every row");
    // The column is missing in one of two files.
    let dir = dir_of(&[("a.jsonl", b"{\"prompt\":\"p\",\"answer\":\"a\"}"), ("b.jsonl", b"{\"prompt\":\"p\"}")]);
    let files = [dir.path().join("a.jsonl"), dir.path().join("b.jsonl")];
    let message = says(read(&files, &columns, OnBad::Skip, None), dir.path());
    assert!(message.starts_with("b.jsonl: no column `answer`"), "{message}");
}

#[test]
fn bad_rows_have_line_and_column() {
    let file = "\u{feff}{\"prompt\": \"a\"}\r\n\r\n   \n{\"prompt\": \"b\",}\n[1]\n{\"prompt\": 3}\n{\"prompt\": \"c\"";
    assert_eq!(
        bad(file),
        [
            (4, 16, "trailing comma".to_owned()),
            (5, 1, "expected an object `{ ... }`".to_owned()),
            (6, 2, "`prompt`: expected a string or a list of messages with `role` and `content`, found `3`".to_owned()),
            (7, 14, "EOF while parsing an object".to_owned()),
        ]
    );
    let found = rows(file, &Columns::default()).unwrap();
    assert_eq!((found.records.len(), found.rows, found.records[0].row.line), (1, 5, 1));
}

#[test]
fn rows_that_do_not_fit_their_field_say_why() {
    let faults: [(&str, usize, &str); 11] = [
        (r#"{"prompt":null}"#, 1, "no `prompt`"),
        (r#"{"prompt":[]}"#, 2, "`prompt`: expected a string or a list of messages"),
        (r#"{"prompt":[{"role":"user","content":null}]}"#, 2, "`prompt`: a message has no `content`"),
        (r#"{"prompt":"p","label":2}"#, 15, "`label`: expected true, false, 0 or 1, found `2`"),
        (r#"{"prompt":"p","margin":"x"}"#, 15, "`margin`: expected a number, found `\"x\"`"),
        (r#"{"prompt":"p","answer":true}"#, 15, "`answer`: expected a string or a number, found `true`"),
        (r#"{"chosen":"same","rejected":"same"}"#, 1, "no prompt, and `chosen` and `rejected` are the same"),
        (r#"{"chosen":"a","rejected":"b"}"#, 1, "no prompt, and `chosen` and `rejected` begin differently"),
        (
            r#"{"chosen":"a","rejected":[{"role":"user","content":"a"}]}"#,
            1,
            "no prompt, and of `chosen` and `rejected`",
        ),
        (
            r#"{"chosen":[{"role":"user","content":"a"}],"rejected":[{"role":"user","content":"a"}]}"#,
            1,
            "no prompt, and `chosen` and `rejected` are the same",
        ),
        (
            r#"{"chosen":"Q: 1? 2","rejected":"Q: 1? 2 and 3"}"#,
            1,
            "no prompt, and of `chosen` and `rejected` one is the beginning of the other",
        ),
    ];
    let good = "{\"prompt\":\"p\"}\n";
    for (row, column, message) in faults {
        let found = bad(&format!("{good}{row}\n"));
        assert_eq!((found.len(), found[0].0, found[0].1), (1, 2, column), "{row}");
        assert!(found[0].2.starts_with(message), "{row}: {}", found[0].2);
    }
}

#[test]
fn a_pair_may_say_how_likely_its_chosen_side_is_preferred() {
    let pair = |rest: &str| format!("{{\"prompt\":\"p\",\"chosen\":\"a\",\"rejected\":\"b\"{rest}}}");
    let file =
        [pair(""), pair(",\"probability\":0.25"), pair(",\"probability\":1"), pair(",\"probability\":null")].join("\n");
    let found = rows(&file, &Columns::default()).unwrap();
    let probabilities: Vec<_> = found.records.iter().map(|record| record.probability).collect();
    // The likelier side is the chosen one.
    assert_eq!(probabilities, [None, Some(0.75), Some(1.0), None]);
    assert_eq!(found.records[1].chosen, Some(plain("b")));
    let mapped = rows(&pair(",\"p\":0.5"), &Columns { probability: named("p"), ..Columns::default() }).unwrap();
    assert_eq!(mapped.records[0].probability, Some(0.5));
    for wrong in ["1.5", "-0.1", "\"0.5\""] {
        let found = bad(&pair(&format!(",\"probability\":{wrong}")));
        assert_eq!((found[0].0, found[0].1), (1, 43));
        assert_eq!(found[0].2, format!("`probability`: expected a number in 0..=1, found `{wrong}`"));
    }
    // In rows that are not pairs, the column may have another meaning.
    assert_eq!(rows("{\"prompt\":\"p\",\"probability\":7}", &Columns::default()).unwrap().records[0].probability, None);
}

#[test]
fn the_first_bad_row_can_be_fatal() {
    let file = "{\"prompt\":\"a\"}\n{\"prompt\":3}\n{\n";
    let message = refusal(file, &Columns::default());
    assert!(message.starts_with("data.jsonl:2:2: `prompt`: expected a string"), "{message}");
}

#[test]
fn invalid_utf8_is_a_bad_row() {
    let dir = dir_of(&[("data.jsonl", b"{\"prompt\":\"a\"}\n{\"prompt\":\"\xff\"}\n{\"prompt\":\"b\"}\n")]);
    let found = read(&[dir.path().join("data.jsonl")], &Columns::default(), OnBad::Skip, None).unwrap();
    assert_eq!(found.records.len(), 2);
    assert_eq!((found.bad[0].line, found.bad[0].column, found.bad[0].message.as_str()), (2, 12, "invalid UTF-8"));
}

#[test]
fn prompts_of_strings_end_before_the_last_shared_space() {
    let found =
        rows(r#"{"chosen":"Human: hé? Assistant: yes","rejected":"Human: hé? Assistant: no"}"#, &Columns::default());
    let record = &found.unwrap().records[0];
    assert_eq!(record.prompt, plain("Human: hé? Assistant:"));
    assert_eq!((&record.chosen, &record.rejected), (&Some(plain(" yes")), &Some(plain(" no"))));
}

/// TRL's `extract_prompt` finds the same prompts.
#[test]
fn a_chat_that_goes_on_after_the_other_keeps_the_last_shared_message() {
    let turn = |role: &str, text: &str| format!("{{\"role\":\"{role}\",\"content\":\"{text}\"}}");
    let short = [turn("user", "q"), turn("assistant", "y")].join(",");
    let long = [short.clone(), turn("user", "sure?"), turn("assistant", "yes")].join(",");
    let found = rows(&format!("{{\"chosen\":[{long}],\"rejected\":[{short}]}}"), &Columns::default()).unwrap();
    let [record] = found.records.as_slice() else { panic!("{found:?}") };
    assert_eq!(record.prompt, chat(&[("user", "q")]));
    assert_eq!(record.rejected, Some(chat(&[("assistant", "y")])));
    assert_eq!(record.chosen, Some(chat(&[("assistant", "y"), ("user", "sure?"), ("assistant", "yes")])));
}

#[test]
fn keys_that_are_there_twice_are_found_at_every_depth_and_at_once() {
    let twice = r#"{"a":{"b":"p","b":"q"}}"#;
    let columns = Columns { prompt: named("a.b"), ..Columns::default() };
    let found = rows(twice, &columns).unwrap();
    assert_eq!(found.bad[0].message, "`a.b`: the key `b` is there twice");
    let wide: Vec<String> = (0..200_000).map(|key| format!("\"k{key}\":0")).collect();
    let started = std::time::Instant::now();
    let message = refusal(&format!("{{{}}}", wide.join(",")), &Columns::default());
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    assert!(message.contains("no column `prompt`"), "{message}");
    let help = read_help(&wide[..30].join(","));
    assert!(help.contains("and 10 more: map one of them"), "{help}");
}

/// Returns the help of an error about one row.
fn read_help(fields: &str) -> String {
    let dir = dir_of(&[("data.jsonl", format!("{{{fields}}}").as_bytes())]);
    let error = read(&[dir.path().join("data.jsonl")], &Columns::default(), OnBad::Fatal, None).unwrap_err();
    error.help.unwrap_or_default()
}

#[test]
fn arrays_that_are_broken_say_where() {
    let of = |contents: &str| {
        let dir = dir_of(&[("data.json", contents.as_bytes())]);
        says(read(&[dir.path().join("data.json")], &Columns::default(), OnBad::Skip, None), dir.path())
    };
    assert_eq!(of("[\n {\"prompt\": \"a\"}\n {\"prompt\": \"b\"}\n]"), "data.json:3:2: expected `,` or `]`");
    assert_eq!(of("[\n {\"prompt\": \"a\"},\n {\"prompt\": }\n]"), "data.json:3:13: expected value");
    assert_eq!(of("[{\"prompt\":\n  nul}]"), "data.json:2:6: expected ident");
    assert_eq!(of("[{\"prompt\": \"a\"}"), "data.json:1:17: the array does not end");
    assert_eq!(of("[{\"prompt\": \"a\"},"), "data.json:1:18: the array does not end");
    assert_eq!(of("[{\"prompt\": \"a\"}] x"), "data.json:1:19: text after the array's end");
    assert_eq!(of("["), "data.json:1:2: the array does not end");
    let dir = dir_of(&[("data.json", b" [ ] ")]);
    assert_eq!(read(&[dir.path().join("data.json")], &Columns::default(), OnBad::Fatal, None).unwrap().rows, 0);
}

#[test]
fn a_limit_counts_good_rows_and_the_digest_is_of_the_whole_files() {
    let dir =
        dir_of(&[("a.jsonl", b"{\"prompt\":\"1\"}\nx\n{\"prompt\":\"2\"}\n"), ("b.jsonl", b"{\"prompt\":\"3\"}\ny\n")]);
    let files = [dir.path().join("a.jsonl"), dir.path().join("b.jsonl")];
    let limited = |limit| read(&files, &Columns::default(), OnBad::Skip, limit).unwrap();
    let all = limited(None);
    assert_eq!((all.records.len(), all.bad.len(), all.rows), (3, 2, 5));
    assert_eq!((limited(Some(2)).records.len(), limited(Some(2)).rows), (2, 3));
    assert_eq!(limited(Some(0)).records.len(), 0);
    assert_eq!(limited(Some(1)).digest, all.digest);
}

#[test]
fn files_of_another_kind_are_refused() {
    let dir = dir_of(&[("data.csv", b"prompt\n"), ("none.jsonl", b"")]);
    let message = says(read(&[dir.path().join("data.csv")], &Columns::default(), OnBad::Skip, None), dir.path());
    assert!(message.starts_with("data.csv: unknown kind of data file"), "{message}");
    let message = says(read(&[dir.path().join("no.jsonl")], &Columns::default(), OnBad::Skip, None), dir.path());
    assert!(message.starts_with("no.jsonl: there is no such file"), "{message}");
    let empty = read(&[dir.path().join("none.jsonl")], &Columns::default(), OnBad::Fatal, None).unwrap();
    assert_eq!((empty.rows, empty.records.len()), (0, 0));
}

fn split(files: &[&str], config: Option<&str>, name: &str) -> Result<Vec<String>, String> {
    let all: Vec<(&str, &[u8])> = files.iter().map(|file| (*file, b"{}".as_slice())).collect();
    let dir = dir_of(&all);
    let shown = |file: PathBuf| file.strip_prefix(dir.path()).unwrap().display().to_string();
    match split_files(dir.path(), config, name) {
        Ok(files) => Ok(files.into_iter().map(shown).collect()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn splits_are_found_by_the_names_that_datasets_uses() {
    let found = |files: &[&str], name: &str| split(files, None, name).unwrap();
    let hub =
        ["README.md", "data/train-00001-of-00002.parquet", "data/train-00000-of-00002.parquet", "data/test-0.parquet"];
    assert_eq!(found(&hub, "train"), ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"]);
    assert_eq!(found(&hub, "test"), ["data/test-0.parquet"]);
    assert_eq!(found(&["train.jsonl", "train_extra.txt", "training.jsonl"], "train"), ["train.jsonl"]);
    assert_eq!(found(&["train/a.jsonl", "train/b.jsonl", "test/a.jsonl"], "train"), ["train/a.jsonl", "train/b.jsonl"]);
    assert_eq!(found(&["prompts.jsonl", "dataset_info.json", ".cache/x.jsonl"], "train"), ["prompts.jsonl"]);
    assert_eq!(
        split(&["main/test-0.jsonl", "other/test-0.jsonl"], Some("main"), "test").unwrap(),
        ["main/test-0.jsonl"]
    );
}

#[test]
fn the_only_file_is_not_the_training_split_if_it_is_named_after_another() {
    for name in [
        "test.jsonl",
        "validation.jsonl",
        "valid-0.json",
        "dev.jsonl",
        "val.jsonl",
        "eval.jsonl",
        "evaluation.jsonl",
        "testing.jsonl",
        "math_test.jsonl",
        "Test.jsonl",
        "test/a.jsonl",
        "test-00000-of-00001.jsonl",
    ] {
        let message = split(&[name], None, "train").unwrap_err();
        assert!(message.contains("no .parquet, .jsonl or .json file of split `train`"), "{name}: {message}");
    }
    for name in ["contest.jsonl", "prompts.jsonl", "devices.jsonl"] {
        assert_eq!(split(&[name], None, "train").unwrap(), [name]);
    }
}

#[test]
fn a_shard_of_no_bytes_is_an_error() {
    let files: [(&str, &[u8]); 2] = [("train_0_of_2.jsonl", b"{}"), ("train_1_of_2.jsonl", b"")];
    let dir = dir_of(&files);
    let message = says(split_files(dir.path(), None, "train"), dir.path());
    assert!(message.starts_with("train_1_of_2.jsonl: the shard is empty: 0 bytes\n"), "{message}");
    let message = split(&["train_0_of_2.jsonl"], None, "train").unwrap_err();
    assert!(message.contains("1 of 2 shards are missing: train_1_of_2"), "{message}");
}

#[test]
fn splits_that_are_not_there_or_not_clear_are_errors() {
    let fails = |files: &[&str], config: Option<&str>, name: &str| split(files, config, name).unwrap_err();
    let message = fails(&["train.jsonl", "a.csv"], None, "test");
    assert!(message.contains("of split `test`") && message.contains("there are a.csv, train.jsonl"), "{message}");
    let message = fails(&["main/train.jsonl", "socratic/train.jsonl"], None, "train");
    assert!(message.contains("in several directories: main, socratic"), "{message}");
    assert!(fails(&["train.jsonl", "train.parquet"], None, "train").contains("several formats"));
    assert!(fails(&["train.jsonl"], Some("../x"), "train").contains("`../x` is no name of a configuration"));
    assert!(fails(&[], None, "train").contains("the directory is empty"));
}

/// Rows of one file by settings of a reading.
fn by(contents: &str, reading: &Reading) -> Result<Read, Error> {
    let dir = dir_of(&[("data.jsonl", contents.as_bytes())]);
    records::read(&[dir.path().join("data.jsonl")], reading)
        .map_err(|error| Error { message: error.message.replace(&format!("{}/", dir.path().display()), ""), ..error })
}

fn pairs() -> Reading {
    Reading { pairs: true, ..Reading::default() }
}

#[test]
fn a_prompt_is_a_chat_where_a_response_is_one() {
    let turn = |role: &str, content: &str| format!("{{\"role\":\"{role}\",\"content\":\"{content}\"}}");
    let (asked, yes, no) = (turn("user", "q"), turn("assistant", "y"), turn("assistant", "n"));
    let rows = [
        // The prompt is a text that the responses repeat, a chat that they repeat, or a chat that they do not repeat.
        format!("{{\"prompt\":\"q\",\"chosen\":[{asked},{yes}],\"rejected\":[{asked},{no}]}}"),
        format!("{{\"prompt\":[{asked}],\"chosen\":[{asked},{yes}],\"rejected\":[{no}]}}"),
        format!("{{\"prompt\":\"q\",\"chosen\":[{yes}],\"rejected\":[{no}]}}"),
        format!("{{\"chosen\":[{asked},{yes}],\"rejected\":[{asked},{no}]}}"),
    ];
    // With `completion` as another name of `chosen` they are the same column for any reader.
    for pairs in [true, false] {
        let columns = Columns { completion: named("chosen"), ..Columns::default() };
        let found = by(&rows.join("\n"), &Reading { columns, pairs, ..Reading::default() }).unwrap();
        for record in &found.records {
            assert_eq!(record.prompt, chat(&[("user", "q")]));
            assert_eq!(record.completion, Some(chat(&[("assistant", "y")])));
            if pairs {
                assert_eq!(
                    (&record.chosen, &record.rejected),
                    (&record.completion, &Some(chat(&[("assistant", "n")])))
                );
            }
        }
    }
    let asks = by("{\"prompt\":\"q\"}", &Reading { asks: true, ..pairs() }).unwrap();
    assert_eq!(asks.records[0].prompt, chat(&[("user", "q")]));
    let error = by(&format!("{{\"prompt\":\"q\",\"chosen\":[{asked}],\"rejected\":[{no}]}}"), &pairs()).unwrap_err();
    assert!(error.message.starts_with("data.jsonl:1:1: a response has no turn of the assistant"), "{error}");
}

#[test]
fn one_side_alone_and_two_equal_ones_are_bad_where_pairs_are_read() {
    for (row, says) in [
        ("{\"prompt\":\"q\",\"chosen\":\"a\"}", "the row has one of `chosen` and `rejected` alone"),
        ("{\"prompt\":\"q\",\"chosen\":\"a\",\"rejected\":\"a\"}", "`chosen` and `rejected` are the same"),
    ] {
        assert!(by(row, &pairs()).unwrap_err().message.contains(says));
        assert_eq!(by(row, &Reading { pairs: false, ..pairs() }).unwrap().records.len(), 1);
    }
    let options = Reading { settings: records::Settings::Options, ..pairs() };
    let help = |row: &str| by(row, &options).unwrap_err().help.unwrap();
    let chosen = help("{\"prompt\":\"q\",\"chosen\":\"a\"}");
    assert!(chosen.contains("`--completion \"chosen\"`") && chosen.contains("`--bad-rows skip`"), "{chosen}");
    let rejected = help("{\"prompt\":\"q\",\"rejected\":\"a\"}");
    assert!(rejected.contains("add what was chosen") && !rejected.contains("completion"), "{rejected}");
}

#[test]
fn a_prompt_that_ends_with_the_assistant_is_continued_on_request_alone() {
    let row = r#"{"prompt":[{"role":"user","content":"q"},{"role":"assistant","content":"It is"}],"completion":" so"}"#;
    let error = by(row, &pairs()).unwrap_err();
    assert!(error.message.contains("the prompt ends with a turn of the assistant"), "{error}");
    assert!(error.help.unwrap().contains("`prefill = continue`"));
    let continues = Reading { continues: true, ..pairs() };
    let found = by(row, &continues).unwrap();
    let Text::Chat(prompt) = &found.records[0].prompt else { panic!("no chat") };
    assert!(prompt.continues());
    let whole = prompt.then(&[Message::new("assistant", " so"), Message::new("user", "why?")]);
    assert_eq!(Text::Chat(whole), chat(&[("user", "q"), ("assistant", "It is so"), ("user", "why?")]));
    let thinks = row.replace("\"It is\"", "\"It is\",\"thinking\":\"so\"");
    assert!(by(&thinks, &continues).unwrap_err().message.contains("has a field `thinking`"));
    let thinks = row.replace("\" so\"", "[{\"role\":\"assistant\",\"content\":\" so\",\"name\":\"n\"}]");
    assert!(by(&thinks, &continues).unwrap_err().message.contains("has a field `name`"));
}

#[test]
fn messages_keep_every_field_and_prompts_have_tools() {
    let row = r#"{"prompt":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"name":null}],
        "tools":"[{\"name\":\"t\"}]","chat_template_kwargs":{"z":1,"a":true},
        "completion":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":{"z":1,"a":[1.0]}}}],"weight":0}]}"#;
    let found = by(&row.replace('\n', " "), &pairs()).unwrap();
    let record = &found.records[0];
    let Text::Chat(prompt) = &record.prompt else { panic!("no chat") };
    assert_eq!((prompt.messages[0].text().as_ref(), prompt.messages[0].others().count()), ("ab", 0));
    let names: Vec<&str> = prompt.kwargs.iter().map(|(name, _)| name).collect();
    assert_eq!(
        (names.as_slice(), prompt.tools.as_ref().unwrap().to_string()),
        (["z", "a"].as_slice(), r#"[{"name":"t"}]"#.into())
    );
    let shown = record.completion.as_ref().unwrap().shown();
    let calls = r#"[{"function":{"name":"f","arguments":{"z":1,"a":[1.0]}}}]"#;
    assert_eq!(shown, format!("assistant: \ntool_calls: {calls}\nweight: 0"));
    assert_eq!(record.prompt.shown(), "tools: [{\"name\":\"t\"}]\n\nuser: ab");
}

#[test]
fn messages_that_no_template_reads_as_meant_are_bad_rows() {
    for (message, says) in [
        ("3", "expected a message with `role` and `content`, found `3`"),
        (r#"{"from":"human","value":"x"}"#, "a message has no `role`"),
        (r#"{"role":1,"content":"x"}"#, "`role` of a message: expected a string, found `1`"),
        (r#"{"role":"user","content":{"text":"x"}}"#, "`content` of a message: expected a string or a list of parts"),
        (r#"{"role":"user","content":[]}"#, "`content` of a message: expected a string or a list of parts"),
        (
            r#"{"role":"user","content":[{"type":"image","url":"u"}]}"#,
            "a part of type `image`, and only texts are read",
        ),
        (r#"{"role":"user","content":["x"]}"#, "a part of a content is `\"x\"`"),
        (r#"{"role":"user","content":"x","name":1}"#, "`name` of a message: expected a string, found `1`"),
        (r#"{"role":"assistant","content":"x","reasoning":[]}"#, "`reasoning` of a message: expected a string"),
        (r#"{"role":"assistant","tool_calls":"f()"}"#, "`tool_calls` of a message: expected a list of named calls"),
        (r#"{"role":"assistant","tool_calls":[{"function":"f"}]}"#, "`tool_calls` of a message: expected a list"),
        (r#"{"role":"user","content":"x","n":123456789012345678901}"#, "a number is too large to keep its digits"),
        (r#"{"role":"user","content":"x","role":"tool"}"#, "the key `role` is there twice"),
    ] {
        let found = bad(&format!("{{\"prompt\":[{message}]}}"));
        assert!(
            found.len() == 1 && found[0].2.contains(says) && found[0].2.starts_with("`prompt`: "),
            "{message}: {found:?}"
        );
    }
    for (row, says) in [
        (r#"{"prompt":"p","tools":[]}"#, "`tools` is for a chat template, and the prompt is a text"),
        (r#"{"prompt":"p","chat_template_kwargs":{}}"#, "`chat_template_kwargs` is for a chat template"),
        (r#"{"prompt":"p","tools":{"a":1}}"#, "`tools`: expected a list of tools"),
        (r#"{"prompt":"p","tools":"a hammer"}"#, "`tools`: expected a list of tools"),
        (r#"{"prompt":"p","chat_template_kwargs":[1]}"#, "`chat_template_kwargs`: expected an object"),
        (r#"{"prompt":"p","chat_template_kwargs":{"messages":[]}}"#, "`messages` can't be set in a row"),
        (r#"{"prompt":"p","prompt":"q"}"#, "the key `prompt` is there twice"),
    ] {
        let found = bad(row);
        assert!(found.len() == 1 && found[0].2.contains(says), "{row}: {found:?}");
    }
}

#[test]
fn an_answer_keeps_the_digits_that_its_file_has() {
    let long = "1234567890".repeat(40);
    let answers = [
        ("18446744073709551617", "18446744073709551617"),
        (long.as_str(), long.as_str()),
        ("-0.10", "-0.10"),
        ("6.025e2", "6.025e2"),
        ("1e-3", "1e-3"),
        ("1e401", "1e401"),
        ("1e99999999999999999999", "1e99999999999999999999"),
        ("\"5.0\"", "5.0"),
    ];
    let file = answers.map(|(written, _)| format!("{{\"prompt\":\"p\",\"meta\":{{\"a\":{written}}}}}")).join("\n");
    let columns = Columns { answer: named("meta.a"), ..Columns::default() };
    let found = by(&file, &Reading { columns, ..pairs() }).unwrap();
    let read: Vec<&str> = found.records.iter().filter_map(|record| record.answer.as_deref()).collect();
    assert_eq!(read, answers.map(|(_, read)| read));
    assert_eq!(found.notes, Vec::<String>::new());
    let array = dir_of(&[("a.json", format!("[{{\"prompt\":\"p\",\n\"answer\":{long}}}]").as_bytes())]);
    let found = read_one(&array.path().join("a.json"));
    assert_eq!(found.records[0].answer.as_deref(), Some(long.as_str()));
}

fn read_one(file: &Path) -> Read {
    read(&[file.to_owned()], &Columns::default(), OnBad::Fatal, None).unwrap()
}

#[test]
fn whole_answers_with_a_fraction_of_zero_lose_it_and_that_is_said_once() {
    let file =
        "{\"prompt\":\"p\",\"answer\":7.0}\n{\"prompt\":\"p\",\"answer\":-0.00}\n{\"prompt\":\"p\",\"answer\":7.5}\n";
    let found = by(file, &pairs()).unwrap();
    let answers: Vec<&str> = found.records.iter().filter_map(|record| record.answer.as_deref()).collect();
    assert_eq!(answers, ["7", "0", "7.5"]);
    assert_eq!(found.notes.len(), 1);
    assert!(found.notes[0].contains("2 answers such as 7.0 are read as 7"), "{}", found.notes[0]);
}

/// Python writes whole floats of 1e16 and more with an exponent.
#[test]
fn whole_answers_with_an_exponent_are_expanded() {
    let rows = ["1e+16", "5e2", "-5E2", "6.02e23", "1.50e1", "50e-1", "0e7", "-0.0e-9", "1e399"];
    let wanted = ["10000000000000000", "500", "-500", "602000000000000000000000", "15", "5", "0", "0"];
    let file = rows.map(|answer| format!("{{\"prompt\":\"p\",\"answer\":{answer}}}")).join("\n");
    let found = by(&file, &pairs()).unwrap();
    let answers: Vec<&str> = found.records.iter().filter_map(|record| record.answer.as_deref()).collect();
    assert_eq!(answers[..8], wanted);
    assert_eq!(answers[8], format!("1{}", "0".repeat(399)));
    assert!(found.notes[0].contains("9 answers such as 1e+16 are read as 10000000000000000"), "{}", found.notes[0]);
}

#[test]
fn numbers_that_python_writes_and_json_has_not_are_named() {
    for (value, says) in [
        ("NaN", "`answer`: NaN is not JSON"),
        ("Infinity", "`answer`: Infinity is not JSON"),
        ("-Infinity", "`answer`: -Infinity is not JSON"),
    ] {
        let found = bad(&format!("{{\"prompt\":\"p\",\"answer\": {value}}}"));
        assert_eq!((found[0].0, found[0].1), (1, 25), "{found:?}");
        assert!(found[0].2.starts_with(says) && found[0].2.ends_with("write null"), "{found:?}");
        let dir = dir_of(&[("a.json", format!("[{{\"prompt\":\"p\"}},\n{{\"answer\": {value}}}]").as_bytes())]);
        let message = says_of(dir.path(), "a.json");
        assert!(message.starts_with(&format!("a.json:2:12: {says}")), "{message}");
    }
    assert_eq!(
        bad("{\"prompt\": [NaN]}")[0].2.split(':').next(),
        Some("NaN is not JSON, though Python's `json` writes it")
    );
}

fn says_of(dir: &Path, name: &str) -> String {
    says(read(&[dir.join(name)], &Columns::default(), OnBad::Skip, None), dir)
}

#[test]
fn files_that_are_none_and_lines_without_an_end_are_refused_at_once() {
    let dir = dir_of(&[]);
    let path = |name: &str| dir.path().join(name);
    assert!(std::process::Command::new("mkfifo").arg(path("pipe.jsonl")).status().unwrap().success());
    std::os::unix::fs::symlink("/dev/zero", path("zero.json")).unwrap();
    assert_eq!(says_of(dir.path(), "pipe.jsonl"), "pipe.jsonl: it is a named pipe, not a regular file");
    assert_eq!(says_of(dir.path(), "zero.json"), "zero.json: it is a device, not a regular file");
    // A hole of 1 GiB is one line of zeros.
    std::fs::File::create(path("hole.jsonl")).unwrap().set_len(1 << 30).unwrap();
    assert_eq!(says_of(dir.path(), "hole.jsonl"), "hole.jsonl: line 1 is too long: more than 16 MiB");
    std::fs::File::create(path("hole.json")).unwrap().set_len(1 << 30).unwrap();
    assert_eq!(says_of(dir.path(), "hole.json"), "hole.json: line 1 is too long: more than 16 MiB");
    let error = labels(&path("pipe.jsonl"), &Reading::default()).unwrap_err();
    assert!(error.message.ends_with("it is a named pipe, not a regular file"), "{error}");
}

#[test]
fn recorded_labels_come_through_the_same_door() {
    let turn = |role: &str, content: &str| format!("{{\"role\":\"{role}\",\"content\":\"{content}\"}}");
    let (asked, yes, no) = (turn("user", "q"), turn("assistant", "y"), turn("assistant", "n"));
    let rows = [
        "{\"prompt\":\"q\",\"chosen\":\"y\",\"rejected\":\"n\",\"who\":\"me\"}".to_owned(),
        format!("{{\"prompt\":\"q\",\"chosen\":[{asked},{yes}],\"rejected\":[{asked},{no}],\"probability\":0.3}}"),
        format!("{{\"prompt\":[{asked}],\"first\":[{yes}],\"second\":\"n\",\"preferred\":\"tie\"}}"),
        format!("{{\"chosen\":[{asked},{yes}],\"rejected\":[{asked},{no}],\"probability\":0}}"),
    ];
    let wanted = [1.0, 0.3, 0.5, 0.0];
    let lines = format!("\u{feff}{}\n", rows.join("\n\n"));
    let list = format!("\u{feff}[{}]", rows.join(",\n"));
    let dir = dir_of(&[("a.jsonl", lines.as_bytes()), ("a.json", list.as_bytes())]);
    for name in ["a.jsonl", "a.json"] {
        let found = labels(&dir.path().join(name), &Reading::default()).unwrap().records;
        for label in &found {
            assert_eq!((label.prompt.as_str(), label.first.as_str(), label.second.as_str()), ("q", "y", "n"));
        }
        assert_eq!(found.iter().map(|label| label.probability).collect::<Vec<_>>(), wanted);
    }
    for (line, why) in [
        ("{\"prompt\": \"p\"", "EOF"),
        ("{\"prompt\": \"p\", \"first\": \"x\", \"second\": \"y\"}", "neither `preferred` nor `probability`"),
        ("{\"prompt\": \"p\", \"first\": \"x\", \"rejected\": \"y\"}", "neither `first` and `second`"),
        (
            "{\"prompt\": \"p\", \"first\": \"x\", \"second\": \"y\", \"probability\": 1.5}",
            "a number in 0..=1, found `1.5`",
        ),
        (
            "{\"prompt\": \"p\", \"first\": \"x\", \"second\": \"y\", \"preferred\": \"A\"}",
            "`preferred`: expected first",
        ),
        (
            "{\"prompt\": \"p\", \"chosen\": \"x\", \"rejected\": \"y\", \"preferred\": \"tie\", \"probability\": 1}",
            "both `preferred` and",
        ),
        (
            "{\"prompt\": \"p\", \"chosen\": \"x\", \"rejected\": \"y\", \"preferred\": \"second\"}",
            "`preferred` is about `first` and `second`, and the row has `chosen` and `rejected`",
        ),
        ("{\"prompt\": [], \"chosen\": \"x\", \"rejected\": \"y\"}", "expected a string or a list of messages"),
    ] {
        let dir = dir_of(&[("a.jsonl", format!("\n{line}\n").as_bytes())]);
        let message = says(labels(&dir.path().join("a.jsonl"), &Reading::default()), dir.path());
        assert!(message.starts_with("a.jsonl:2:") && message.contains(why), "{message}");
    }
    let twice = format!("{{\"prompt\":\"q\",\"chosen\":[{yes},{asked},{no}],\"rejected\":[{no}]}}");
    let dir = dir_of(&[("a.jsonl", twice.as_bytes())]);
    assert!(says(labels(&dir.path().join("a.jsonl"), &Reading::default()), dir.path()).contains("several messages"));
    // Columns with other names, as in a table of comparisons, and a row that can't be read.
    let rows = "{\"q\":\"q\",\"two\":{\"a\":\"y\",\"b\":\"n\"},\"p\":0.25}\n{\"q\":\"q\"}\n";
    let dir = dir_of(&[("a.jsonl", rows.as_bytes())]);
    let file = dir.path().join("a.jsonl");
    let columns = Columns {
        prompt: named("q"),
        first: named("two.a"),
        second: named("two.b"),
        probability: named("p"),
        ..Columns::default()
    };
    let found = labels(&file, &Reading { columns, on_bad: OnBad::Skip, ..Reading::default() }).unwrap();
    let [label] = found.records.as_slice() else { panic!("{found:?}") };
    assert_eq!((label.first.as_str(), label.second.as_str(), label.probability), ("y", "n", 0.25));
    assert_eq!(found.bad.len(), 1);
    assert!(found.left_out().unwrap().starts_with("1 of 2 rows are left out; the first, "));
    let columns = Columns { preferred: named("verdict"), ..Columns::default() };
    let message = says(labels(&file, &Reading { columns, ..Reading::default() }), dir.path());
    assert!(message.starts_with("a.jsonl: no column `verdict`, which `preferred` is mapped to\n"), "{message}");
}

#[test]
fn a_part_of_a_split_is_refused_and_one_that_is_named_is_read_with_a_word() {
    let fails = |files: &[&str], name: &str| split(files, None, name).unwrap_err();
    let message = fails(&["data/train-00001-of-00003.jsonl"], "train");
    assert!(message.contains("split `train`: 2 of 3 shards are missing: train-00000-of-00003, "), "{message}");
    let message = fails(&["dev.jsonl", "dev-00000-of-00001.jsonl"], "dev");
    assert!(message.contains("dev.jsonl stands beside shards of `dev`"), "{message}");
    let message =
        fails(&["train-00000-of-00001.jsonl", "train-00000-of-00002.jsonl", "train-00001-of-00002.jsonl"], "train");
    assert!(message.contains("of different sets"), "{message}");
    assert!(fails(&["part-00000-of-00002.jsonl"], "train").contains("1 of 2 shards are missing"));
    let dir = dir_of(&[("train-00001-of-00003.jsonl", b"{\"prompt\":\"p\"}")]);
    let found = read_one(&dir.path().join("train-00001-of-00003.jsonl"));
    assert!(found.notes[0].ends_with("is one of 3 shards: the others are not read"), "{:?}", found.notes);
}
