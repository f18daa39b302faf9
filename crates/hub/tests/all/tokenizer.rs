//! Tokenizers against transformers; damaged and mismatched ones.

use pbpo_hub::{Message, Tokenizer};

use crate::{copy_of, fixture, says};

fn read(name: &str) -> Tokenizer {
    Tokenizer::read(&fixture(&format!("tokenizer_{name}")), 400).unwrap()
}

#[test]
fn texts_have_the_ids_that_transformers_gives_them() {
    for (name, wanted) in crate::json("tokenizers.json").as_object().unwrap() {
        let tokenizer = read(name);
        let id = |key: &str| wanted[key].as_u64().map(|id| id as u32);
        assert_eq!((tokenizer.bos(), tokenizer.eos(), tokenizer.pad()), (id("bos"), id("eos"), id("pad")), "{name}");
        assert_eq!(tokenizer.vocab() as u64, wanted["length"].as_u64().unwrap());
        for case in wanted["cases"].as_array().unwrap() {
            let text = case["text"].as_str().unwrap();
            let ids = |key: &str| -> Vec<u32> { serde_json::from_value(case[key].clone()).unwrap() };
            assert_eq!(tokenizer.encode(text).unwrap(), ids("plain"), "{name} {text:?}");
            let special = tokenizer.encode_with_special(text).unwrap();
            assert_eq!(special, ids("special"), "{name} {text:?}");
            assert_eq!(tokenizer.decode(&special, false).unwrap(), case["decoded"].as_str().unwrap(), "{name}");
            assert_eq!(tokenizer.decode(&special, true).unwrap(), case["skipped"].as_str().unwrap(), "{name}");
        }
        let chat = [Message::new("user", "Which is better?")];
        let rendered = tokenizer.render(&chat, true).unwrap();
        match tokenizer.template().unwrap().date() {
            None => assert_eq!(rendered, wanted["chat"].as_str().unwrap(), "{name}"),
            Some(_) => {
                // The date given to transformers.
                let template = tokenizer.template().unwrap().clone().fixed_at(1_721_952_000).unwrap();
                let text = |id: Option<u32>| id.and_then(|id| tokenizer.token(id));
                let (bos, eos) = (text(tokenizer.bos()), text(tokenizer.eos()));
                let rendered = template.render(&chat, true, bos.as_deref(), eos.as_deref()).unwrap();
                assert_eq!(rendered, wanted["chat"].as_str().unwrap(), "{name}");
            }
        }
    }
}

#[test]
fn a_tokenizer_larger_than_the_model_says_both_numbers() {
    let dir = fixture("tokenizer_qwen");
    assert!(Tokenizer::read(&dir, 379).is_ok());
    let message = says(Tokenizer::read(&dir, 378), &dir);
    assert!(message.starts_with("tokenizer.json: `"), "{message}");
    assert!(message.contains("has id 378, but the model's vocabulary has 378 tokens"), "{message}");
}

#[test]
fn files_are_saved_unchanged() {
    for name in ["qwen", "mistral"] {
        let dir = tempfile::tempdir().unwrap();
        read(name).save(dir.path()).unwrap();
        let source = fixture(&format!("tokenizer_{name}"));
        let mut count = 0;
        for entry in std::fs::read_dir(&source).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(
                std::fs::read(dir.path().join(entry.file_name())).unwrap(),
                std::fs::read(entry.path()).unwrap()
            );
            count += 1;
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), count);
        assert_eq!(Tokenizer::read(dir.path(), 400).unwrap().digest(), read(name).digest());
    }
    assert_ne!(read("qwen").digest(), read("llama3").digest());
}

#[test]
fn files_that_do_not_fit_together_are_named() {
    let dir = copy_of("tokenizer_qwen");
    let config = dir.path().join("tokenizer_config.json");
    std::fs::write(&config, "{\"eos_token\": \"</s>\"}").unwrap();
    let message = says(Tokenizer::read(dir.path(), 400), dir.path());
    assert!(message.starts_with("tokenizer_config.json: `eos_token` is `</s>`, which tokenizer.json does not have"));
    std::fs::write(&config, "{\"eos_token\": 3}").unwrap();
    let message = says(Tokenizer::read(dir.path(), 400), dir.path());
    assert!(message.starts_with("tokenizer_config.json: `eos_token`: expected a string"), "{message}");
    std::fs::write(&config, "{\n\"eos_token\": }").unwrap();
    let message = says(Tokenizer::read(dir.path(), 400), dir.path());
    assert!(message.starts_with("tokenizer_config.json:2:14: expected value"), "{message}");
    std::fs::remove_file(&config).unwrap();
    std::fs::write(dir.path().join("chat_template.jinja"), "{% if %}").unwrap();
    let message = says(Tokenizer::read(dir.path(), 400), dir.path());
    assert!(message.starts_with("chat_template.jinja line 1: the chat template cannot be compiled"), "{message}");
    let tokenizer = std::fs::read_to_string(dir.path().join("tokenizer.json")).unwrap();
    let broken = tokenizer.replace("\"decoder\": {", "\"decoder\": {,");
    assert_ne!(broken, tokenizer);
    std::fs::write(dir.path().join("tokenizer.json"), broken).unwrap();
    let message = says(Tokenizer::read(dir.path(), 400), dir.path());
    assert!(message.starts_with("tokenizer.json:") && message.contains(": key must be a string"), "{message}");
    // With a prefix that is longer than a part of a merge, `tokenizers` panics.
    let merges = tokenizer.replacen(
        "\"continuing_subword_prefix\": null",
        "\"continuing_subword_prefix\": \"a-long-prefix\"",
        1,
    );
    assert_ne!(merges, tokenizer);
    std::fs::write(dir.path().join("tokenizer.json"), merges).unwrap();
    assert!(says(Tokenizer::read(dir.path(), 400), dir.path()).starts_with("tokenizer.json: damaged"));
    std::fs::write(dir.path().join("tokenizer.json"), "{}").unwrap();
    let message = says(Tokenizer::read(dir.path(), 400), dir.path());
    assert!(message.starts_with("tokenizer.json: not a tokenizer: "), "{message}");
    std::fs::remove_file(dir.path().join("tokenizer.json")).unwrap();
    let message = says(Tokenizer::read(dir.path(), 400), dir.path());
    assert!(message.starts_with("no `tokenizer.json` in "), "{message}");
}

#[test]
fn without_a_template_chats_are_an_error_and_strings_are_fine() {
    let dir = copy_of("tokenizer_qwen");
    std::fs::remove_file(dir.path().join("chat_template.jinja")).unwrap();
    let tokenizer = Tokenizer::read(dir.path(), 400).unwrap();
    assert!(tokenizer.template().is_none());
    assert!(says(tokenizer.render(&[], true), dir.path()).starts_with("the tokenizer has no chat template"));
    assert!(!tokenizer.encode("plain").unwrap().is_empty());
}

/// The choice among several templates is that of transformers.
#[test]
fn a_chat_with_tools_has_the_template_for_tools() {
    let dir = copy_of("tokenizer_llama3");
    let read = || Tokenizer::read(dir.path(), 1 << 20).unwrap();
    let mut chat = pbpo_hub::Chat::from(&[Message::new("user", "x")]);
    let _ = std::fs::remove_file(dir.path().join("chat_template.jinja"));
    let file = dir.path().join("tokenizer_config.json");
    let mut config: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    config["chat_template"] =
        serde_json::json!([{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}]);
    std::fs::write(&file, config.to_string()).unwrap();
    assert_eq!(read().render(&chat, false).unwrap(), "D");
    chat.tools = Some(serde_json::from_str("[]").unwrap());
    assert_eq!(read().render(&chat, false).unwrap(), "T");
    // The files of transformers 5 take precedence over the config.
    std::fs::write(dir.path().join("chat_template.jinja"), "F").unwrap();
    assert_eq!(read().render(&chat, false).unwrap(), "F");
    std::fs::create_dir(dir.path().join("additional_chat_templates")).unwrap();
    std::fs::write(dir.path().join("additional_chat_templates/tool_use.jinja"), "G").unwrap();
    assert_eq!(read().render(&chat, false).unwrap(), "G");
    let saved = tempfile::tempdir().unwrap();
    read().save(saved.path()).unwrap();
    assert_eq!(Tokenizer::read(saved.path(), 1 << 20).unwrap().render(&chat, false).unwrap(), "G");
}

/// As `special_tokens_map` of transformers; tokens that a tokenizer lacks are undefined.
#[test]
fn a_template_is_given_all_special_tokens() {
    let dir = copy_of("tokenizer_llama3");
    let file = dir.path().join("tokenizer_config.json");
    let mut config: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    config["pad_token"] = config["eos_token"].clone();
    config["unk_token"] = serde_json::json!({"content": "<unk>"});
    std::fs::write(&file, config.to_string()).unwrap();
    std::fs::write(dir.path().join("special_tokens_map.json"), r#"{"mask_token": "<mask>"}"#).unwrap();
    let source =
        "{{ pad_token }}|{{ unk_token }}|{{ mask_token }}|{{ cls_token is defined }}{{ sep_token is defined }}";
    std::fs::write(dir.path().join("chat_template.jinja"), source).unwrap();
    let tokenizer = Tokenizer::read(dir.path(), 1 << 20).unwrap();
    let chat = [Message::new("user", "x")];
    assert_eq!(tokenizer.render(&chat, false).unwrap(), "<|eot_id|>|<unk>|<mask>|FalseFalse");
}
