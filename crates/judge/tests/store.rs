//! Files that are not stores, and stores that are in use.

use pbpo_judge::Store;

fn written(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

const LINE: &str = "{\"key\":\"k\",\"reply\":{},\"latency_s\":0.1}\n";

#[test]
fn foreign_files_are_refused_and_left_alone() {
    for text in ["{\"prompt\": \"p\"}\n", "my only copy", "\n\n[1]\n", "notes\nof mine\n"] {
        let file = written(text);
        let error = Store::open(file.path()).err().unwrap().to_string();
        assert!(error.contains(&format!("{}: ", file.path().display())), "{error}");
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), text);
    }
}

#[test]
fn pipes_and_devices_are_refused_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("answers.jsonl");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [pipe.as_path(), "/dev/zero".as_ref(), dir.path()] {
        let error = Store::open(path).err().unwrap().to_string();
        assert!(error.contains("not a regular file"), "{error}");
    }
}

#[test]
fn a_damaged_line_is_told_and_costs_no_other() {
    let deep = format!("{{\"key\":\"d\",\"reply\":{}{},\"latency_s\":0.1}}", "[".repeat(127), "]".repeat(127));
    let long = format!("{{\"key\":\"l\",\"reply\":\"{}\",\"latency_s\":0.1}}", "x".repeat(17 << 20));
    for bad in ["{\"key\": 3}", "{\"key\":\"cut off", "\u{0}\u{0}\u{0}", "[]", "notes", deep.as_str(), long.as_str()] {
        for text in [format!("{bad}\n{LINE}"), format!("{LINE}{bad}\n{}", LINE.replace("\"k\"", "\"m\""))] {
            let file = written(&text);
            let store = Store::open(file.path()).unwrap();
            let (note, begin) = (store.note().unwrap().to_owned(), bad.get(..20).unwrap_or(bad));
            assert!(note.contains("a line is damaged"), "{note} {begin}");
            assert_eq!(
                store.len(),
                text.matches("\"latency_s\":0.1}\n").count() - usize::from(bad.len() > 99),
                "{begin}"
            );
            // The file is unchanged.
            assert_eq!(std::fs::read(file.path()).unwrap(), text.as_bytes());
        }
    }
    // A store with only damaged lines is still a store.
    assert!(Store::open(written(&format!("{deep}\n")).path()).unwrap().is_empty());
    // The next entry is written on a new line.
    let file = written(&format!("{LINE}notes"));
    assert_eq!(Store::open(file.path()).unwrap().len(), 1);
    assert_eq!(std::fs::read_to_string(file.path()).unwrap(), format!("{LINE}notes\n"));
}

#[test]
fn a_half_written_line_is_cut_off() {
    for torn in ["{", "{\"key\":\"abc", &LINE[..30]] {
        let file = written(&format!("{LINE}{torn}"));
        let store = Store::open(file.path()).unwrap();
        assert!(store.note().unwrap().contains(&format!("{} bytes", torn.len())));
        assert_eq!((store.len(), std::fs::read_to_string(file.path()).unwrap().as_str()), (1, LINE));
    }
    assert_eq!(Store::open(written(LINE).path()).unwrap().note(), None);
    // A line that lacks only its newline is an answer.
    let file = written(LINE.trim_end());
    assert_eq!(
        (Store::open(file.path()).unwrap().len(), std::fs::read_to_string(file.path()).unwrap()),
        (1, LINE.into())
    );
}

/// Whatever is a whole value, or several lines that lost their newlines, was not half-written by a run that was killed.
#[test]
fn what_was_not_half_written_is_left() {
    let other = "{\"key\":\"b\",\"value\":\"precious\"}";
    let joined = LINE.trim_end().repeat(2);
    for last in [other, joined.as_str()] {
        let file = written(&format!("{LINE}{last}"));
        let store = Store::open(file.path()).unwrap();
        assert!(store.note().unwrap().contains("damaged and left alone"), "{:?}", store.note());
        drop(store);
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), format!("{LINE}{last}\n"));
    }
    assert!(Store::open(written(other).path()).is_err(), "a file of somebody else");
}

#[test]
fn lines_may_end_as_windows_ends_them() {
    let store = Store::open(written(&LINE.replace('\n', "\r\n")).path()).unwrap();
    assert_eq!((store.len(), store.note()), (1, None));
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
