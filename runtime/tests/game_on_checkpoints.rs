//! Whole runs on a checkpoint from disk: adapters, files, verifiers, reward models and judges.

#[path = "common/broken.rs"]
mod broken;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use broken::tiny::{self, plan};
use burn::tensor::Device;
use pbpo_plan::identity::identities;
use pbpo_runtime::host::Host;
use pbpo_runtime::model::disk;
use pbpo_runtime::rundir::RunDir;
use pbpo_runtime::shared::Shared;
use pbpo_runtime::state::RunState;
use pbpo_runtime::{Execution, Fault, execute};

/// A game of two episodes with placeholders `BACKBONE` and `JUDGE`.
const GAME: &str = r#"pbpo 1
use std/games { pbpo }
param seed: int = 0
data demos   { source = file("rows.jsonl", prompt = "question", completion = "answer") }
data prompts { source = file("rows.jsonl", prompt = "question", answer = "answer"), check = exact }
policy pi {
  model     = hf("qwen2")
  init      = imitate(demos, steps = 2, batch = 2, lr = 1e-3)
  lora      = { rank = 2, alpha = 4.0 }
  optimizer = adamw { lr = 1e-2 }
  sampling  = { max_new = 4 tokens }
  estimator = rloo { group = 2 }
}
policy ref { follows = pi, update = each_episode }
reward_model r { backbone = BACKBONE, head = sequence }
features phi { of = pi.init, project = 8 }
exploration enhancer { features = phi, against = ref, search = best_of { candidates = 2, from = pi } }
constraint confidence { on = r, keep = lagrangian { beta = 0.04, nll = mean }, batch = 4 pairs }
oracle judge { by = JUDGE }
pipeline main = pbpo(pi, ref, r, enhancer, confidence, judge, prompts, prompts, episodes = 2, pairs = 4, batch = 4,
  outer = 1, inner = 1)
"#;

const VERIFIER: &str = "verifier { ties = draw }";
const INIT: &str = "pi.init";

/// Makes a directory with the rows and the checkpoints that the file names.
fn directory() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let rows = "{\"question\": \"one\", \"answer\": \"1\"}\n\n{\"question\": \"two\", \"answer\": \"2\"}\n";
    std::fs::write(dir.path().join("rows.jsonl"), rows).unwrap();
    let checkpoints = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checkpoints");
    for name in ["qwen2", "reward"] {
        std::fs::create_dir(dir.path().join(name)).unwrap();
        for entry in std::fs::read_dir(checkpoints.join(name)).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), dir.path().join(name).join(entry.file_name())).unwrap();
        }
    }
    dir
}

fn host(dir: &Path) -> Host {
    Host::new(Device::flex(), dir.to_owned(), Some(dir.join("answers.jsonl")))
}

/// Runs a game in a directory. Returns the run's directory, and its result.
fn run(dir: &Path, name: &str, backbone: &str, judge: &str) -> (PathBuf, Result<(), Fault>) {
    let plan = plan(&GAME.replace("BACKBONE", backbone).replace("JUDGE", judge), &[]);
    let path = dir.join(name);
    std::fs::create_dir(&path).unwrap();
    let mut run = RunDir::create(path.clone(), &plan, "cpu").unwrap();
    let mut state = RunState::default();
    let ran = execute(&plan, host(dir), &mut run, &mut state, &mut Shared::default());
    if ran.is_ok() {
        run.finish(&plan, &state.env).unwrap();
    }
    (path, ran)
}

fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).unwrap_or_default().lines().count()
}

#[test]
fn adapters_are_trained_on_a_base_that_stays_and_saved_as_peft_has_them() {
    let dir = directory();
    let (path, ran) = run(dir.path(), "run", INIT, VERIFIER);
    ran.unwrap();
    let saved = disk::load(&path.join("checkpoints/pi").display().to_string(), &host(dir.path())).unwrap();
    let base = disk::load("qwen2", &host(dir.path())).unwrap();
    let weights = |model: &pbpo_runtime::model::Decoder| -> Vec<Vec<f32>> {
        model.tensors().values().map(disk::Out::values).collect()
    };
    assert_eq!(weights(&saved.model), weights(&base.model), "the base has moved");
    assert_ne!(weights(&saved.model.merged()), weights(&base.model), "the adapters have not");
    let manifest: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path.join("run.json")).unwrap()).unwrap();
    assert_eq!(manifest["models"]["pi.model"]["name"], "qwen2");
    assert_eq!(manifest["models"]["pi.model"]["digest"].as_str().unwrap().len(), 64);
    assert_eq!(manifest["data"]["prompts"].as_str().unwrap().len(), 64);
}

#[test]
fn a_reward_model_from_disk_follows_and_labels() {
    let dir = directory();
    let (path, ran) = run(dir.path(), "run", "hf(\"reward\")", "reward_model { model = \"reward\", scale = 2.0 }");
    ran.unwrap();
    assert!(lines(&path.join("preferences.jsonl")) > 0);
    let saved = disk::load(&path.join("checkpoints/r").display().to_string(), &host(dir.path())).unwrap();
    let before = disk::load("reward", &host(dir.path())).unwrap();
    assert_eq!(saved.score.as_ref().unwrap().len(), before.score.as_ref().unwrap().len());
    assert_ne!(saved.score, before.score);
}

/// Adapters, imitation on a checkpoint, each kind of judge, a reward model from disk, and bf16 survive a break after
/// each step.
#[test]
fn a_game_goes_on_after_a_break_at_any_step() {
    let dir = directory();
    let (url, _) = server();
    let chat = format!("chat {{ model = \"m\", url = \"{url}\", labels = likelier, order = given }}");
    let scorer = "reward_model { model = \"reward\", scale = 2.0, labels = soft }";
    for (backbone, judge) in [(INIT, VERIFIER), ("hf(\"reward\")", scorer), (INIT, &chat)] {
        let plan = plan(&GAME.replace("BACKBONE", backbone).replace("JUDGE", judge), &[]);
        let steps = broken::survives(judge, &plan, &|| host(dir.path()));
        assert!(steps > 20, "{steps}");
    }
    let half = plan(&GAME.replace("BACKBONE", INIT).replace("JUDGE", VERIFIER), &["pi.model.compute=bf16"]);
    broken::survives("bf16", &half, &|| host(dir.path()));
}

/// A run does not go on with other rows, or with another reward model to label them.
#[test]
fn a_source_that_has_changed_is_told_and_stops_the_run() {
    let dir = directory();
    let scorer = "reward_model { model = \"reward\", scale = 2.0 }";
    let plan = plan(&GAME.replace("BACKBONE", INIT).replace("JUDGE", scorer), &[]);
    let known = identities(&plan);
    let (mut state, mut told) = (RunState::default(), tiny::Told::default());
    let mut execution = Execution::new(&plan, known.clone(), host(dir.path())).unwrap();
    for _ in 0..9 {
        assert!(execution.step(&mut state, &mut told, &mut Shared::default()).unwrap());
    }
    let snapshot = state.save(&plan, &known).unwrap();
    let load = || RunState::load(&snapshot, &plan, &known, &host(dir.path()));
    load().unwrap();
    // A letter of a row, and a bit of a weight.
    for (file, from_end, value) in [("rows.jsonl", 4, "demos"), ("reward/model.safetensors", 2, "judge")] {
        let path = dir.path().join(file);
        let before = std::fs::read(&path).unwrap();
        let mut after = before.clone();
        after[before.len() - from_end] ^= 1;
        std::fs::write(&path, after).unwrap();
        let fault = load().err().expect("it is refused");
        assert!(fault.message.contains(&format!("`{value}` reads has changed")), "{fault}");
        std::fs::write(&path, before).unwrap();
        load().unwrap();
    }
}

#[test]
fn a_judge_behind_a_server_is_asked_once_for_each_question() {
    let dir = directory();
    let (url, calls) = server();
    let judge = format!("chat {{ model = \"m\", url = \"{url}\", labels = likelier, order = given }}");
    let (path, ran) = run(dir.path(), "first", INIT, &judge);
    ran.unwrap();
    assert!(lines(&path.join("preferences.jsonl")) > 0);
    let asked = calls.load(Ordering::SeqCst);
    assert!(asked > 1, "{asked}");
    // The same run again asks only the question that checks the server.
    let (again, ran) = run(dir.path(), "again", INIT, &judge);
    ran.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), asked + 1);
    let read = |path: &Path| std::fs::read_to_string(path.join("preferences.jsonl")).unwrap();
    assert_eq!(read(&path), read(&again));
}

#[test]
fn what_is_missing_is_known_before_anything_is_trained() {
    let dir = directory();
    let refused = "chat { model = \"m\", url = \"http://127.0.0.1:9/v1\", retries = 0 }";
    let untrained = |judge: &str, name: &str, stage: &str| {
        let (path, ran) = run(dir.path(), name, INIT, judge);
        let fault = ran.unwrap_err();
        assert_eq!(fault.stage.as_deref(), Some(stage), "{fault}");
        assert!(fault.help.is_some(), "{fault}");
        assert_eq!(lines(&path.join("metrics.jsonl")), 0, "trained before {fault}");
    };
    untrained(refused, "refused", "judge");
    untrained("recorded { file = \"nowhere.jsonl\" }", "recorded", "judge");
    std::fs::remove_file(dir.path().join("rows.jsonl")).unwrap();
    untrained(VERIFIER, "rows", "prompts");
    std::fs::write(dir.path().join("rows.jsonl"), "{\"question\": \"one\", \"answer\": \"1\"}\n{\"question\": 1")
        .unwrap();
    untrained(VERIFIER, "bad", "prompts");
    std::fs::write(dir.path().join("rows.jsonl"), "{\"question\": \"one\", \"answer\": \"1\"}\n").unwrap();
    std::fs::remove_file(dir.path().join("qwen2/model.safetensors")).unwrap();
    untrained(VERIFIER, "weights", "pi.model");
}

/// A file that has none of the pairs gives no labels, but is not an error.
#[test]
fn a_recorded_judge_may_know_none_of_the_pairs() {
    let dir = directory();
    let other = "{\"prompt\": \"other\", \"chosen\": \"a\", \"rejected\": \"b\"}\n";
    std::fs::write(dir.path().join("labels.jsonl"), other).unwrap();
    let (_, ran) = run(dir.path(), "recorded", INIT, "recorded { file = \"labels.jsonl\", unknown = drop }");
    let fault = ran.unwrap_err();
    assert!(fault.message.contains("there are no labelled pairs to draw from"), "{fault}");
}

#[test]
fn pairs_of_chats_with_the_prompt_repeated_train_on_the_answers_alone() {
    let dir = directory();
    let turn = |role: &str, text: &str| format!("{{\"role\": \"{role}\", \"content\": \"{text}\"}}");
    let chat = |text: &str| format!("[{}, {}]", turn("user", "hi"), turn("assistant", text));
    let row = format!("{{\"prompt\": \"hi\", \"chosen\": {}, \"rejected\": {}}}\n", chat("ho"), chat("no"));
    std::fs::write(dir.path().join("votes.jsonl"), row).unwrap();
    let file = r#"pbpo 1
use std/losses { dpo }
data votes { source = file("votes.jsonl") }
policy pi { model = hf("qwen2"), init = pretrained, optimizer = adamw { lr = 1e-3 } }
policy ref { follows = pi, update = sft }
pipeline main {
  all = pairs(pi, votes)
  repeat 3 { descend pi on dpo(pi, ref, all, beta = 0.1) }
}
"#;
    let plan = plan(file, &[]);
    let mut state = RunState::default();
    let mut told = tiny::Told::default();
    execute(&plan, host(dir.path()), &mut told, &mut state, &mut Shared::default()).unwrap();
    let Some(pbpo_runtime::value::Value::Preferences(all)) = state.env.values.get("all") else { panic!("no pairs") };
    let source = all.source.as_ref().unwrap();
    let pair = all.get(0).unwrap();
    assert_eq!(source.tokenizer.decode(&pair.chosen.prompt), "user: hiassistant: ");
    assert_eq!(source.tokenizer.decode(&pair.chosen.response), "ho");
    assert_eq!(source.tokenizer.decode(&pair.rejected.response), "no");
    let margin = |episode: usize| {
        let figure = |name: &str| f64::from_bits(told.episodes[episode][name]);
        figure("logps/chosen") - figure("logps/rejected")
    };
    assert!(margin(2) > margin(0), "{} and {}", margin(0), margin(2));
    // The reference is the initial policy, so its margin is that of the first step.
    let reward = |episode: usize| f64::from_bits(told.episodes[episode]["rewards/margins"]);
    assert!(reward(0).abs() < 1e-4, "{}", reward(0));
    // As in TRL, multiplied by the beta of 0.1.
    let implicit = 0.1 * (margin(2) - margin(0));
    assert!((reward(2) - implicit).abs() < 1e-5, "{} and {implicit}", reward(2));
    // At the first step both sides have a reward of 0, so neither is right.
    assert_eq!(f64::from_bits(told.episodes[0]["rewards/accuracies"]), 0.0);
}

/// Pairs with soft labels are written to the run's file, and equal when they are read back.
#[test]
fn soft_labels_are_stored_and_read_back() {
    let dir = directory();
    let (path, ran) = run(dir.path(), "run", INIT, "reward_model { model = \"reward\", scale = 2.0, labels = soft }");
    ran.unwrap();
    let stored = std::fs::read_to_string(path.join("preferences.jsonl")).unwrap();
    let records: Vec<serde_json::Value> = stored.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let probability = |record: &serde_json::Value| record["probability"].as_f64().map_or(1.0, |p| p) as f32;
    assert!(records.iter().any(|record| (0.5..1.0).contains(&probability(record))), "{stored}");
    // This is one more pair, whose chosen response is the less likely one.
    let odd = "{\"prompt\": \"one\", \"chosen\": \"1\", \"rejected\": \"2\", \"probability\": 0.25}\n";
    std::fs::write(dir.path().join("votes.jsonl"), stored.clone() + odd).unwrap();
    let file = r#"pbpo 1
use std/losses { dpo }
data votes { source = file("votes.jsonl") }
policy pi { model = hf("qwen2"), init = pretrained, optimizer = adamw { lr = 1e-3 } }
policy ref { follows = pi, update = sft }
pipeline main {
  all = pairs(pi, votes)
  descend pi on dpo(pi, ref, all, beta = 0.1)
}
"#;
    let mut state = RunState::default();
    execute(&plan(file, &[]), host(dir.path()), &mut tiny::Told::default(), &mut state, &mut Shared::default())
        .unwrap();
    let Some(pbpo_runtime::value::Value::Preferences(all)) = state.env.values.get("all") else { panic!("no pairs") };
    let source = all.source.as_ref().unwrap();
    assert_eq!(all.len(), records.len() + 1);
    for (pair, record) in all.pairs().zip(&records) {
        assert_eq!(source.text(pair.chosen.item, &pair.chosen.response), record["chosen"].as_str().unwrap());
        assert_eq!(source.text(pair.rejected.item, &pair.rejected.response), record["rejected"].as_str().unwrap());
        assert_eq!(pair.probability, probability(record));
    }
    let last = all.get(records.len()).unwrap();
    assert_eq!((source.text(last.chosen.item, &last.chosen.response).as_str(), last.probability), ("2", 0.75));
    std::fs::write(dir.path().join("votes.jsonl"), odd.replace("0.25", "25")).unwrap();
    let (mut state, mut told) = (RunState::default(), tiny::Told::default());
    let fault = execute(&plan(file, &[]), host(dir.path()), &mut told, &mut state, &mut Shared::default()).unwrap_err();
    assert!(fault.message.contains("votes.jsonl:1:") && fault.message.contains("a number in 0..=1"), "{fault}");
}

#[test]
fn rows_that_are_skipped_are_counted_and_said() {
    let dir = directory();
    let turn = |role: &str| format!("[{{\"role\": \"{role}\", \"content\": \"x\"}}]");
    let rows = [
        "{\"prompt\": \"one\", \"answer\": \"1\"}".to_owned(),
        "{\"prompt\": \"two\", \"answer\": null}".to_owned(),
        format!("{{\"prompt\": \"three\", \"answer\": \"3\", \"completion\": {}}}", turn("user")),
        "{\"prompt\": ".to_owned(),
    ];
    std::fs::write(dir.path().join("odd.jsonl"), rows.join("\n")).unwrap();
    let file = |bad: &str| {
        format!(
            "pbpo 1\ndata odd {{ source = file(\"odd.jsonl\", bad_rows = {bad}), check = exact }}\n\
             policy pi {{ model = hf(\"qwen2\"), init = pretrained, optimizer = adamw {{ lr = 1e-3 }} }}\n\
             pipeline main {{ report = evaluate(pi, odd) }}\n"
        )
    };
    let run = |bad: &str| {
        let mut state = RunState::default();
        let mut told = tiny::Told::default();
        let ran = execute(&plan(&file(bad), &[]), host(dir.path()), &mut told, &mut state, &mut Shared::default());
        (ran, state.env, told)
    };
    let (ran, env, told) = run("skip");
    ran.unwrap();
    let Some(pbpo_runtime::value::Value::Data(data)) = env.values.get("odd") else { panic!("no data") };
    assert_eq!(data.items.len(), 1);
    assert!(told.notices[0].starts_with("3 of 4 rows are left out; the first, "), "{:?}", told.notices);
    let fault = run("fail").0.unwrap_err();
    // The first row that can't be read is reported; without such rows, the first that can't be used.
    assert!(fault.message.contains("odd.jsonl:3") && fault.message.contains("no turn of the assistant"), "{fault}");
    std::fs::write(dir.path().join("odd.jsonl"), rows[..2].join("\n")).unwrap();
    let fault = run("fail").0.unwrap_err();
    assert!(fault.message.contains("odd.jsonl:2") && fault.message.contains("no answer"), "{fault}");
}

#[test]
fn a_pair_of_equal_responses_is_a_bad_row() {
    let dir = directory();
    let row = |chosen: &str| format!("{{\"prompt\": \"one\", \"chosen\": \"{chosen}\", \"rejected\": \"b\"}}\n");
    std::fs::write(dir.path().join("votes.jsonl"), [row("a"), row("b"), row("c")].concat()).unwrap();
    let run = |bad: &str| {
        let file = format!(
            "pbpo 1\ndata votes {{ source = file(\"votes.jsonl\", bad_rows = {bad}) }}\n\
             policy pi {{ model = hf(\"qwen2\"), init = pretrained, optimizer = adamw {{ lr = 1e-3 }} }}\n\
             pipeline main {{ all = pairs(pi, votes)\n repeat 1 {{ descend pi on -mean(logp(pi, chosen(all))) }} }}\n"
        );
        let (mut state, mut told) = (RunState::default(), tiny::Told::default());
        let ran = execute(&plan(&file, &[]), host(dir.path()), &mut told, &mut state, &mut Shared::default());
        (ran, state.env, told)
    };
    let fault = run("fail").0.unwrap_err();
    assert!(fault.message.contains("votes.jsonl:2:1: `chosen` and `rejected` are the same"), "{fault}");
    let (ran, env, told) = run("skip");
    ran.unwrap();
    assert!(told.notices[0].contains("1 of 3 rows are left out; the first, "), "{:?}", told.notices);
    let Some(pbpo_runtime::value::Value::Preferences(all)) = env.values.get("all") else { panic!("no pairs") };
    assert_eq!(all.len(), 2);
}

/// A misspelt column in one row does not silently lose a pair.
#[test]
fn one_side_of_a_pair_alone_is_a_bad_row() {
    let dir = directory();
    let row = |key: &str| format!("{{\"prompt\": \"one\", \"{key}\": \"a\", \"rejected\": \"b\"}}\n");
    std::fs::write(dir.path().join("votes.jsonl"), [row("chosen"), row("choosen")].concat()).unwrap();
    let fault = ran(dir.path(), PAIRS).unwrap_err();
    assert!(fault.message.contains("votes.jsonl:2:1: the row has one of `chosen` and `rejected` alone"), "{fault}");
}

#[test]
fn a_pair_that_is_too_long_is_named_with_its_row() {
    let dir = directory();
    let row = |text: &str| format!("{{\"prompt\": \"one\", \"chosen\": \"{text}\", \"rejected\": \"b\"}}\n");
    std::fs::write(dir.path().join("votes.jsonl"), [row("a"), row(&"a ".repeat(2000))].concat()).unwrap();
    let fault = ran(dir.path(), PAIRS).unwrap_err();
    assert!(fault.message.starts_with("the pair of row 2 of `votes` has "), "{fault}");
}

#[test]
fn an_answer_that_the_check_can_never_find_is_a_bad_row() {
    let dir = directory();
    let rows = "{\"prompt\": \"1 + 1\", \"answer\": \"2\"}\n{\"prompt\": \"2 + 2\", \"answer\": \"four\"}\n";
    std::fs::write(dir.path().join("sums.jsonl"), rows).unwrap();
    let file = "pbpo 1\ndata sums { source = file(\"sums.jsonl\"), check = numeric }\n\
                policy pi { model = hf(\"qwen2\"), init = pretrained, optimizer = adamw { lr = 1e-3 } }\n\
                pipeline main { report = evaluate(pi, sums) }\n";
    let fault = ran(dir.path(), file).unwrap_err();
    assert!(fault.message.contains("sums.jsonl:2: ") && fault.message.contains("its own is no number"), "{fault}");
}

#[test]
fn adapters_on_no_matrix_are_refused() {
    let dir = directory();
    let row = "{\"prompt\": \"one\", \"chosen\": \"a\", \"rejected\": \"b\"}\n";
    std::fs::write(dir.path().join("votes.jsonl"), row).unwrap();
    let file = PAIRS.replace("init = pretrained", "init = pretrained, lora = { targets = [] }");
    let fault = ran(dir.path(), &file).unwrap_err();
    assert!(fault.message.contains("puts an adapter on no matrix"), "{fault}");
}

const PAIRS: &str = "pbpo 1\ndata votes { source = file(\"votes.jsonl\") }
policy pi { model = hf(\"qwen2\"), init = pretrained, optimizer = adamw { lr = 1e-3 } }
pipeline main { all = pairs(pi, votes)\n repeat 1 { descend pi on -mean(logp(pi, chosen(all))) } }\n";

fn ran(dir: &Path, file: &str) -> Result<(), Fault> {
    let (mut state, mut told) = (RunState::default(), tiny::Told::default());
    execute(&plan(file, &[]), host(dir), &mut told, &mut state, &mut Shared::default())
}

#[test]
fn adapters_are_not_put_on_adapters() {
    let dir = directory();
    let (path, ran) = run(dir.path(), "run", INIT, VERIFIER);
    ran.unwrap();
    let adapter = path.join("checkpoints/pi").display().to_string();
    let text = GAME
        .replace("BACKBONE", INIT)
        .replace("JUDGE", VERIFIER)
        .replace("hf(\"qwen2\")", &format!("hf(\"{adapter}\")"));
    let again = |text: &str| {
        let plan = plan(text, &[]);
        execute(&plan, host(dir.path()), &mut tiny::Told::default(), &mut RunState::default(), &mut Shared::default())
    };
    assert!(again(&text).unwrap_err().message.contains("adapters already"));
    // Without new adapters, training continues with the existing ones.
    again(&text.replace("  lora      = { rank = 2, alpha = 4.0 }\n", "")).unwrap();
}

#[test]
fn a_follower_that_reads_other_tokens_is_refused() {
    let dir = directory();
    let tokenizer = dir.path().join("reward/tokenizer.json");
    let text = std::fs::read_to_string(&tokenizer).unwrap();
    // Two letters are exchanged.
    let swapped = text.replace("\"A\": ", "\"A?\": ").replace("\"B\": ", "\"A\": ").replace("\"A?\": ", "\"B\": ");
    assert_ne!(text, swapped);
    std::fs::write(&tokenizer, swapped).unwrap();
    let (_, ran) = run(dir.path(), "follower", "hf(\"reward\")", VERIFIER);
    let fault = ran.unwrap_err();
    assert!(fault.message.contains("another tokenizer"), "{fault}");
    // As an oracle it reads the text with its own tokenizer.
    run(dir.path(), "oracle", INIT, "reward_model { model = \"reward\" }").1.unwrap();
}

/// Starts a server that always prefers the first response. Returns its address and the count of its requests.
fn server() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let counted = counted.clone();
            std::thread::spawn(move || answer(&stream, &counted));
        }
    });
    (url, calls)
}

fn answer(stream: &TcpStream, calls: &AtomicUsize) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        calls.fetch_add(1, Ordering::SeqCst);
        let body = r#"{"choices": [{"index": 0, "message": {"role": "assistant", "content": "A"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 1}}"#;
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        let mut stream = stream;
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).unwrap();
    }
}
