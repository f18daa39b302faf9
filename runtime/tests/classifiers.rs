//! Reward models read the token that transformers and TRL read: the last one of the whole rendered chat.
//!
//! The numbers are those of transformers 5: `AutoModelForSequenceClassification` of `checkpoints/reward`, with
//! `TEMPLATE` as its chat template, on `apply_chat_template(chat, tokenize=True)`. The score at the first end token
//! prefers the other answer.

#[path = "common/tiny.rs"]
mod tiny;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Device;
use pbpo_hub::Message;
use pbpo_hub::records::Text;
use pbpo_runtime::batch::Row;
use pbpo_runtime::data::{Data, Item, Source};
use pbpo_runtime::env::Env;
use pbpo_runtime::execute;
use pbpo_runtime::host::Host;
use pbpo_runtime::model::disk::{self, Loaded};
use pbpo_runtime::model::{Head, RewardModel};
use pbpo_runtime::oracle::{Btl, Labels, Oracle, Scorer};
use pbpo_runtime::rundir::RunDir;
use pbpo_runtime::shared::Shared;
use pbpo_runtime::state::RunState;
use pbpo_runtime::value::Value;
use tiny::plan;

const TEMPLATE: &str = "{% for m in messages %}{{ m.role + ': ' + m.content + '</s>\\n' }}{% endfor %}\
                        {% if add_generation_prompt %}assistant: {% endif %}";
const HO: f64 = -2.166_003;
const NO: f64 = -1.658_850;
/// `hi`, `ho`, `and?`, `hum`.
const TURNS: f64 = 1.113_486;
/// The scores of `one two three</s>`, as TRL's RewardTrainer reads plain text, and of the same without its end.
const THREE: f64 = -0.790_100;
const THREE_OPEN: f64 = 2.464_463;

/// The checkpoints with that template.
fn directory() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let checkpoints = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checkpoints");
    for name in ["qwen2", "reward"] {
        std::fs::create_dir(dir.path().join(name)).unwrap();
        for entry in std::fs::read_dir(checkpoints.join(name)).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), dir.path().join(name).join(entry.file_name())).unwrap();
        }
        std::fs::write(dir.path().join(name).join("chat_template.jinja"), TEMPLATE).unwrap();
    }
    dir
}

fn host(dir: &Path) -> Host {
    Host::new(Device::flex(), dir.to_owned(), None)
}

fn load(dir: &Path, name: &str) -> Loaded {
    disk::load(&dir.join(name).display().to_string(), &host(dir)).unwrap()
}

/// Runs a file. Returns its directory and its values.
fn run(dir: &Path, file: &str) -> (PathBuf, Env, tiny::Told) {
    let plan = plan(file, &[]);
    let path = dir.join("run");
    std::fs::create_dir(&path).unwrap();
    let mut run = RunDir::create(path.clone(), &plan, "cpu").unwrap();
    let (mut state, mut told) = (RunState::default(), tiny::Told::default());
    execute(&plan, host(dir), &mut run, &mut state, &mut Shared::default()).unwrap();
    run.finish(&plan, &state.env).unwrap();
    execute(&plan, host(dir), &mut told, &mut RunState::default(), &mut Shared::default()).unwrap();
    (path, state.env, told)
}

fn raw(dir: &Path) -> Oracle {
    let loaded = load(dir, "reward");
    let mut model = RewardModel::new(loaded.model, Head::Sequence, f64::INFINITY, &Device::flex());
    model.take(&loaded.score.unwrap()).unwrap();
    let btl = Btl { scale: 1.0, flip: 0.0, labels: Labels::Soft };
    Oracle::Scorer(Box::new(Scorer { model, tokenizer: Arc::new(loaded.tokenizer), btl, digest: loaded.digest }))
}

fn close(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 1e-4, "{found} where transformers gives {wanted}");
}

fn plain(text: &str) -> Text {
    Text::Plain(text.to_owned())
}

const VOTE: &str =
    "{\"prompt\": [{\"role\": \"user\", \"content\": \"hi\"}], \"chosen\": \"ho\", \"rejected\": \"no\"}\n";

#[test]
fn a_reward_model_of_a_run_reads_the_whole_chat() {
    let dir = directory();
    std::fs::write(dir.path().join("votes.jsonl"), VOTE).unwrap();
    let file = r#"pbpo 1
data votes { source = file("votes.jsonl") }
policy pi { model = hf("qwen2"), init = pretrained, optimizer = adamw { lr = 0.0 } }
reward_model r { backbone = hf("reward"), head = sequence, bound = 1e9, optimizer = adamw { lr = 0.0, backbone_lr = 0.0 } }
pipeline main {
  all = pairs(pi, votes)
  repeat 1 { descend r on nll(r, all) }
}
"#;
    let (_, _, told) = run(dir.path(), file);
    close(told.last("rm/margin"), HO - NO);
}

/// transformers takes the last token that is not padding: before the end token, if that pads too.
#[test]
fn a_classifier_that_pads_with_its_end_token_is_read_before_it() {
    let dir = directory();
    let config = dir.path().join("reward/config.json");
    let text = std::fs::read_to_string(&config).unwrap().replace("\"pad_token_id\": 0", "\"pad_token_id\": 2");
    std::fs::write(&config, text).unwrap();
    let (oracle, tokenizer) = (raw(dir.path()), Arc::new(load(dir.path(), "qwen2").tokenizer));
    let item = Item { prompt: plain("one two"), demonstration: None, answer: None, pair: None };
    let source = Source::new(&Arc::new(Data::new("data", None, vec![item], None, String::new())), &tokenizer).unwrap();
    let row = source.read(0, &plain(" three")).unwrap().0;
    assert!(tokenizer.ended(&row.response));
    close(oracle.scores(&source, &[&row], &Device::flex()).unwrap()[0], THREE_OPEN);
}

#[test]
fn rows_without_a_pair_or_a_demonstration_are_counted() {
    let dir = directory();
    let rows = format!("{VOTE}{{\"prompt\": \"hi\"}}\n{{\"prompt\": \"ho\", \"completion\": null}}\n");
    std::fs::write(dir.path().join("votes.jsonl"), rows).unwrap();
    let file = r#"pbpo 1
data votes { source = file("votes.jsonl") }
policy pi { model = hf("qwen2"), init = imitate(votes, steps = 1, batch = 1, lr = 0.0), optimizer = adamw { lr = 0.0 } }
reward_model r { backbone = hf("reward"), head = sequence, optimizer = adamw { lr = 0.0 } }
pipeline main {
  all = pairs(pi, votes)
  repeat 1 { descend r on nll(r, all) }
}
"#;
    let (_, _, told) = run(dir.path(), file);
    let says = |text: &str| told.notices.iter().any(|notice| notice.contains(text));
    assert!(says("2 of 3 rows of `votes` are without a pair and are left out"), "{:?}", told.notices);
    assert!(says("2 of 3 rows of `votes` are without a demonstration and are left out"), "{:?}", told.notices);
}

#[test]
fn a_reward_model_that_reads_less_than_a_row_has_is_refused() {
    let dir = directory();
    std::fs::write(dir.path().join("votes.jsonl"), VOTE).unwrap();
    let config = dir.path().join("reward/config.json");
    let text = std::fs::read_to_string(&config).unwrap();
    let short = text.replace("\"max_position_embeddings\": 64", "\"max_position_embeddings\": 8");
    std::fs::write(&config, short).unwrap();
    let file = r#"pbpo 1
data votes { source = file("votes.jsonl") }
policy pi { model = hf("qwen2"), init = pretrained, optimizer = adamw { lr = 0.0 } }
reward_model r { backbone = hf("reward"), head = sequence, optimizer = adamw { lr = 0.0 } }
pipeline main {
  all = pairs(pi, votes)
  repeat 1 { descend r on nll(r, all) }
}
"#;
    let (mut told, mut state) = (tiny::Told::default(), RunState::default());
    let ran = execute(&plan(file, &[]), host(dir.path()), &mut told, &mut state, &mut Shared::default());
    let fault = ran.unwrap_err();
    assert!(fault.message.starts_with("`r` reads 8 tokens, and a prompt with its response has "), "{fault}");
}

#[test]
fn an_oracle_reads_chats_whole_and_plain_text_with_its_end() {
    let dir = directory();
    let oracle = raw(dir.path());
    let tokenizer = Arc::new(load(dir.path(), "qwen2").tokenizer);
    let item = |prompt| Item { prompt, demonstration: None, answer: None, pair: None };
    let chat = Text::Chat(vec![Message::new("user", "hi")].into());
    let data = Data::new("data", None, vec![item(chat), item(plain("one two"))], None, String::new());
    let source = Source::new(&Arc::new(data), &tokenizer).unwrap();
    let score = |rows: &[Row]| oracle.scores(&source, &rows.iter().collect::<Vec<_>>(), &Device::flex()).unwrap();
    let read = |item, text| source.read(item, &plain(text)).unwrap().0;
    let cut = |row: &Row| source.row(row.item, row.response[..row.response.len() - 1].to_vec()).unwrap();
    let rows = [read(0, "ho"), read(0, "no"), read(1, " three")];
    for (found, wanted) in score(&rows).into_iter().zip([HO, NO, THREE]) {
        close(found, wanted);
    }
    // A template always closes a chat; plain text that was cut off is read as it is.
    for (found, wanted) in score(&rows.each_ref().map(cut)).into_iter().zip([HO, NO, THREE_OPEN]) {
        close(found, wanted);
    }
}

#[test]
fn a_classifier_reads_every_turn_of_an_answer() {
    let dir = directory();
    let Oracle::Scorer(scorer) = raw(dir.path()) else { unreachable!() };
    let turns = [("assistant", "ho"), ("user", "and?"), ("assistant", "hum")];
    let answer = Text::Chat(turns.map(|(role, text)| Message::new(role, text)).to_vec().into());
    let item = Item {
        prompt: Text::Chat(vec![Message::new("user", "hi")].into()),
        demonstration: Some(answer),
        answer: None,
        pair: None,
    };
    let source = Source::new(&Arc::new(Data::new("data", None, vec![item], None, String::new())), &scorer.tokenizer);
    let (rows, cut) = source.unwrap().demonstrations().unwrap();
    assert_eq!(cut, 1, "a policy reads the first turn alone, and that is told");
    let batch = pbpo_runtime::batch::Batch::new(&rows, &Device::flex());
    close(f64::from(disk::floats(scorer.model.rewards(&batch))[0]), TURNS);
    assert_eq!(batch.response_tokens(), rows[0].response.len());
}

/// An exported model has the preferences of its run, and keeps its bound.
#[test]
fn an_exported_reward_model_gives_the_rewards_of_its_run() {
    let dir = directory();
    std::fs::write(dir.path().join("votes.jsonl"), VOTE).unwrap();
    let file = r#"pbpo 1
data votes { source = file("votes.jsonl") }
policy pi { model = hf("qwen2"), init = pretrained, optimizer = adamw { lr = 0.0 } }
reward_model r { backbone = hf("reward"), head = sequence, bound = 2.5, optimizer = adamw { lr = 0.05, backbone_lr = 0.0 } }
pipeline main {
  all = pairs(pi, votes)
  repeat 20 { descend r on nll(r, all) }
}
"#;
    let (path, env, told) = run(dir.path(), file);
    assert_eq!(told.last("rm/accuracy"), 1.0);
    let config = std::fs::read_to_string(path.join("checkpoints/r/config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    assert_eq!(config["reward_bound"], 2.5);
    // For the chosen chat, b tanh(s / b) of the checkpoint's score is the run's reward.
    let loaded = load(dir.path(), "run/checkpoints/r");
    assert_eq!(loaded.model.config.reward_bound, Some(2.5));
    let mut model = RewardModel::new(loaded.model, Head::Sequence, f64::INFINITY, &Device::flex());
    model.take(&loaded.score.unwrap()).unwrap();
    let whole = loaded.tokenizer.encode("user: hi</s>\nassistant: ho</s>\n").unwrap();
    let row = Row::new(0, vec![whole[0]], whole[1..].to_vec());
    let score = |model: &RewardModel, row: &Row| {
        f64::from(disk::floats(model.rewards(&pbpo_runtime::batch::Batch::new([row], &Device::flex())))[0])
    };
    let reward = env.values.iter().find_map(|(name, value)| match value {
        Value::Player(player) if name.block() == "r" => player.reward_model().cloned(),
        _ => None,
    });
    let Some(Value::Preferences(all)) = env.values.get("all") else { panic!("no pairs") };
    let own = score(&reward.unwrap(), &all.get(0).unwrap().chosen);
    let bounded = 2.5 * (score(&model, &row) / 2.5).tanh();
    assert!((own - bounded).abs() < 1e-4, "{own} and {bounded}");
}

/// An oracle from such a checkpoint also gives its run's rewards: its margins are differences of b tanh(s / b).
#[test]
fn an_oracle_applies_the_bound_of_its_checkpoint() {
    let dir = directory();
    std::fs::write(dir.path().join("prompts.jsonl"), "{\"prompt\": \"one two\"}\n").unwrap();
    let config = dir.path().join("reward/config.json");
    let mut json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&config).unwrap()).unwrap();
    json["reward_bound"] = serde_json::json!(0.5);
    std::fs::write(&config, json.to_string()).unwrap();
    let file = r#"pbpo 1
data prompts { source = file("prompts.jsonl") }
policy pi { model = hf("qwen2"), init = pretrained, optimizer = adamw { lr = 0.0 }, sampling = { max_new = 3 tokens } }
policy ref { follows = pi, update = sft }
features phi { of = pi.init }
exploration e { features = phi, against = ref, search = none }
oracle judge { by = reward_model { model = "reward", scale = 1.0, labels = soft } }
pipeline main {
  a = sample(ref, prompts, count = 8)
  b = explore(e, prompts, against = a)
  all += label(b, a, by = judge)
  descend pi on -mean(logp(pi, chosen(all)))
}
"#;
    let (_, env, _) = run(dir.path(), file);
    let pairs = env.values.values().find_map(|value| match value {
        Value::Preferences(pairs) if pairs.len() == 8 => Some(pairs.clone()),
        _ => None,
    });
    let pairs = pairs.unwrap();
    let (oracle, source) = (raw(dir.path()), pairs.source.clone().unwrap());
    let mut apart = 0.0_f64;
    for pair in pairs.pairs() {
        let scores = oracle.scores(&source, &[&pair.chosen, &pair.rejected], &Device::flex()).unwrap();
        let bounded = |score: f64| 0.5 * (score / 0.5).tanh();
        let wanted = 1.0 / (1.0 + (bounded(scores[1]) - bounded(scores[0])).exp());
        assert!((f64::from(pair.probability) - wanted).abs() < 1e-4, "{} and {wanted}", pair.probability);
        apart = apart.max((scores[0] - scores[1]).abs());
    }
    assert!(apart > 1.0, "pairs that tell nothing: {apart}");
}
