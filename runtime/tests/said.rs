//! Text and tokens of responses are consistent for tokenizers of every layout: byte-level BPE (Qwen, Llama 3), and
//! SentencePiece with a leading space, a decoder that strips it, and bytes for text without tokens (Mistral, Llama 2).

use std::path::{Path, PathBuf};

use pbpo_hub::Message;
use pbpo_hub::records::{self, Columns, Reading, Said, Text};
use pbpo_runtime::event::PreferenceRecord;
use pbpo_runtime::rng::stream;
use pbpo_runtime::tokenizer::{Checkpoint, Tokenizer};
use rand::RngExt;

const LAYOUTS: [&str; 3] = ["tokenizer_qwen", "tokenizer_llama3", "tokenizer_mistral"];

fn fixture(layout: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/hub/tests/fixtures").join(layout)
}

fn tokenizer(layout: &str) -> Tokenizer {
    let inner = pbpo_hub::tokenizer::Tokenizer::read(&fixture(layout), 1000).unwrap();
    let end = ["<|im_end|>", "<|eot_id|>", "</s>"].iter().find_map(|end| inner.id(end)).unwrap();
    Tokenizer::Checkpoint(Box::new(Checkpoint::new(inner, vec![end])))
}

/// Makes a byte-level tokenizer with this template.
fn with_template(source: &str) -> Tokenizer {
    let dir = tempfile::tempdir().unwrap();
    for name in ["tokenizer.json", "tokenizer_config.json"] {
        std::fs::copy(fixture("tokenizer_qwen").join(name), dir.path().join(name)).unwrap();
    }
    std::fs::write(dir.path().join("chat_template.jinja"), source).unwrap();
    let inner = pbpo_hub::tokenizer::Tokenizer::read(dir.path(), 1000).unwrap();
    let end = inner.id("<|im_end|>").unwrap();
    Tokenizer::Checkpoint(Box::new(Checkpoint::new(inner, vec![end])))
}

const CHATML: &str = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}\
                      {% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
const TRIMS: &str = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content | trim }}<|im_end|>\n{% endfor %}\
                     {% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

fn plain(text: &str) -> Text {
    Text::Plain(text.to_owned())
}

fn asked(text: &str) -> Text {
    Text::Chat(vec![Message::new("user", text)].into())
}

fn prompts() -> Vec<Text> {
    let texts = ["The answer is", "The answer is ", "caf\u{e9}", "x\n", "\u{1f600}", "<s>", "a <|im_start|> b </s> "];
    texts.iter().map(|text| plain(text)).chain([asked("what colour?"), asked("\u{1f600}")]).collect()
}

/// A pair as a run records it, as a file gives it back.
fn recorded(prompt: &Text, chosen: Text, rejected: Text) -> [Option<Text>; 2] {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("preferences.jsonl");
    let record = PreferenceRecord { episode: 1, prompt: prompt.clone(), chosen, rejected, probability: 1.0 };
    std::fs::write(&file, serde_json::to_string(&record).unwrap()).unwrap();
    ["chosen", "rejected"].map(|column| {
        let columns = Columns { completion: Some(column.to_owned()), ..Columns::default() };
        let reading = Reading { columns, continues: true, ..Reading::default() };
        records::read(std::slice::from_ref(&file), &reading).unwrap().records.remove(0).completion
    })
}

/// For any tokens of a policy, cut off at any place, the record gives the same tokens again.
#[test]
fn what_is_recorded_has_the_tokens_that_were_said() {
    let mut rng = stream([7; 32], 0);
    for layout in LAYOUTS {
        let tokenizer = tokenizer(layout);
        let end = tokenizer.ends()[0];
        let word = |rng: &mut rand_chacha::ChaCha8Rng| match rng.random_range(0..tokenizer.vocab() as u32) {
            id if id == end => end - 1,
            id => id,
        };
        let (mut texts, mut ids) = (0, 0);
        for prompt in prompts() {
            let before = tokenizer.prompt(&prompt).unwrap();
            for length in 0..40 {
                let mut said = || {
                    let mut response: Vec<u32> = (0..length % 8).map(|_| word(&mut rng)).collect();
                    response.extend(rng.random::<bool>().then_some(end));
                    response
                };
                let (chosen, rejected) = (said(), said());
                let text = |response: &[u32]| Text::Said(tokenizer.said(&prompt, &before, response));
                let read = recorded(&prompt, text(&chosen), text(&rejected));
                for (response, read) in [chosen, rejected].into_iter().zip(read) {
                    let Some(Text::Said(said)) = &read else { panic!("{layout}: {read:?}") };
                    *(if said.ids.is_none() { &mut texts } else { &mut ids }) += 1;
                    assert_eq!(said.ended, response.last() == Some(&end));
                    let again = tokenizer.response(&prompt, &read.clone().unwrap()).unwrap();
                    assert_eq!(again.ids, response, "{layout}: {prompt:?}, {said:?}");
                }
            }
        }
        assert!(texts > 50 && ids > 50, "{layout}: {texts} by text, {ids} by ids");
    }
}

/// A text is restored from its tokens, with its first space.
#[test]
fn texts_come_back_from_their_tokens() {
    let texts = [" blue", "blue", "  two", "\n", " caf\u{e9} \u{1f600}", "<|im_start|>x", "", "a </s", "\u{2581}x"];
    for layout in LAYOUTS {
        let tokenizer = tokenizer(layout);
        // A chat template may trim the text.
        for prompt in prompts().into_iter().filter(|prompt| matches!(prompt, Text::Plain(_))) {
            let before = tokenizer.prompt(&prompt).unwrap();
            for text in texts {
                // U+2581 is a space for a SentencePiece tokenizer.
                if layout == "tokenizer_mistral" && text.contains('\u{2581}') {
                    continue;
                }
                let response = tokenizer.response(&prompt, &plain(text)).unwrap().ids;
                let said = tokenizer.said(&prompt, &before, &response);
                assert_eq!((said.text.as_str(), said.ended), (text, true), "{layout}: {prompt:?} {response:?}");
                assert_eq!(said.ids, None, "{layout}: {prompt:?}, {text:?}");
                let open = Said { text: text.to_owned(), ended: false, ids: None };
                let cut = tokenizer.response(&prompt, &Text::Said(open)).unwrap().ids;
                assert_eq!(cut, response[..response.len() - 1], "{layout}: no end token where it was cut off");
            }
        }
    }
}

#[test]
fn half_a_character_is_kept_as_ids() {
    for layout in LAYOUTS {
        let tokenizer = tokenizer(layout);
        let prompt = plain("\u{1f600}");
        let before = tokenizer.prompt(&prompt).unwrap();
        let whole = tokenizer.response(&prompt, &plain("ok \u{1f601}")).unwrap().ids;
        let response = &whole[..whole.len() - 2];
        let said = tokenizer.said(&prompt, &before, response);
        assert!(said.text.starts_with("ok ") && said.text.contains('\u{fffd}'), "{layout}: {said:?}");
        assert_eq!(said.ids.unwrap().ids, response);
        // At the boundary, the prompt's last character stays whole.
        let said = tokenizer.said(&prompt, &before, &before[before.len() - 4..][..2]);
        assert!(said.text.chars().all(|c| c == '\u{fffd}') && !said.text.is_empty(), "{layout}: {said:?}");
    }
}

#[test]
fn special_tokens_in_a_response_are_seen() {
    let tokenizer = tokenizer("tokenizer_qwen");
    let prompt = asked("hi");
    let before = tokenizer.prompt(&prompt).unwrap();
    let response = tokenizer.encode("a<|im_start|>b<|im_end|>").unwrap();
    let said = tokenizer.said(&prompt, &before, &response);
    assert_eq!((said.text.as_str(), said.ids), ("a<|im_start|>b", None));
}

#[test]
fn ids_of_another_tokenizer_are_refused() {
    let (qwen, llama) = (tokenizer("tokenizer_qwen"), tokenizer("tokenizer_llama3"));
    let prompt = plain("x");
    let half = qwen.response(&prompt, &plain("\u{1f601}")).unwrap().ids[..2].to_vec();
    let said = Text::Said(qwen.said(&prompt, &qwen.prompt(&prompt).unwrap(), &half));
    assert_eq!(qwen.response(&prompt, &said).unwrap().ids, half);
    let fault = llama.response(&prompt, &said).unwrap_err();
    assert!(fault.message.contains("tokens of another tokenizer") && fault.help.is_some(), "{fault}");
}

#[test]
fn a_text_that_was_changed_beside_its_ids_is_refused() {
    let tokenizer = tokenizer("tokenizer_qwen");
    let prompt = plain("x");
    let half = tokenizer.response(&prompt, &plain("\u{1f601}")).unwrap().ids[..2].to_vec();
    let said = tokenizer.said(&prompt, &tokenizer.prompt(&prompt).unwrap(), &half);
    let changed = Text::Said(Said { text: "better".into(), ..said });
    let fault = tokenizer.response(&prompt, &changed).unwrap_err();
    assert!(fault.message.contains("the tokens of another text") && fault.help.is_some(), "{fault}");
}

/// A classifier reads the whole chat that the template writes; a policy's response ends with the end token.
#[test]
fn a_classifier_reads_what_comes_after_the_end_token() {
    let tokenizer = with_template(CHATML);
    let prompt = asked("hi");
    let before = tokenizer.prompt(&prompt).unwrap();
    let whole = "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nho<|im_end|>\n";
    let response = tokenizer.response(&prompt, &plain("ho")).unwrap();
    assert_eq!(response.ids.last(), Some(&tokenizer.ends()[0]));
    let read = [before.clone(), response.read.clone().unwrap()].concat();
    assert_eq!(read, tokenizer.encode(whole).unwrap());
    assert_eq!(response.cut, 0, "what the template writes is no part of the response");
    // The same holds for a policy's response, ended or cut off, because transformers closes every chat.
    let closing = tokenizer.closing_of(&prompt).unwrap();
    for said in [response.ids.as_slice(), &response.ids[..response.ids.len() - 1]] {
        assert_eq!(tokenizer.read_by_classifiers(said, closing.as_deref()), response.read);
    }
    // TRL reads plain text with the end token; a policy's response that was cut off is read as it is.
    let response = tokenizer.response(&plain("x"), &plain(" y")).unwrap();
    assert_eq!((response.read, response.ids.last()), (None, Some(&tokenizer.ends()[0])));
    assert_eq!(tokenizer.read_by_classifiers(&response.ids[..1], None), None);
}

#[test]
fn what_comes_after_the_first_end_token_is_counted_and_read_by_classifiers() {
    let tokenizer = with_template(CHATML);
    let end = tokenizer.ends()[0];
    let turns = Text::Chat(
        vec![Message::new("assistant", "ho"), Message::new("user", "and?"), Message::new("assistant", "hum")].into(),
    );
    let response = tokenizer.response(&asked("hi"), &turns).unwrap();
    let one = tokenizer.response(&asked("hi"), &plain("ho")).unwrap();
    assert_eq!((&response.ids, one.cut), (&one.ids, 0));
    let read = response.read.unwrap();
    assert_eq!(response.cut, read.len() - response.ids.len() - 1, "all but the newline of the template");
    assert_eq!(read.iter().filter(|id| **id == end).count(), 3);
    let response = tokenizer.response(&plain("x"), &plain("y<|im_end|>z")).unwrap();
    assert_eq!(response.cut, tokenizer.encode("z").unwrap().len());
    assert_eq!(response.read.unwrap().last(), Some(&end));
}

/// As in transformers with `continue_final_message`.
#[test]
fn a_prompt_that_ends_with_the_assistant_is_continued() {
    let prompt = |text: &str| Text::Chat(vec![Message::new("user", "hi"), Message::new("assistant", text)].into());
    let (keeps, trims) = (with_template(CHATML), with_template(TRIMS));
    let text = |tokenizer: &Tokenizer, content: &str| {
        let ids = tokenizer.prompt(&prompt(content)).unwrap();
        let opening = "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n";
        let rest = ids.strip_prefix(tokenizer.encode(opening).unwrap().as_slice()).unwrap().to_vec();
        tokenizer.decode(&rest)
    };
    assert_eq!(text(&keeps, "The answer is"), "The answer is");
    assert_eq!(text(&keeps, "The answer is  "), "The answer is  ");
    assert_eq!(text(&trims, "The answer is  "), "The answer is");
    let ids = [keeps.encode(" blue").unwrap(), vec![keeps.ends()[0]]].concat();
    let answers = [plain(" blue"), Text::Chat(vec![Message::new("assistant", " blue")].into())];
    for answer in answers {
        let response = keeps.response(&prompt("The answer is"), &answer).unwrap();
        assert_eq!(response.ids, ids);
        assert_eq!(response.read.unwrap().len(), ids.len() + 1, "with the newline after the end token");
    }
    let before = keeps.prompt(&prompt("The answer is")).unwrap();
    let said = keeps.said(&prompt("The answer is"), &before, &ids);
    assert_eq!((said.text.as_str(), said.ids), (" blue", None));
    let silent = with_template("{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}");
    assert!(silent.prompt(&prompt("The answer is")).unwrap_err().message.contains("does not write"));
}
