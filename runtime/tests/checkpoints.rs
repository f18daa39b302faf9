//! Checkpoints of every family against the results of transformers and peft, computed beforehand by
//! `scripts/checkpoint_reference.py`; and written again.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use pbpo_runtime::generate::{Sampling, generate};
use pbpo_runtime::host::Host;
use pbpo_runtime::language_model::LanguageModel;
use pbpo_runtime::model::disk::{self, Loaded, floats};
use pbpo_runtime::model::{Compute, Decoder, Head, RewardModel};
use pbpo_runtime::rng::stream;
use pbpo_runtime::rundir::checkpoint;

#[derive(serde::Deserialize)]
struct Reference {
    tokens: Vec<u32>,
    /// `[token, vocab]`, or `[1]` of a reward model.
    logits: Vec<f32>,
    #[serde(default)]
    greedy: Vec<u32>,
}

fn at(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checkpoints").join(name)
}

fn load(dir: &Path) -> Loaded {
    // Relative names of base models start at the directory itself.
    let host = Host::new(Device::flex(), dir.to_owned(), None);
    disk::load(&dir.display().to_string(), &host).unwrap()
}

fn reference(name: &str) -> Reference {
    serde_json::from_str(&std::fs::read_to_string(at(name).join("reference.json")).unwrap()).unwrap()
}

fn logits(model: &Decoder, tokens: &[u32]) -> Vec<f32> {
    let ids = tokens.iter().map(|t| *t as i32).collect();
    floats(model.logits(model.hidden(model.tokens(1, ids), None)))
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Checks logits within 1e-4, and the greedy continuation token for token.
fn equals(model: &Decoder, reference: &Reference) {
    let difference = largest_difference(&logits(model, &reference.tokens), &reference.logits);
    assert!(difference < 1e-4, "logits differ by {difference}");
    let sampling = Sampling { temperature: 0.0, max_new: 12 };
    let made = generate(model, &[2], &[&reference.tokens], sampling, &mut stream([0; 32], 0)).unwrap();
    assert_eq!(made[0], reference.greedy);
    assert!(reference.greedy.len() > 3, "a continuation that tells little");
}

#[test]
fn llama_in_shards_of_bf16_with_scaled_rotations_and_an_old_config() {
    equals(&load(&at("llama")).model, &reference("llama"));
}

#[test]
fn qwen2_with_biases_and_tied_embeddings() {
    equals(&load(&at("qwen2")).model, &reference("qwen2"));
}

#[test]
fn qwen3_in_f16_with_norms_in_heads_of_their_own_size_and_yarn() {
    equals(&load(&at("qwen3")).model, &reference("qwen3"));
}

#[test]
fn mistral_with_a_sliding_window_that_is_shorter_than_the_text() {
    equals(&load(&at("mistral")).model, &reference("mistral"));
}

#[test]
fn a_peft_adapter_on_its_base_and_merged_into_it() {
    let loaded = load(&at("adapter"));
    assert!(loaded.model.has_adapters());
    equals(&loaded.model, &reference("adapter"));
    let merged = loaded.model.merged();
    assert!(!merged.has_adapters());
    equals(&merged, &reference("adapter"));
}

#[test]
fn an_adapter_whose_base_is_not_there_is_named_with_it() {
    let name = at("adapter").display().to_string();
    // The base is named relative to another directory.
    let elsewhere = tempfile::tempdir().unwrap();
    let fault = match disk::load(&name, &Host::new(Device::flex(), elsewhere.path().to_owned(), None)) {
        Ok(_) => panic!("a base from nowhere"),
        Err(fault) => fault,
    };
    assert!(fault.message.starts_with(&name) && fault.message.contains("`../qwen2`"), "{fault}");
    assert!(fault.help.is_some());
}

#[test]
fn a_reward_model_scores_as_a_sequence_classifier_does() {
    let loaded = load(&at("reward"));
    let reference = reference("reward");
    let mut model = RewardModel::new(loaded.model, Head::Sequence, f64::INFINITY, &Device::flex());
    model.take(&loaded.score.unwrap()).unwrap();
    let (prompt, response) = reference.tokens.split_at(5);
    let row = pbpo_runtime::batch::Row::new(0, prompt.to_vec(), response.to_vec());
    let rewards = model.rewards(&pbpo_runtime::batch::Batch::new([&row], &Device::flex()));
    let difference = largest_difference(&floats(rewards), &reference.logits);
    assert!(difference < 1e-4, "{difference}");
}

#[test]
fn what_goes_out_comes_in_again_the_same() {
    for name in ["llama", "qwen2", "qwen3", "mistral"] {
        let dir = tempfile::tempdir().unwrap();
        let loaded = load(&at(name));
        checkpoint::save_model(dir.path(), &loaded.model, None, loaded.model.config.dtype).unwrap();
        checkpoint::save_tokenizer(dir.path(), &loaded.tokenizer, &loaded.model.config).unwrap();
        let again = load(dir.path());
        let tokens = reference(name).tokens;
        assert_eq!(logits(&loaded.model, &tokens), logits(&again.model, &tokens), "{name}");
        assert_eq!(again.model.config.eos, loaded.model.config.eos);
    }
}

#[test]
fn a_response_is_cut_into_the_tokens_that_follow_its_prompt() {
    use pbpo_hub::Message;
    use pbpo_hub::records::Text;
    let tokenizer = load(&at("qwen2")).tokenizer;
    let plain = |text: &str| Text::Plain(text.to_owned());
    let (prompt, response) = (plain("one two"), plain(" three"));
    let mut both = tokenizer.prompt(&plain("one two three")).unwrap();
    both.push(2);
    let parts = [tokenizer.prompt(&prompt).unwrap(), tokenizer.response(&prompt, &response).unwrap().ids].concat();
    assert_eq!(parts, both);
    // For a chat the tokens are those of the template, up to the token that ends the turn.
    let asked = Text::Chat(vec![Message::new("user", "hi")].into());
    let answer = tokenizer.response(&asked, &plain("ho")).unwrap().ids;
    assert_eq!((tokenizer.decode(&answer), answer.last()), ("ho".to_owned(), Some(&2)));
    let rendered = tokenizer.decode(&tokenizer.prompt(&asked).unwrap());
    assert_eq!(rendered, "user: hiassistant: ");
    assert!(tokenizer.prompt(&plain("")).is_err());
}

/// A config with fewer layers describes another model, even if all tensors that it needs exist.
#[test]
fn layers_that_the_config_has_no_place_for_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(at("qwen2")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    let config = dir.path().join("config.json");
    let text = std::fs::read_to_string(&config).unwrap();
    let fewer = text.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1");
    assert_ne!(text, fewer);
    std::fs::write(&config, fewer).unwrap();
    let name = dir.path().display().to_string();
    let Err(fault) = disk::load(&name, &Host::from(&Device::flex())) else { panic!("it was loaded") };
    assert!(fault.message.contains("`model.layers.1.") && fault.message.contains("no place for"), "{fault}");
}

#[test]
fn an_adapter_goes_out_as_peft_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let loaded = load(&at("adapter"));
    checkpoint::save_adapter(dir.path(), &loaded.model, &at("qwen2").display().to_string()).unwrap();
    let again = load(dir.path());
    let tokens = reference("adapter").tokens;
    assert_eq!(logits(&loaded.model, &tokens), logits(&again.model, &tokens));
}

/// An empty continuation is an error, not a log-probability of 0.
#[test]
fn no_tokens_have_no_score() {
    let host = Host::new(Device::flex(), at("qwen2"), None);
    let name = at("qwen2").display().to_string();
    let model = LanguageModel::load(&name, &host, Compute::F32).unwrap();
    let pair = |continuation: &[u32]| (vec![3, 4], continuation.to_vec());
    let fault = model.score(&[pair(&[5]), pair(&[])]).unwrap_err();
    assert_eq!((fault.row, fault.message.as_str()), (Some(1), "no token of the text is scored"));
    let scored = model.score(&[pair(&[5])]).unwrap();
    assert!(scored[0].token_logps.len() == 1 && scored[0].token_logps[0] < 0.0);
}
