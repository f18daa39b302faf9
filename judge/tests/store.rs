//! Files that are no stores, and stores that are in use.

use pbpo_judge::Store;

fn written(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[test]
fn foreign_files_are_refused_and_left_alone() {
    let line = "{\"key\":\"k\",\"reply\":{},\"latency_s\":0.1}\n";
    for (text, place) in [
        ("{\"prompt\": \"p\"}\n", ":1: "),
        (&format!("{line}{{\"key\": 3}}\n{line}"), ":2: "),
        ("my only copy", ":1: "),
        (&format!("{line}notes"), ":2: "),
    ] {
        let file = written(text);
        let error = Store::open(file.path()).err().unwrap().to_string();
        assert!(error.contains(&format!("{}{place}", file.path().display())), "{error}");
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), text);
    }
}

#[test]
fn a_half_written_line_is_cut_off() {
    let line = "{\"key\":\"k\",\"reply\":{},\"latency_s\":0.1}\n";
    for torn in ["{", "{\"key\":\"abc", line.trim_end()] {
        let file = written(&format!("{line}{torn}"));
        let store = Store::open(file.path()).unwrap();
        assert!(store.note().unwrap().contains(&format!("{} bytes", torn.len())));
        assert_eq!((store.len(), std::fs::read_to_string(file.path()).unwrap().as_str()), (1, line));
    }
    assert_eq!(Store::open(written(line).path()).unwrap().note(), None);
}

#[test]
fn one_run_at_a_time_has_a_store() {
    let file = written("");
    let first = Store::open(file.path()).unwrap();
    assert!(Store::open(file.path().parent().unwrap()).is_err());
    let error = Store::open(file.path()).err().unwrap().to_string();
    assert!(error.contains("another run uses this store"), "{error}");
    drop(first);
    assert!(Store::open(file.path()).unwrap().is_empty());
}
