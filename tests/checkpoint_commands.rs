//! `score`, `generate`, `export` and `eval` on a checkpoint, through the binary, against lm-evaluation-harness with the
//! same checkpoint (`scripts/eval_model_reference.py`).

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn checkpoint(name: &str) -> String {
    root().join("runtime/tests/checkpoints").join(name).display().to_string()
}

fn pbpoc(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pbpoc")).args(args).output().unwrap()
}

fn stdout(args: &[&str]) -> String {
    let output = pbpoc(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn reference() -> Value {
    serde_json::from_str(&std::fs::read_to_string(root().join("tests/eval/reference.json")).unwrap()).unwrap()
}

fn close(found: &Value, wanted: &Value) -> bool {
    (found.as_f64().unwrap() - wanted.as_f64().unwrap()).abs() < 1e-3
}

#[test]
fn score_gives_the_log_likelihoods_of_lm_eval() {
    let data = root().join("tests/eval/pairs.jsonl").display().to_string();
    let out = stdout(&["score", "--model", &checkpoint("qwen2"), "--data", &data, "--format", "json"]);
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let reference = reference();
    let wanted = reference["pairs"].as_array().unwrap();
    assert_eq!(lines.len(), wanted.len());
    for (line, wanted) in lines.iter().zip(wanted) {
        assert!(close(&line["logp"], &wanted["logp"]), "{line} where lm-eval has {wanted}");
        assert_eq!(line["greedy"], wanted["greedy"]);
        let sum: f64 = line["token_logps"].as_array().unwrap().iter().map(|logp| logp.as_f64().unwrap()).sum();
        assert!((sum - line["logp"].as_f64().unwrap()).abs() < 1e-6);
    }
}

#[test]
fn eval_asks_answers_and_scores_as_lm_eval() {
    let reference = reference();
    let tasks: Vec<&str> = reference["tasks"].as_array().unwrap().iter().map(|task| task.as_str().unwrap()).collect();
    let dir = tempfile::tempdir().unwrap();
    let (data, out) = (root().join("tests/eval/data").display().to_string(), dir.path().display().to_string());
    let limit = reference["limit"].to_string();
    let model = checkpoint("qwen2");
    let args = ["eval", "--model", &model, "--tasks", &tasks.join(","), "--data", &data, "--limit", &limit];
    let printed = stdout(&[&args[..], &["--out", &out, "--format", "json"]].concat());
    let results: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(std::fs::read_to_string(dir.path().join("results.json")).unwrap(), printed);
    for task in tasks {
        for (metric, wanted) in reference["results"][task].as_object().unwrap().iter().filter(|(k, _)| k.contains(','))
        {
            assert!(close(&results["results"][task][metric], wanted), "{task} {metric}: {}", results["results"][task]);
        }
        let samples = samples(dir.path(), task);
        if let Some(texts) = reference["texts"][task].as_array() {
            let found: Vec<&Value> = samples.iter().map(|sample| &sample["resps"][0][0]).collect();
            assert_eq!(found, texts.iter().collect::<Vec<_>>(), "{task}");
        }
        for (sample, wanted) in samples.iter().zip(reference["logps"][task].as_array().into_iter().flatten()) {
            for (found, wanted) in sample["resps"].as_array().unwrap().iter().zip(wanted.as_array().unwrap()) {
                let found: f64 = found[0][0].as_str().map_or_else(|| found[0][0].as_f64(), |t| t.parse().ok()).unwrap();
                assert!((found - wanted.as_f64().unwrap()).abs() < 1e-3, "{task}: {found} and {wanted}");
            }
        }
    }
}

/// Returns a task's logged samples, the first filter of each document.
fn samples(dir: &Path, task: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(dir.join(format!("samples_{task}.jsonl"))).unwrap();
    let mut samples: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let first = samples[0]["filter"].clone();
    samples.retain(|sample| sample["filter"] == first);
    samples
}

#[test]
fn generate_is_greedy_ends_at_stop_strings_and_reads_chats() {
    let model = checkpoint("qwen2");
    let text = stdout(&["generate", "--model", &model, "one", "--max-new", "12"]);
    let again = stdout(&["generate", "--model", &model, "one", "--max-new", "12"]);
    assert_eq!(text, again);
    let text = text.trim_end_matches('\n');
    assert!(text.chars().count() > 4, "{text:?}");
    let stop: String = text.chars().skip(3).take(2).collect();
    let cut = stdout(&["generate", "--model", &model, "one", "--max-new", "12", "--stop", &stop]);
    assert_eq!(cut.trim_end_matches('\n'), &text[..text.find(&stop).unwrap()]);
    let chat = stdout(&["generate", "--model", &model, "one", "--chat", "--max-new", "12", "--format", "json"]);
    let line: Value = serde_json::from_str(&chat).unwrap();
    assert_eq!(line["prompt"][0]["role"], "user");
    assert_ne!(line["completion"], text);
}

#[test]
fn an_adapter_is_exported_merged_and_scores_the_same() {
    let dir = tempfile::tempdir().unwrap();
    // PEFT names the base relative to the working directory.
    let adapter = dir.path().join("adapter");
    std::fs::create_dir(&adapter).unwrap();
    for file in ["adapter_config.json", "adapter_model.safetensors"] {
        std::fs::copy(Path::new(&checkpoint("adapter")).join(file), adapter.join(file)).unwrap();
    }
    let config = std::fs::read_to_string(adapter.join("adapter_config.json")).unwrap();
    std::fs::write(adapter.join("adapter_config.json"), config.replace("../qwen2", &checkpoint("qwen2"))).unwrap();
    let (adapter, merged) = (adapter.display().to_string(), dir.path().join("merged").display().to_string());
    let exported = pbpoc(&["export", "--model", &adapter, "--out", &merged]);
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let data = root().join("tests/eval/pairs.jsonl").display().to_string();
    let score = |model: &str| -> Vec<f64> {
        let out = stdout(&["score", "--model", model, "--data", &data, "--format", "json"]);
        let logp = |line: &str| serde_json::from_str::<Value>(line).unwrap()["logp"].as_f64().unwrap();
        out.lines().map(logp).collect()
    };
    let (with, without, base) = (score(&adapter), score(&merged), score(&checkpoint("qwen2")));
    assert!(with.iter().zip(&without).all(|(a, b)| (a - b).abs() < 1e-3), "{with:?} {without:?}");
    assert!(with.iter().zip(&base).any(|(a, b)| (a - b).abs() > 0.1));
}

/// The cache has the base only at one tag, which the adapter names.
#[test]
fn an_adapter_keeps_the_revision_of_its_base() {
    let dir = tempfile::tempdir().unwrap();
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let place = dir.path().join("models--org--tiny");
    let snapshot = place.join("snapshots").join(commit);
    copy(&checkpoint("qwen2"), &snapshot);
    std::fs::create_dir(place.join("refs")).unwrap();
    std::fs::write(place.join("refs/v1"), commit).unwrap();
    let adapter = dir.path().join("adapter");
    copy(&checkpoint("adapter"), &adapter);
    let at = adapter.join("adapter_config.json");
    let mut config: Value = serde_json::from_str(&std::fs::read_to_string(&at).unwrap()).unwrap();
    (config["base_model_name_or_path"], config["revision"]) = ("org/tiny".into(), "v1".into());
    std::fs::write(&at, config.to_string()).unwrap();
    let out = dir.path().join("out");
    let exported = Command::new(env!("CARGO_BIN_EXE_pbpoc"))
        .args(["export", "--adapter", "--model", &adapter.display().to_string(), "--out", &out.display().to_string()])
        .env("HF_HUB_CACHE", dir.path())
        .output()
        .unwrap();
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let written = std::fs::read_to_string(out.join("adapter_config.json")).unwrap();
    let written: Value = serde_json::from_str(&written).unwrap();
    assert_eq!((&written["base_model_name_or_path"], &written["revision"]), (&"org/tiny".into(), &"v1".into()));
    // The estimate finds the base there too, and trains only the adapter.
    let file = dir.path().join("x.pbpo");
    std::fs::write(&file, TUNED).unwrap();
    let estimate = |file: &Path| {
        let args = ["plan", "--cost", "--emit", "json", file.to_str().unwrap()];
        let made =
            Command::new(env!("CARGO_BIN_EXE_pbpoc")).args(args).env("HF_HUB_CACHE", dir.path()).output().unwrap();
        let made: Value = serde_json::from_slice(&made.stdout).unwrap();
        made["cost"]["memory"].clone()
    };
    let memory = estimate(&file);
    assert_eq!(memory["unknown"], serde_json::json!([]));
    let size = |part: &str| memory[part].as_u64().unwrap();
    assert!(size("optimizer") > 0 && size("optimizer") < size("weights") / 4, "{memory}");
}

const TUNED: &str = "pbpo 1
data prompts { source = file(\"prompts.jsonl\") }
policy pi { model = hf(\"adapter\"), init = pretrained, optimizer = adamw { lr = 1e-3 } }
pipeline main { repeat 2 { y = sample(pi, prompts, count = 4)
  ascend pi on entropy(pi, y) } }
";

/// Servers sample with the checkpoint's settings by default.
#[test]
fn export_keeps_how_a_checkpoint_is_sampled() {
    let dir = tempfile::tempdir().unwrap();
    let (model, out) = (dir.path().join("model"), dir.path().join("out"));
    copy(&checkpoint("qwen2"), &model);
    let settings = serde_json::json!({ "do_sample": true, "temperature": 0.7, "top_p": 0.8 });
    std::fs::write(model.join("generation_config.json"), settings.to_string()).unwrap();
    stdout(&["export", "--model", &model.display().to_string(), "--out", &out.display().to_string()]);
    let written = std::fs::read_to_string(out.join("generation_config.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), settings);
}

/// As in lm-eval, texts that do not fit are cut from the left and reported.
#[test]
fn texts_that_are_cut_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("short");
    copy(&checkpoint("qwen2"), &model);
    let config = std::fs::read_to_string(model.join("config.json")).unwrap();
    let shorter = config.replace("\"max_position_embeddings\": 1024", "\"max_position_embeddings\": 40");
    assert_ne!(config, shorter);
    std::fs::write(model.join("config.json"), shorter).unwrap();
    let (model, data) = (model.display().to_string(), dir.path().join("pairs.jsonl").display().to_string());
    let row = |prompt: &str| format!("{{\"prompt\": \"{prompt}\", \"completion\": \" two\"}}\n");
    std::fs::write(&data, row("one") + &row(&"one ".repeat(60))).unwrap();
    let scored = pbpoc(&["score", "--model", &model, "--data", &data, "--format", "json"]);
    let lines = String::from_utf8(scored.stdout).unwrap();
    let cut: Vec<Value> =
        lines.lines().map(|l| serde_json::from_str::<Value>(l).unwrap()["truncated"].clone()).collect();
    assert_eq!(cut, [false, true]);
    let says = |stderr: &[u8], wanted: &str| String::from_utf8_lossy(stderr).contains(wanted);
    assert!(says(&scored.stderr, "1 of 2 texts do not fit into the model's context of 40 tokens"));
    std::fs::write(&data, row("one").replace(" two", &" two".repeat(50))).unwrap();
    let full = pbpoc(&["score", "--model", &model, "--data", &data]);
    assert!(says(&full.stderr, "fill the model's context of 40 tokens"), "{}", String::from_utf8_lossy(&full.stderr));
    let data = root().join("tests/eval/data").display().to_string();
    for (model, cut) in [(model, true), (checkpoint("qwen2"), false)] {
        let args = ["--tasks", "arc_challenge", "--data", &data, "--limit", "2", "--format", "json"];
        let done = pbpoc(&[&["eval", "--model", &model][..], &args].concat());
        let results: Value = serde_json::from_slice(&done.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&done.stderr)));
        assert_eq!(results["n-truncated"]["arc_challenge"].as_u64().unwrap() > 0, cut, "{results}");
        assert_eq!(says(&done.stderr, "texts do not fit"), cut);
    }
}

/// Copies the files of a directory into a new one.
fn copy(from: &str, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn what_is_wrong_with_a_checkpoint_or_a_file_is_one_message() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = dir.path().join("nowhere").display().to_string();
    let data = root().join("tests/eval/pairs.jsonl").display().to_string();
    let says = |args: &[&str], wanted: &str| {
        let output = pbpoc(args);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{args:?}: {text}");
        assert!(text.contains(wanted), "{args:?}: {text}");
        assert!(!text.contains("panicked"), "{text}");
    };
    says(&["score", "--model", &nowhere, "--data", &data], "nowhere");
    says(&["score", "--model", &checkpoint("reward"), "--data", &data], "reward model");
    says(&["score", "--model", &checkpoint("qwen2"), "--data", &nowhere], "nowhere");
    let model = checkpoint("qwen2");
    says(&["eval", "--model", &model, "--tasks", "arc_chalenge", "--data", &nowhere], "arc_chalenge");
    says(&["eval", "--model", &model, "--tasks", "arc_challenge", "--data", &nowhere], "ai2_arc");
    says(&["export", "--model", &model, "--out", &model], "is not empty");
    says(&["export", "--model", &model, "--out", &nowhere, "--adapter"], "no adapters");
}

/// A row with a recorded response is scored by its recorded tokens; any other text as in lm-eval, or as `run` reads it
/// (`--end`).
#[test]
fn what_a_run_recorded_is_scored_as_it_was_said() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("rows.jsonl").display().to_string();
    let model = checkpoint("qwen2");
    let score = |row: &str, more: &[&str]| -> Value {
        std::fs::write(&data, row).unwrap();
        let args = ["score", "--model", &model, "--data", &data, "--completion", "chosen", "--format", "json"];
        serde_json::from_str(&stdout(&[&args[..], more].concat())).unwrap()
    };
    let row = |said: &str| format!("{{\"prompt\": \"one two\", \"chosen\": \" three\"{said}}}\n");
    let lm_eval = score(&row(""), &[]);
    let tokens = |line: &Value| line["token_logps"].as_array().unwrap().len();
    assert_eq!(lm_eval, score(&row(", \"said\": {\"chosen\": {\"ended\": false}}"), &[]));
    let ended = score(&row(", \"said\": {\"chosen\": {\"ended\": true}}"), &[]);
    assert_eq!(tokens(&ended), tokens(&lm_eval) + 1);
    assert_eq!(ended, score(&row(""), &["--end"]));
    assert_eq!(score(&row(""), &["--end"]).get("unread"), None);
    let over = score("{\"prompt\": \"one two\", \"chosen\": \" three</s> four\"}\n", &["--end"]);
    assert_eq!((over["logp"].clone(), over["unread"].as_u64().is_some_and(|n| n > 0)), (ended["logp"].clone(), true));
    // Ids of another tokenizer have other meanings here.
    let foreign = row(", \"said\": {\"chosen\": {\"ended\": false, \"ids\": [5], \"tokenizer\": \"00\"}}");
    std::fs::write(&data, foreign).unwrap();
    let output = pbpoc(&["score", "--model", &model, "--data", &data, "--completion", "chosen"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("another tokenizer"), "{output:?}");
    // Columns that are not asked for may hold anything.
    let odd = row(", \"answer\": {\"value\": 1}, \"rejected\": 5, \"label\": \"x\"");
    assert_eq!(score(&odd, &[]), lm_eval);
}

/// The output of `generate` is read back as the model's tokens, even if the tokenizer would encode the text in others.
#[test]
fn a_completion_in_other_tokens_than_its_text_has_keeps_them() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("rows.jsonl").display().to_string();
    let model = checkpoint("qwen2");
    let mut said = 0;
    for seed in ["1", "4", "8"] {
        let sampled = ["generate", "--model", &model, "--format", "json", "--max-new", "40", "--temperature", "2"];
        let out = stdout(&[&sampled[..], &["--seed", seed, "one two"]].concat());
        std::fs::write(&data, &out).unwrap();
        let scored: Value =
            serde_json::from_str(&stdout(&["score", "--model", &model, "--data", &data, "--format", "json"])).unwrap();
        let made: Value = serde_json::from_str(&out).unwrap();
        if let Some(ids) = made["said"]["completion"]["ids"].as_array() {
            said += 1;
            assert_eq!(scored["token_logps"].as_array().unwrap().len(), ids.len());
        }
    }
    assert!(said > 0, "every text gives its tokens");
}

/// A greedy completion is greedy when it is scored: with its prompt's tools and variables, cut off or ended.
#[test]
fn what_generate_prints_is_scored_as_the_same_tokens() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let model = path("model");
    copy(&checkpoint("qwen2"), Path::new(&model));
    let config = Path::new(&model).join("tokenizer_config.json");
    let mut json: Value = serde_json::from_str(&std::fs::read_to_string(&config).unwrap()).unwrap();
    json["chat_template"] =
        "{{ style }}{{ tools | tojson if tools }}{% for m in messages %}{{ m.role }}: {{ m.content }}\n\
                             {% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
            .into();
    std::fs::write(&config, json.to_string()).unwrap();
    let turn = |role: &str, text: &str| format!("{{\"role\":\"{role}\",\"content\":\"{text}\"}}");
    let with = ",\"tools\":[{\"name\":\"f\"}],\"chat_template_kwargs\":{\"style\":\"x\"}";
    let rows = [
        format!("{{\"prompt\":[{}]}}", turn("user", "hi")),
        format!("{{\"prompt\":[{}]{with},\"answer\":{{}},\"chosen\":5}}", turn("user", "hi")),
        format!("{{\"prompt\":[{},{}]}}", turn("user", "hi"), turn("assistant", "h")),
        "{\"prompt\":\"one two\"}".to_owned(),
    ];
    std::fs::write(path("prompts.jsonl"), rows.join("\n")).unwrap();
    let data = path("prompts.jsonl");
    let rest = ["--data", &data, "--prefill", "continue", "--max-new", "3", "--format", "json"];
    let made = stdout(&[&["generate", "--model", &model][..], &rest].concat());
    let lines: Vec<Value> = made.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[1]["tools"][0]["name"], &lines[1]["chat_template_kwargs"]["style"]), (&"f".into(), &"x".into()));
    let data = path("made.jsonl");
    std::fs::write(&data, &made).unwrap();
    let args = ["score", "--model", &model, "--data", &data, "--prefill", "continue", "--format", "json"];
    let scored = stdout(&args);
    assert_eq!(scored.lines().count(), rows.len());
    for (line, made) in scored.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).zip(lines) {
        assert_eq!((&line["greedy"], line["token_logps"].as_array().unwrap().len()), (&true.into(), 3), "{made}");
    }
}

/// A checkpoint whose last norm has weights so large that its logits are not finite, though all weights are.
fn overflowing(name: &str, to: &Path) -> String {
    copy(&checkpoint(name), to);
    let path = to.join("model.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    let start = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..start]).unwrap();
    let norm = &header["model.norm.weight"];
    assert_eq!(norm["dtype"], "F32");
    let at = |end: usize| start + norm["data_offsets"][end].as_u64().unwrap() as usize;
    bytes[at(0)..at(1)].chunks_mut(4).for_each(|weight| weight.copy_from_slice(&3e38_f32.to_le_bytes()));
    std::fs::write(&path, bytes).unwrap();
    to.display().to_string()
}

/// One error names the model and the row, and a possible cause.
#[test]
fn numbers_that_are_not_finite_stop_every_command() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (model, judge) = (overflowing("qwen2", &dir.path().join("broken")), dir.path().join("judge"));
    overflowing("reward", &judge);
    let row = |prompt: &str| format!("{{\"prompt\": \"{prompt}\", \"completion\": \" two\", \"answer\": \"two\"}}\n");
    std::fs::write(path("rows.jsonl"), row("one") + &row("one two")).unwrap();
    let good = checkpoint("qwen2");
    let run = |name: &str, model: &str, body: &str| {
        let text = format!(
            "pbpo 1\ndata held {{ source = file(\"rows.jsonl\"), check = exact }}\n\
             policy pi {{ model = hf(\"{model}\"), init = pretrained, optimizer = adamw {{ lr = 1e-5 }}, \
             sampling = {{ max_new = 4 tokens }} }}\n{body}\n"
        );
        std::fs::write(path(name), text).unwrap();
        path(name)
    };
    let evaluates = run("evaluates.pbpo", &model, "pipeline main { report = evaluate(pi, held) }");
    let samples = run(
        "samples.pbpo",
        &model,
        "pipeline main { repeat 1 { y = sample(pi, held, count = 4)\n  ascend pi on entropy(pi, y) } }",
    );
    let labels = run(
        "labels.pbpo",
        &good,
        "policy ref { follows = pi, update = each_episode }\n\
         features phi { of = pi.init, project = 8 }\n\
         exploration plain { features = phi, against = ref, search = none }\n\
         oracle by { by = reward_model { model = \"judge\" } }\n\
         pipeline main { z = sample(ref, held, count = 4)\n  y = explore(plain, held, against = z)\n  \
         prefs += label(y, z, by = by) }",
    );
    let (rows, out) = (path("rows.jsonl"), path("runs"));
    let tasks = root().join("tests/eval/data").display().to_string();
    let commands: [(&[&str], &str); 6] = [
        (&["score", "--model", &model, "--data", &rows], "rows.jsonl:"),
        (&["generate", "--model", &model, "one two"], "prompt 1"),
        (&["eval", "--model", &model, "--tasks", "arc_challenge", "--data", &tasks, "--limit", "1"], "line 1"),
        (&["run", &evaluates, "--out", &out, "--quiet"], "policy `pi`"),
        (&["run", &samples, "--out", &out, "--quiet"], "policy `pi`"),
        (&["run", &labels, "--out", &out, "--quiet"], "the oracle's reward"),
    ];
    for (args, place) in commands {
        let output = pbpoc(args);
        let error = String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(output.status.code(), Some(3), "{args:?}: {error}");
        assert!(error.contains("not a finite number") && error.contains("rope_scaling"), "{args:?}: {error}");
        assert!(error.contains(place), "{args:?}: {error}");
        assert!(output.stdout.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

/// An empty sum of log-probabilities is 0, the best possible score.
#[test]
fn a_completion_without_a_token_of_its_own_is_no_perfect_score() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("rows.jsonl");
    let row = |completion: &str| format!("{{\"prompt\": \"one\", \"completion\": \"{completion}\"}}\n");
    std::fs::write(&data, row(" two") + &row("")).unwrap();
    let scored = pbpoc(&["score", "--model", &checkpoint("qwen2"), "--data", &data.display().to_string()]);
    let error = String::from_utf8_lossy(&scored.stderr).into_owned();
    assert_eq!(scored.status.code(), Some(3), "{error}");
    assert!(error.contains("rows.jsonl:2: the completion is empty"), "{error}");
    assert!(scored.stdout.is_empty());
}

/// A tokenizer with a token across the boundary of question and choice, as tokenizers with tokens across words have.
#[test]
fn rows_with_nothing_to_score_are_left_out_if_bad_rows_are() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("rows.jsonl").display().to_string();
    std::fs::write(
        &data,
        "{\"prompt\":\"a\",\"completion\":\" b\"}\n{\"prompt\":\"a\",\"completion\":\"\"}\n{\"prompt\":\"a\"}\n",
    )
    .unwrap();
    let model = checkpoint("qwen2");
    let args = ["score", "--model", &model, "--data", &data, "--format", "json"];
    assert!(!pbpoc(&args).status.success());
    let skipped = pbpoc(&[&args[..], &["--bad-rows", "skip"]].concat());
    let said = String::from_utf8(skipped.stderr).unwrap();
    assert!(said.contains("note: 2 of 3 rows have nothing to score and are left out; the first, "), "{said}");
    assert_eq!(String::from_utf8(skipped.stdout).unwrap().lines().count(), 1);
    for nonsense in ["nan", "inf", "-1"] {
        let args = ["generate", "--model", &model, "--temperature", nonsense, "a"];
        assert_eq!(pbpoc(&args).status.code(), Some(2), "{nonsense}");
    }
}

#[test]
fn a_choice_without_a_token_of_its_own_is_no_answer() {
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("joined");
    copy(&checkpoint("qwen2"), &model);
    let mut tokenizer: Value = serde_json::from_slice(&std::fs::read(model.join("tokenizer.json")).unwrap()).unwrap();
    // Text is one piece, and `: B` one token in it.
    tokenizer["pre_tokenizer"] = serde_json::json!({
        "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false
    });
    let token = |tokenizer: &Value, name: &str| tokenizer["model"]["vocab"][name].as_u64();
    let known: Vec<bool> = [":", "\u{120}", "B"].iter().map(|name| token(&tokenizer, name).is_some()).collect();
    assert_eq!(known, [true; 3], "{tokenizer}");
    let vocab = tokenizer["model"]["vocab"].as_object_mut().unwrap();
    // Two unused tokens are replaced.
    let mut longest: Vec<String> = vocab.keys().filter(|name| name.chars().count() > 1).cloned().collect();
    longest.sort_by_key(|name| std::cmp::Reverse(vocab[name].as_u64()));
    for (old, new) in longest.iter().filter(|name| !name.starts_with('<')).take(2).zip(["\u{120}B", ":\u{120}B"]) {
        let id = vocab.remove(old).unwrap();
        vocab.insert(new.into(), id);
    }
    tokenizer["model"]["merges"] = serde_json::json!([["\u{120}", "B"], [":", "\u{120}B"]]);
    std::fs::write(model.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    let rows = dir.path().join("data/mmlu/anatomy");
    std::fs::create_dir_all(&rows).unwrap();
    let row =
        "{\"question\": \"q\", \"subject\": \"anatomy\", \"choices\": [\"w\", \"x\", \"y\", \"z\"], \"answer\": 1}\n";
    std::fs::write(rows.join("test.jsonl"), row).unwrap();
    std::fs::write(rows.join("dev.jsonl"), row).unwrap();
    let (model, data) = (model.display().to_string(), dir.path().join("data").display().to_string());
    let done = pbpoc(&["eval", "--model", &model, "--tasks", "mmlu_anatomy", "--data", &data]);
    let error = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(3), "{error}");
    assert!(error.contains("test.jsonl, line 1") && error.contains("\" B\" has no token of its own"), "{error}");
}

/// Returns log-probabilities of rows by `score`.
fn logps(model: &str, rows: &str, more: &[&str]) -> Vec<f64> {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("rows.jsonl");
    std::fs::write(&data, rows).unwrap();
    let data = data.display().to_string();
    let out = stdout(&[&["score", "--model", model, "--data", &data, "--format", "json"], more].concat());
    out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["logp"].as_f64().unwrap()).collect()
}

/// Responses that are whole chats, a chat that they repeat, and a prompt that they share are forms of the same chat.
#[test]
fn forms_of_the_same_chat_score_the_same() {
    let rows = r#"{"prompt":[{"role":"user","content":"hi"}],"chosen":[{"role":"assistant","content":"ho"}],"rejected":"no"}
{"prompt":"hi","chosen":[{"role":"user","content":"hi"},{"role":"assistant","content":"ho"}],"rejected":"no"}
{"prompt":[{"role":"user","content":"hi"}],"chosen":[{"role":"user","content":"hi"},{"role":"assistant","content":"ho"}]}
{"chosen":[{"role":"user","content":"hi"},{"role":"assistant","content":"ho"}],"rejected":[{"role":"user","content":"hi"},{"role":"assistant","content":"x"}]}
"#;
    let found = logps(&checkpoint("qwen2"), rows, &["--completion", "chosen"]);
    assert_eq!(found.len(), 4);
    assert!(found.iter().all(|logp| *logp == found[0] && *logp < 0.0), "{found:?}");
}

/// A config may say that the output layer is the embedding although the weights have a separate one; transformers keeps
/// both.
#[test]
fn an_output_layer_beside_a_tied_embedding_is_kept_unless_it_is_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let made = |name: &str, factor: f32, tied: bool| {
        let to = dir.path().join(name);
        copy(&checkpoint("qwen2"), &to);
        let weights = pbpo_hub::Weights::open(&to).unwrap();
        let embedding = "model.embed_tokens.weight";
        let mut names: Vec<&str> = weights.names().filter(|name| *name != "lm_head.weight").collect();
        names.push("lm_head.weight");
        let from = |name: &str| if name == "lm_head.weight" { embedding } else { name }.to_owned();
        let shapes: Vec<(String, Vec<usize>)> =
            names.iter().map(|name| ((*name).to_owned(), weights.shape(&from(name)).unwrap().to_vec())).collect();
        let values = |name: &str| {
            let factor = if name == "lm_head.weight" { factor } else { 1.0 };
            Ok(weights.f32(&from(name))?.into_iter().map(|value| value * factor).collect())
        };
        let out = tempfile::tempdir().unwrap();
        pbpo_hub::weights::write(out.path(), &shapes, values, pbpo_hub::Dtype::F32, 1 << 40).unwrap();
        std::fs::copy(out.path().join("model.safetensors"), to.join("model.safetensors")).unwrap();
        let config = to.join("config.json");
        let mut json: Value = serde_json::from_str(&std::fs::read_to_string(&config).unwrap()).unwrap();
        json["tie_word_embeddings"] = tied.into();
        std::fs::write(config, json.to_string()).unwrap();
        to.display().to_string()
    };
    let rows = r#"{"prompt":"hi","completion":" ho"}"#;
    let score = |model: &str| logps(model, rows, &[])[0];
    let (own, apart, same) = (made("own", 0.5, true), made("apart", 0.5, false), made("same", 1.0, true));
    assert_eq!(score(&own), score(&apart));
    assert_ne!(score(&own), score(&same));
    let export = |model: &str| {
        let to = format!("{model}-out");
        stdout(&["export", "--model", model, "--out", &to]);
        let weights = pbpo_hub::Weights::open(Path::new(&to)).unwrap();
        let config = pbpo_hub::ModelConfig::read(Path::new(&to)).unwrap();
        (weights.shape("lm_head.weight").is_some(), config.tied, score(&to))
    };
    assert_eq!(export(&own), (true, false, score(&own)));
    assert_eq!(export(&same), (false, true, score(&same)));
}

#[test]
fn score_and_generate_have_the_settings_of_data_blocks() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("rows.jsonl");
    let good = r#"{"q":[{"role":"user","content":"hi"}],"completion":"ho"}"#;
    let prefilled = r#"{"q":[{"role":"user","content":"hi"},{"role":"assistant","content":"h"}],"completion":"o"}"#;
    std::fs::write(&data, format!("{good}\n{prefilled}\n{{\n")).unwrap();
    let (model, data) = (checkpoint("qwen2"), data.display().to_string());
    for command in ["score", "generate"] {
        let args = [command, "--model", &model, "--data", &data, "--prompt", "q"];
        let refused = String::from_utf8(pbpoc(&args).stderr).unwrap();
        assert!(refused.contains("rows.jsonl:2:1: the prompt ends with a turn of the assistant"), "{refused}");
        assert!(refused.contains("`--prefill continue`") && refused.contains("`--bad-rows skip`"), "{refused}");
        if command == "generate" {
            let lone = pbpoc(&["generate", "--model", &model, "--limit", "3", "hi"]);
            let said = String::from_utf8(lone.stderr).unwrap();
            assert!(!lone.status.success() && said.contains("--limit is about the rows of a file"), "{said}");
        }
        let skipped = pbpoc(&[args.as_slice(), &["--bad-rows", "skip"]].concat());
        assert!(skipped.status.success());
        let said = String::from_utf8(skipped.stderr).unwrap();
        assert!(said.contains("note: 2 of 3 rows are left out; the first, "), "{said}");
    }
}
