//! Finding directories by name, by the rules of huggingface_hub.

use std::path::Path;

use pbpo_hub::Resolved;
use pbpo_hub::cache::Cache;

use crate::{dir_of, says};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const OTHER: &str = "fedcba9876543210fedcba9876543210fedcba98";

/// A cache with one model in two revisions and one dataset.
fn hub() -> tempfile::TempDir {
    dir_of(&[
        ("models--org--tiny/refs/main", COMMIT.as_bytes()),
        ("models--org--tiny/refs/refs/pr/1", OTHER.as_bytes()),
        (&format!("models--org--tiny/snapshots/{COMMIT}/config.json"), b"{}"),
        (&format!("models--org--tiny/snapshots/{OTHER}/config.json"), b"{}"),
        ("models--gpt2/refs/main", COMMIT.as_bytes()),
        (&format!("models--gpt2/snapshots/{COMMIT}/config.json"), b"{}"),
        ("models--org--broken/refs/main", b"../../../secret"),
        ("models--org--half/refs/main", COMMIT.as_bytes()),
        ("datasets--org--prefs/refs/main", COMMIT.as_bytes()),
        (&format!("datasets--org--prefs/snapshots/{COMMIT}/train.jsonl"), b""),
        ("outside/config.json", b"{}"),
    ])
}

fn at(dir: &Path) -> Cache {
    let dir = dir.display().to_string();
    Cache::new(move |name| (name == "HF_HUB_CACHE").then(|| dir.clone()))
}

#[test]
fn names_are_found_beside_the_file_before_the_cache() {
    let hub = hub();
    let base = dir_of(&[("models/mine/config.json", b"{}"), ("org/prefs/train.jsonl", b"")]);
    let cache = at(hub.path());
    let beside = |name: &str| Resolved { dir: base.path().join(name), revision: None };
    let cached = |repository: &str, commit: &str| Resolved {
        dir: hub.path().join(repository).join("snapshots").join(commit),
        revision: Some(commit.to_owned()),
    };
    assert_eq!(cache.model("models/mine", base.path()).unwrap(), beside("models/mine"));
    assert_eq!(cache.dataset("org/prefs", base.path()).unwrap(), beside("org/prefs"));
    assert_eq!(cache.dataset("org/prefs", hub.path()).unwrap(), cached("datasets--org--prefs", COMMIT));
    assert_eq!(cache.model("org/tiny", base.path()).unwrap(), cached("models--org--tiny", COMMIT));
    assert_eq!(cache.model("org/tiny@main", base.path()).unwrap(), cached("models--org--tiny", COMMIT));
    assert_eq!(cache.model("org/tiny@refs/pr/1", base.path()).unwrap(), cached("models--org--tiny", OTHER));
    let by_commit = format!("org/tiny@{OTHER}");
    assert_eq!(cache.model(&by_commit, base.path()).unwrap(), cached("models--org--tiny", OTHER));
    assert_eq!(cache.model("gpt2", base.path()).unwrap(), cached("models--gpt2", COMMIT));
}

#[test]
fn a_miss_lists_the_directory_and_the_command() {
    let hub = hub();
    let cache = at(hub.path());
    let message = says(cache.model("org/none", Path::new("/nowhere")), hub.path());
    assert!(message.contains("model `org/none` is not in the cache: no directory `models--org--none`"), "{message}");
    assert!(message.contains("`hf download org/none`"), "{message}");
    let message = says(cache.dataset("org/tiny@v1", Path::new("/nowhere")), hub.path());
    assert!(message.contains("hf download org/tiny --repo-type dataset --revision v1"), "{message}");
    let message = says(cache.model("org/tiny@v1", Path::new("/nowhere")), hub.path());
    assert!(message.contains("no file `models--org--tiny/refs/v1` for revision `v1`"), "{message}");
    let message = says(cache.model("org/half", Path::new("/nowhere")), hub.path());
    assert!(message.contains(&format!("no directory `models--org--half/snapshots/{COMMIT}`")), "{message}");
}

#[test]
fn names_cannot_leave_the_cache() {
    let hub = hub();
    let cache = at(hub.path());
    let base = Path::new("/nowhere");
    for name in [
        "../outside",
        "org/..",
        "org/../outside",
        "/etc/none",
        "org/tiny@../../../outside",
        "org/tiny@/etc",
        "org//tiny",
        "..",
        ".",
        "",
        "@main",
        "a/b/c",
        "org/ti--ny",
        "org\\tiny",
    ] {
        let message = says(cache.model(name, base), hub.path());
        assert!(message.starts_with("no directory `"), "{name}: {message}");
    }
    let message = says(cache.model("org/broken", base), hub.path());
    assert!(message.contains("`models--org--broken/refs/main` does not hold a commit"), "{message}");
}

/// The order of the variables is that of `huggingface_hub` (its `constants.py`).
#[test]
fn variables_are_asked_in_their_order() {
    let all = [
        ("HF_HUB_CACHE", "/a"),
        ("HUGGINGFACE_HUB_CACHE", "/b"),
        ("HF_HOME", "~/c"),
        ("XDG_CACHE_HOME", "/d"),
        ("HOME", "/home/me"),
    ];
    let places = ["/a", "/b", "/home/me/c/hub", "/d/huggingface/hub", "/home/me/.cache/huggingface/hub"];
    for (first, place) in places.iter().enumerate() {
        let cache = Cache::new(|name| {
            let at = all.iter().position(|(known, _)| *known == name)?;
            // An empty variable counts as unset.
            Some(if at >= first { all[at].1.to_owned() } else { String::new() })
        });
        let message = says(cache.model("org/none", Path::new("/nowhere")), Path::new("/unused"));
        assert!(message.contains(&format!("`{place}/models--org--none`")), "{message}");
    }
    let message = says(Cache::new(|_| None).model("org/none", Path::new("/nowhere")), Path::new("/unused"));
    assert!(message.contains("no cache"), "{message}");
}
