//! Tokenizers that contradict themselves, or make endless texts, give one error with the file.

use std::path::Path;
use std::time::{Duration, Instant};

use pbpo_hub::Tokenizer;
use serde_json::{Value, json};

use crate::{dir_of, says};

/// Returns a tokenizer of words: `<s>` 0, `a` 1, `b` 2, `c` 3, with some parts replaced by a test.
fn words(changes: Value) -> Value {
    let mut tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "decoder": {"type": "Fuse"},
        "added_tokens": [{"id": 0, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true}],
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "."}, "behavior": "Isolated", "invert": false},
        "post_processor": around(json!(["<s>"]), json!({"<s>": [0]})),
        "model": {"type": "WordLevel", "unk_token": "a", "vocab": {"<s>": 0, "a": 1, "b": 2, "c": 3}},
    });
    let object = tokenizer.as_object_mut().unwrap();
    object.extend(changes.as_object().unwrap().clone());
    tokenizer
}

/// A template of special tokens before the text.
fn around(before: Value, ids: Value) -> Value {
    let mut single: Vec<Value> =
        before.as_array().unwrap().iter().map(|id| json!({"SpecialToken": {"id": id, "type_id": 0}})).collect();
    single.push(json!({"Sequence": {"id": "A", "type_id": 0}}));
    let special = ids.as_object().unwrap().iter();
    let special: serde_json::Map<String, Value> = special
        .map(|(id, ids)| (id.clone(), json!({"id": id, "ids": ids, "tokens": vec![id; ids.as_array().unwrap().len()]})))
        .collect();
    json!({"type": "TemplateProcessing", "single": single, "special_tokens": special,
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}]})
}

fn read(tokenizer: &Value) -> Result<Tokenizer, pbpo_hub::Error> {
    let dir = dir_of(&[("tokenizer.json", tokenizer.to_string().as_bytes())]);
    Tokenizer::read(dir.path(), 100).map_err(|mut error| {
        error.message = error.message.replace(&format!("{}/", dir.path().display()), "");
        error
    })
}

fn refused(changes: Value) -> String {
    says(read(&words(changes)), Path::new("-"))
}

#[test]
fn a_good_one_is_read() {
    let tokenizer = read(&words(json!({}))).unwrap();
    assert_eq!(tokenizer.encode_with_special("abc").unwrap(), [0, 1, 2, 3]);
    assert_eq!(tokenizer.decode(&[0, 1, 2, 99], true).unwrap(), "ab");
}

#[test]
fn ids_are_those_of_the_vocabulary() {
    let beyond = refused(json!({"post_processor": around(json!(["<s>"]), json!({"<s>": [77]}))}));
    assert_eq!(
        beyond,
        "tokenizer.json: `post_processor`: a special token has id 77, but the tokenizer's vocabulary has 4 tokens"
    );
    for kind in ["BertProcessing", "RobertaProcessing"] {
        let around =
            json!({"type": kind, "sep": ["b", 9], "cls": ["<s>", 0], "trim_offsets": true, "add_prefix_space": false});
        assert!(refused(json!({"post_processor": around})).contains("a special token has id 9"));
    }
    let missing = refused(json!({"post_processor": around(json!(["<s>"]), json!({}))}));
    assert_eq!(missing, "tokenizer.json: `post_processor`: `<s>` is not in its `special_tokens`");
    let nested = json!({"type": "Sequence", "processors": [around(json!(["x"]), json!({}))]});
    assert!(refused(json!({"post_processor": nested})).contains("`x` is not in its `special_tokens`"));
    let added = json!([{"id": 9, "content": "new", "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": false, "special": false}]);
    let message = refused(json!({"added_tokens": added}));
    assert!(message.starts_with("tokenizer.json: `added_tokens`: `new` has id 9 there, and 4 in use\n"), "{message}");
    let twice = json!({"type": "WordLevel", "unk_token": "a", "vocab": {"<s>": 0, "a": 1, "b": 2, "c": 2}});
    assert_eq!(refused(json!({"model": twice})), "tokenizer.json: `b` and `c` both have id 2");
}

#[test]
fn merges_that_do_not_exist_are_refused() {
    let model = json!({"type": "BPE", "vocab": {"<s>": 0, "a": 1, "b": 2}, "merges": [["a", "z"]]});
    let message = refused(json!({"model": model}));
    assert!(message.starts_with("tokenizer.json: not a tokenizer: ") && message.contains('z'), "{message}");
}

#[test]
fn texts_do_not_grow_without_end() {
    let replace = json!({"type": "Replace", "pattern": {"String": "a"}, "content": "a".repeat(500)});
    let prepend = json!({"type": "Prepend", "prepend": "b".repeat(500)});
    let any = json!({"type": "Replace", "pattern": {"Regex": ""}, "content": "xx"});
    let sequence = |part: &Value| json!({"type": "Sequence", "normalizers": vec![part; 6]});
    for normalizer in [sequence(&replace), sequence(&any), prepend, sequence(&sequence(&replace))] {
        let start = Instant::now();
        let tokenizer = read(&words(json!({"normalizer": normalizer}))).unwrap();
        let message = says(tokenizer.encode("abcabc"), Path::new("-"));
        assert!(message.starts_with("tokenizer: ") && message.contains("bytes of the text"), "{message}");
        assert!(start.elapsed() < Duration::from_secs(5));
    }
    let decoder = json!({"type": "Sequence", "decoders": vec![&replace; 6]});
    let message = says(read(&words(json!({"decoder": decoder}))).unwrap().decode(&[1, 1], true), Path::new("-"));
    assert!(message.contains("Replace may make"), "{message}");
    let doubled = json!({"Sequence": {"id": "A", "type_id": 0}});
    let mut template = around(json!([]), json!({}));
    template["single"] = json!([doubled, doubled]);
    let message = refused(json!({"post_processor": {"type": "Sequence", "processors": vec![template; 40]}}));
    assert_eq!(message, "tokenizer.json: `post_processor`: `single` has the text 2 times");
    let message = refused(json!({"post_processor": around(json!(vec!["<s>"; 2000]), json!({"<s>": [0]}))}));
    assert!(message.contains("2000 special tokens around a text; 1024 are the most"), "{message}");
    let long = "a".repeat((8 << 20) + 1);
    assert!(
        says(read(&words(json!({}))).unwrap().encode(&long), Path::new("-")).contains("is too long for a tokenizer")
    );
}

/// A pattern that gives up is an error, because the rest of the text would silently be tokenized in another way.
#[test]
fn a_pattern_that_steps_back_without_end_is_an_error() {
    let pattern = json!({"Regex": "(?:(a|b|ab)(?!z))*c"});
    let split = json!({"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": false});
    let normalizer = json!({"type": "Replace", "pattern": pattern, "content": ""});
    for part in [json!({"pre_tokenizer": split}), json!({"normalizer": normalizer})] {
        let start = Instant::now();
        let message = says(read(&words(part)).unwrap().encode(&"ab".repeat(40)), Path::new("-"));
        assert!(message.starts_with("tokenizer: ") && message.to_lowercase().contains("backtrack"), "{message}");
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn parts_within_parts_are_few() {
    let mut part = json!({"type": "Nothing"});
    for _ in 0..30 {
        part = json!({"type": "Sequence", "normalizers": [part]});
    }
    let start = Instant::now();
    let message = refused(json!({"normalizer": part}));
    assert_eq!(message, "tokenizer.json: `normalizer`: more than 8 levels of parts within parts");
    assert!(start.elapsed() < Duration::from_secs(1));
}

/// `tokenizers` panics on an invalid charsmap; only the error is visible.
#[test]
fn a_panic_of_the_reader_is_an_error() {
    let message = refused(json!({"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}}));
    assert!(message.starts_with("tokenizer.json: "), "{message}");
}

/// What a charsmap says of its own size is not believed: it would take gigabytes.
#[test]
fn charsmaps_are_as_large_as_they_say() {
    let of =
        |map: &str| json!({"type": "Sequence", "normalizers": [{"type": "Precompiled", "precompiled_charsmap": map}]});
    let start = Instant::now();
    let message = refused(json!({"normalizer": of("/////w==")}));
    let wanted = "tokenizer.json: `normalizer`: a charsmap of 4 bytes says that it has 4294967295 bytes of a trie";
    assert_eq!(message, wanted);
    assert_eq!(
        refused(json!({"normalizer": of("AA==")})),
        "tokenizer.json: `normalizer`: a charsmap of less than 4 bytes"
    );
    // An empty trie, and a text of 66 bytes.
    let long = format!("AAAAAAAA{}", "YWFh".repeat(22));
    assert!(refused(json!({"normalizer": of(&long)})).contains("a charsmap replaces a character by 6"));
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[test]
fn parts_are_few() {
    let levels = |count: usize| {
        let level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false});
        json!({"type": "Sequence", "pretokenizers": vec![level; count]})
    };
    read(&words(json!({"pre_tokenizer": levels(4)}))).unwrap();
    let message = refused(json!({"pre_tokenizer": levels(5)}));
    assert!(message.contains("`pre_tokenizer`: 5 parts of type ByteLevel; 4 are the most"), "{message}");
    let around = json!({"type": "BertProcessing", "sep": ["<s>", 0], "cls": ["<s>", 0]});
    let message = refused(json!({"post_processor": {"type": "Sequence", "processors": vec![around; 5000]}}));
    assert_eq!(message, "tokenizer.json: `post_processor`: 5000 parts; 64 are the most");
    let prepend = json!({"type": "Prepend", "prepend": "a".repeat(30_000)});
    let message = refused(json!({"normalizer": {"type": "Sequence", "normalizers": vec![prepend; 300]}}));
    assert_eq!(message, "tokenizer.json: `normalizer`: 300 parts; 64 are the most");
}

/// A long text in the place of a rare one is no growth.
#[test]
fn a_rare_text_may_become_a_long_one() {
    let replace = json!({"type": "Replace", "pattern": {"String": "c"}, "content": "b".repeat(1000)});
    let tokenizer = read(&words(json!({"normalizer": replace}))).unwrap();
    assert_eq!(tokenizer.encode(&format!("{}c", "a".repeat(1000))).unwrap().len(), 2000);
}

/// A token of megabytes is not quoted as a whole.
#[test]
fn errors_quote_a_hundred_columns_at_most() {
    let long = "x".repeat(1 << 20);
    let vocab = json!({"<s>": 0, "a": 1, long.as_str(): 2, "c": 2});
    let twice = json!({"type": "WordLevel", "unk_token": "a", "vocab": vocab});
    for changes in [
        json!({"model": twice}),
        json!({"model": {"type": long}}),
        json!({"post_processor": around(json!([long]), json!({}))}),
        json!({"post_processor": {"type": "BertProcessing", "sep": ["b", 1], "cls": ["c", long]}}),
        json!({"normalizer": {"type": long}}),
    ] {
        let message = refused(changes);
        assert!(message.len() < 900, "{}", message.len());
    }
}
