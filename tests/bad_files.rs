//! Files that can't be what they should be: each ends with one clear error, soon.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// Longest time that one may take. A test's build does without optimisation.
const SOON: Duration = Duration::from_secs(2);

fn pbpoc(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pbpoc"));
    command.args(args).current_dir(folder).env("NO_COLOR", "1").env("COLUMNS", "80").output().unwrap()
}

/// A file with this text, and what `check`, `plan` and the JSON form say of it: one error of a code, with a part
/// of its message.
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
