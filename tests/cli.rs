//! The command line: exit codes, the use of both streams, the form of reports.

use std::process::{Command, Output};

fn pbpoc(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pbpoc"));
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR")).env("NO_COLOR", "1").env("COLUMNS", "80");
    command.output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// The diagnostics of `check --format json`.
fn found(args: &[&str]) -> Vec<serde_json::Value> {
    let output = pbpoc(&[&["check", "--format", "json"], args].concat());
    let report: serde_json::Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!(code(&output), i32::from(!report["diagnostics"].as_array().unwrap().is_empty()));
    report["diagnostics"].as_array().unwrap().clone()
}

const QUICKSTART: &str = "pipelines/quickstart.pbpo";
const BROKEN: &str = "tests/fixtures/errors/several_at_once.pbpo";

#[test]
fn a_good_file_is_ok_on_stderr() {
    let output = pbpoc(&["check", QUICKSTART]);
    assert_eq!((code(&output), stdout(&output), stderr(&output)), (0, "", "ok: pipelines/quickstart.pbpo\n"));
    assert_eq!(found(&[QUICKSTART]).len(), 0);
}

#[test]
fn every_error_of_every_file_is_in_one_json_object() {
    let found = found(&[BROKEN, "no/such/file.pbpo", QUICKSTART]);
    assert_eq!(found.len(), 7);
    let first = &found[0];
    assert_eq!(first["code"], "PB0206");
    assert_eq!(first["severity"], "error");
    assert_eq!(first["file"], BROKEN);
    assert_eq!((first["line"].as_u64(), first["column"].as_u64()), (Some(5), Some(38)));
    assert_eq!(first["help"], "did you mean `train`?");
    let last = &found[6];
    assert_eq!((&last["code"], &last["file"]), (&"PB0108".into(), &"no/such/file.pbpo".into()));
}

#[test]
fn what_is_no_text_is_one_clear_error() {
    let dir = tempfile::tempdir().unwrap();
    let binary = dir.path().join("x.pbpo");
    std::fs::write(&binary, [0xff, 0xfe, 0x00]).unwrap();
    for path in [dir.path().to_str().unwrap(), binary.to_str().unwrap()] {
        let found = found(&[path]);
        assert_eq!((found.len(), &found[0]["code"]), (1, &"PB0108".into()));
    }
    let output = pbpoc(&["plan", dir.path().to_str().unwrap()]);
    assert_eq!((code(&output), stdout(&output)), (1, ""));
    assert!(stderr(&output).contains("it is a directory"), "{}", stderr(&output));
}

#[test]
fn reports_in_lines_and_in_full() {
    let short = pbpoc(&["check", "--format", "short", BROKEN]);
    assert_eq!((code(&short), stdout(&short)), (1, ""));
    assert!(stderr(&short).starts_with(&format!("{BROKEN}:5:38: error[PB0206]: ")), "{}", stderr(&short));
    let full = pbpoc(&["check", BROKEN]);
    assert!(stderr(&full).ends_with("6 errors\n") && !stderr(&full).contains('\u{1b}'), "{}", stderr(&full));
    let colored = pbpoc(&["check", "--color", "always", BROKEN]);
    assert!(stderr(&colored).contains('\u{1b}'));
}

#[test]
fn plans_are_data() {
    let text = pbpoc(&["plan", QUICKSTART, "--set", "beta=0.1", "--set", "main.episodes=2"]);
    assert_eq!((code(&text), stderr(&text)), (0, ""));
    assert!(stdout(&text).starts_with("pbpo-plan 1\npipeline main\npoint    main[beta=0.1,main.episodes=2]\n"));
    let json = pbpoc(&["plan", QUICKSTART, "main", "--emit", "json"]);
    let plan = pbpo_plan::Plan::from_json(stdout(&json)).unwrap();
    assert_eq!(plan.text(), stdout(&pbpoc(&["plan", QUICKSTART])));
    assert!(stdout(&pbpoc(&["plan", QUICKSTART, "--emit", "mermaid"])).starts_with("flowchart"));
    assert!(stdout(&pbpoc(&["plan", QUICKSTART, "--emit", "dot"])).starts_with("digraph"));
}

#[test]
fn errors_are_1_and_usage_is_2() {
    let output = pbpoc(&["plan", QUICKSTART, "--set", "beta=11"]);
    assert_eq!((code(&output), stdout(&output)), (1, ""));
    assert!(stderr(&output).contains("--set:1:6") && stderr(&output).contains("the range is declared here"));
    assert_eq!(code(&pbpoc(&["plan"])), 2);
    assert_eq!(code(&pbpoc(&["plan", QUICKSTART, "--emit", "nonsense"])), 2);
    assert_eq!(code(&pbpoc(&["--help"])), 0);
}

#[test]
fn a_run_prints_one_json_object_and_leaves_its_directory() {
    let out = tempfile::tempdir().unwrap();
    let small = ["main.episodes=1", "pi.init.steps=10", "held.source.count=60", "seed=7"];
    let mut args = vec!["run", QUICKSTART, "--format", "json", "--device", "cpu", "--quiet"];
    args.extend(["--out", out.path().to_str().unwrap()]);
    small.iter().for_each(|set| args.extend(["--set", set]));
    let output = pbpoc(&args);
    assert_eq!((code(&output), stderr(&output)), (0, ""));
    let outcome: serde_json::Value = serde_json::from_str(stdout(&output).lines().last().unwrap()).unwrap();
    assert_eq!((&outcome["seed"], outcome["point"].as_str().unwrap().starts_with("main[")), (&7.into(), true));
    assert!(outcome["seconds"].as_f64().unwrap() > 0.0);
    for name in ["accuracy/before", "accuracy/after"] {
        assert!((0.0..=1.0).contains(&outcome["metrics"][name].as_f64().unwrap()), "{name}");
    }
    assert!(std::path::Path::new(outcome["run_dir"].as_str().unwrap()).join("report.html").exists());
}

#[test]
fn a_run_that_fails_names_the_stage_and_its_line() {
    let out = tempfile::tempdir().unwrap();
    let path = out.path().to_str().unwrap();
    let output =
        pbpoc(&["run", QUICKSTART, "--quiet", "--out", path, "--set", "prompts.source=file(\"nothing.jsonl\")"]);
    assert_eq!((code(&output), stdout(&output)), (3, ""));
    let message = stderr(&output);
    for part in ["PB0901", "nothing.jsonl", "stage `prompts`"] {
        assert!(message.contains(part), "{part} is not in\n{message}");
    }
}

/// Detected from config.json alone, before any work: no files are left, and the message advises changes.
#[cfg(target_os = "linux")]
#[test]
fn a_run_that_does_not_fit_into_memory_is_refused_with_what_would() {
    let dir = tempfile::tempdir().unwrap();
    let (file, runs) = (dir.path().join("large.pbpo"), dir.path().join("runs"));
    std::fs::write(&file, LARGE).unwrap();
    std::fs::create_dir(dir.path().join("model")).unwrap();
    std::fs::write(dir.path().join("model/config.json"), LARGE_CONFIG).unwrap();
    let file = file.to_str().unwrap();
    let output = pbpoc(&["run", file, "--device", "cpu", "--out", runs.to_str().unwrap()]);
    assert_eq!((code(&output), stdout(&output), runs.exists()), (3, "", false));
    let message = stderr(&output);
    // 70.6 billion parameters: weights and gradients in 4 bytes, two moments in 8.
    for part in [
        "PB0902",
        "needs about 1,",
        "GiB of memory, and cpu has",
        "large.pbpo:10",
        "optimizer 525.6 GiB, weights 262.8 GiB, gradients 262.8 GiB",
        "with `lora = { rank = 16 }`",
        "and `compute = bf16`",
        "--any-memory",
    ] {
        assert!(message.contains(part), "{part} is not in\n{message}");
    }
    let estimate = pbpoc(&["plan", "--cost", file]);
    assert!(stdout(&estimate).contains("that does not fit: `pbpoc run` refuses it"), "{}", stdout(&estimate));
    assert!(stdout(&estimate).contains("70,553,706,496"), "{}", stdout(&estimate));
}

#[cfg(target_os = "linux")]
const LARGE: &str = "pbpo 1
data prompts { source = file(\"prompts.jsonl\", prompt = \"question\"), longest = 128 tokens }
policy pi {
  model     = hf(\"model\")
  init      = pretrained
  optimizer = adamw { lr = 1e-6 }
}
pipeline main { repeat 3 {
  y = sample(pi, prompts, count = 64)
  ascend pi on entropy(pi, y)
} }
";

/// Llama 3 70B.
#[cfg(target_os = "linux")]
const LARGE_CONFIG: &str = r#"{ "model_type": "llama", "architectures": ["LlamaForCausalLM"],
  "hidden_size": 8192, "num_hidden_layers": 80, "num_attention_heads": 64, "num_key_value_heads": 8,
  "intermediate_size": 28672, "vocab_size": 128256, "max_position_embeddings": 8192,
  "rope_theta": 500000.0, "rms_norm_eps": 1e-5, "tie_word_embeddings": false, "eos_token_id": 128001 }"#;

#[test]
fn a_device_that_is_not_there_is_one_clear_error() {
    let output = pbpoc(&["run", QUICKSTART, "--device", "cuda:99"]);
    assert_eq!((code(&output), stdout(&output)), (3, ""));
    assert!(stderr(&output).starts_with("error: "), "{}", stderr(&output));
    assert_eq!(code(&pbpoc(&["run", QUICKSTART, "--device", "tpu"])), 2);
}

/// Names of files and directories come from outside like any text: none of their characters controls a terminal.
#[cfg(unix)]
#[test]
fn control_characters_of_names_are_shown_and_not_obeyed() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("a\u{1b}[2Jb");
    let small = ["main.episodes=1", "pi.init.steps=10", "held.source.count=60"];
    let mut args = vec!["run", QUICKSTART, "--device", "cpu", "--quiet", "--out", out.to_str().unwrap()];
    small.iter().for_each(|set| args.extend(["--set", set]));
    let output = pbpoc(&args);
    assert_eq!((code(&output), stderr(&output)), (0, ""));
    assert!(stdout(&output).contains("a\\u{1b}[2Jb") && !stdout(&output).contains('\u{1b}'), "{}", stdout(&output));
    let missing = dir.path().join("\u{9b}31m");
    let output = pbpoc(&["generate", "--model", missing.to_str().unwrap(), "x"]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("\\u{9b}31m") && !stderr(&output).contains('\u{9b}'), "{}", stderr(&output));
}

/// Neither do those of a wrong command line.
#[test]
fn a_wrong_command_line_is_shown_and_not_obeyed() {
    let output = pbpoc(&["che\u{1b}[2Jck"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("unrecognized") && !stderr(&output).contains('\u{1b}'), "{}", stderr(&output));
}

#[test]
fn every_exit_code_is_documented() {
    let help = pbpoc(&["--help"]);
    for text in [stdout(&help), include_str!("../README.md"), include_str!("../docs/language.md")] {
        let words = text.replace(':', "").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("70 a bug"), "{text}");
    }
}
