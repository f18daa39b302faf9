//! Invalid files: each ends quickly with one clear error.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// The longest time for one file. A test's build is not optimised.
const SOON: Duration = Duration::from_secs(2);

fn pbpoc(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pbpoc"));
    command.args(args).current_dir(folder).env("NO_COLOR", "1").env("COLUMNS", "80").output().unwrap()
}

/// Checks a file with this text: `check`, `plan` and the JSON form report one error with a code and a part of its
/// message.
fn refused(text: &[u8], code: &str, part: &str) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x.pbpo"), text).unwrap();
    refused_in(folder.path(), code, part);
}

fn refused_in(folder: &Path, code: &str, part: &str) {
    for command in ["check", "plan"] {
        let start = Instant::now();
        let output = pbpoc(folder, &[command, "x.pbpo"]);
        let stderr = std::str::from_utf8(&output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &[][..]), "{stderr}");
        assert!(stderr.contains(code) && stderr.contains(part) && stderr.ends_with("1 error\n"), "{command}: {stderr}");
        assert!(start.elapsed() < SOON, "{command}, {part}: {:?}", start.elapsed());
        // A long line of the file is not repeated.
        assert!(stderr.len() < 4000, "{command}, {part}: {} bytes", stderr.len());
    }
    let output = pbpoc(folder, &["check", "--format", "json", "x.pbpo"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = report["diagnostics"].as_array().unwrap();
    assert_eq!((found.len(), found[0]["code"].as_str()), (1, Some(code)), "{report}");
    assert!(output.stderr.is_empty() && output.status.code() == Some(1));
}

fn accepted(text: &str) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x.pbpo"), text).unwrap();
    let output = pbpoc(folder.path(), &["check", "x.pbpo"]);
    assert_eq!((output.status.code(), std::str::from_utf8(&output.stderr).unwrap()), (Some(0), "ok: x.pbpo\n"));
}

#[test]
fn a_file_that_is_too_large() {
    let line = "param a: float in 0.0..1.0 = 0.5\n";
    let mut text = format!("pbpo 1\n{}", line.repeat((4 << 20) / line.len() + 1)).into_bytes();
    text.truncate((4 << 20) + 1);
    refused(&text, "PB0109", "larger than 4 MiB");
    text.resize(16 << 20, 0xff);
    refused(&text, "PB0109", "larger than 4 MiB");
}

#[test]
fn brackets_ten_thousand_deep() {
    for (open, close) in [("(", ")"), ("[", "]"), ("f(", ")"), ("a { b = ", " }")] {
        let value = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        refused(format!("pbpo 1\npolicy a {{ x = {value} }}\n").as_bytes(), "PB0110", "nested deeper than 128 levels");
    }
    let loops = format!("pbpo 1\npipeline p {{\n{}{}}}\n", "repeat 2 {\n".repeat(10_000), "}\n".repeat(10_000));
    refused(loops.as_bytes(), "PB0110", "nested deeper than 128 levels");
    refused(loops.replace('\n', " ").as_bytes(), "PB0110", "nested deeper than 128 levels");
}

#[test]
fn bytes_that_are_no_text() {
    refused(b"pbpo 1\nparam a: int = \xff\n", "PB0108", "it is not UTF-8 text");
    refused(b"\xff\xfep\0b\0p\0o\0", "PB0108", "it is not UTF-8 text");
}

#[test]
fn an_empty_file() {
    for text in ["", "\n", "\u{FEFF}", "\u{FEFF}\r\n"] {
        refused(text.as_bytes(), "PB0103", "");
    }
    refused(b"pbpo 1\n", "PB0601", "the file has no pipeline");
}

#[test]
fn a_mark_in_front_and_line_ends_of_other_systems() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/pipelines/quickstart.pbpo")).unwrap();
    accepted(&text);
    accepted(&format!("\u{FEFF}{text}"));
    accepted(&text.replace('\n', "\r\n"));
    accepted(&format!("\u{FEFF}{}", text.replace('\n', "\r\n")));
}

#[test]
fn a_file_that_is_not_there_or_is_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    refused_in(folder.path(), "PB0108", "there is no such file");
    std::fs::create_dir(folder.path().join("x.pbpo")).unwrap();
    refused_in(folder.path(), "PB0108", "it is a directory");
}

#[test]
fn imports_of_what_is_no_module() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &[u8]| std::fs::write(folder.path().join(name), text).unwrap();
    file("binary.pbpo", b"\xff\xfe\0");
    file("y.pbpo", b"pbpo 1\nuse \"x.pbpo\" { b }\nobjective c(a: policy) = 1\n");
    std::fs::create_dir(folder.path().join("dir.pbpo")).unwrap();
    let import = |name: &str, code: &str, part: &str| {
        file("x.pbpo", format!("pbpo 1\nuse \"{name}\" {{ c }}\nobjective b(a: policy) = 1\n").as_bytes());
        refused_in(folder.path(), code, part);
    };
    import("x.pbpo", "PB0213", "files import each other in a circle");
    import("y.pbpo", "PB0213", "files import each other in a circle");
    import("dir.pbpo", "PB0211", "it is a directory");
    import("binary.pbpo", "PB0211", "it is not UTF-8 text");
    import("nothing.pbpo", "PB0211", "there is no such file");
}

/// None of these is opened: a reader would wait forever, or print something that is not a program.
#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.pbpo");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("zero.pbpo")).unwrap();
    for (name, kind) in [("pipe.pbpo", "it is a named pipe"), ("zero.pbpo", "it is a device")] {
        for command in ["check", "plan", "fmt"] {
            let output = pbpoc(folder.path(), &[command, name]);
            let stderr = std::str::from_utf8(&output.stderr).unwrap();
            assert!(output.status.code() == Some(1) && stderr.contains(kind), "{command}: {stderr}");
        }
        let text = format!("pbpo 1\nuse \"{name}\" {{ c }}\nobjective b(a: policy) = 1\n");
        std::fs::write(folder.path().join("x.pbpo"), text).unwrap();
        refused_in(folder.path(), "PB0211", kind);
    }
}

/// An import shows no text of a file that is not of the language, for any name.
#[cfg(unix)]
#[test]
fn nothing_is_shown_of_a_file_of_something_else() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("keys.txt"), "KEY=sk-secret\n").unwrap();
    std::os::unix::fs::symlink("keys.txt", folder.path().join("keys.pbpo")).unwrap();
    std::os::unix::fs::symlink("/proc/self/environ", folder.path().join("environ.pbpo")).unwrap();
    let import = |name: &str, part: &str| {
        let text = format!("pbpo 1\nuse \"{name}\" {{ c }}\nobjective b(a: policy) = 1\n");
        std::fs::write(folder.path().join("x.pbpo"), text).unwrap();
        refused_in(folder.path(), "PB0211", part);
        let output = pbpoc(folder.path(), &["check", "x.pbpo"]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!stderr.contains("secret") && !stderr.contains("NO_COLOR"), "{stderr}");
    };
    import("keys.txt", "its name does not end in `.pbpo`");
    import("keys.pbpo", "it does not start with `pbpo 1`");
    import("environ.pbpo", "");
}

/// Texts of a file, of its name or of the command line cannot control the terminal.
#[test]
fn control_characters_are_shown_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let head = "pbpo 1\ndata d { source = digits(split = test, count = 64) }\n";
    let file = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    file("a.pbpo", "pbpo 1\n\u{1b}]0;PWN\u{7} what \u{9b}31m is \u{202e} this\r\nparam x: int = zz // \u{1b}[2J\n");
    file(
        "b.pbpo",
        &format!(
            "{head}param t: text = \"\u{1b}[31m\u{9b}\"\npolicy pi {{ model = hf(\"m\"), init = pretrained, optimizer = adamw {{ lr = 0.1 }} }}\npipeline main {{ a = evaluate(pi, d) }}\n"
        ),
    );
    file("e\u{1b}[31m.pbpo", "what\n");
    let calls: [&[&str]; 9] = [
        &["check", "a.pbpo"],
        &["check", "a.pbpo", "--format", "short"],
        &["check", "a.pbpo", "--format", "narrated"],
        &["check", "b.pbpo", "--set", "t=\u{1b}[31m"],
        &["check", "e\u{1b}[31m.pbpo"],
        &["check", "no\u{1b}[31m.pbpo"],
        &["plan", "b.pbpo"],
        &["params", "b.pbpo"],
        &["fmt", "a.pbpo"],
    ];
    for call in calls {
        let output = pbpoc(folder.path(), call);
        for text in [&output.stdout, &output.stderr] {
            let text = std::str::from_utf8(text).unwrap();
            let control = |c: char| c != '\n' && c != '\t' && pbpo_outside::shown::is_control(c);
            assert!(!text.contains(control), "{call:?}: {text:?}");
        }
    }
    // Labels stay under their text after control characters are escaped.
    file("c.pbpo", "pbpo 1\nparam a: text = \"\u{1b}\" what\n");
    let output = pbpoc(folder.path(), &["check", "c.pbpo"]);
    let stderr = std::str::from_utf8(&output.stderr).unwrap();
    let lines: Vec<&str> = stderr.lines().collect();
    let at = lines.iter().position(|line| line.contains("\\u{1b}")).expect("the line is shown");
    let column = |line: &str, c: char| line.chars().position(|other| other == c);
    assert_eq!(column(lines[at], 'w'), column(lines[at + 1], '─').or(column(lines[at + 1], '┬')), "{stderr}");
}
