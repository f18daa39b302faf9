//! The formatter: no text is lost, formatting again changes nothing, and the syntax tree is the same.

use std::path::{Path, PathBuf};

use pbpo_grammar::fmt::format;
use pbpo_grammar::{FileId, parse};

fn files(folder: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "pbpo"));
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

/// Returns the syntax tree without places.
fn tree(source: &str) -> String {
    let text = format!("{:?}", parse(FileId(0), source).items);
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("Span {") {
        out.push_str(&rest[..at]);
        rest = &rest[at + rest[at..].find('}').unwrap() + 1..];
    }
    out + rest
}

fn solid(source: &str) -> String {
    source.trim_start_matches('\u{FEFF}').chars().filter(|c| !c.is_whitespace()).collect()
}

/// Checks the invariants and returns the formatted text; `None` for a file with faults.
fn formatted(source: &str) -> Option<String> {
    let once = format(source).ok()?;
    assert_eq!(solid(&once), solid(source), "something was lost:\n{source}\n----\n{once}");
    assert_eq!(tree(&once), tree(source), "the meaning has changed:\n{source}\n----\n{once}");
    assert_eq!(format(&once).unwrap(), once, "a second time changes it:\n{source}");
    assert!(once.lines().all(|line| line.trim_end() == line) && !once.contains("\n\n\n"));
    Some(once)
}

#[test]
fn pipelines_and_library_are_formatted() {
    for (path, text) in files("pipelines").into_iter().chain(files("stdlib")) {
        let once = formatted(&text).unwrap();
        if std::env::var_os("PBPO_FORMAT").is_some() {
            std::fs::write(&path, &once).unwrap();
        }
        assert_eq!(once, text, "run `pbpoc fmt {}`", path.display());
    }
}

#[test]
fn fixtures_keep_their_meaning() {
    let folders = ["tests/fixtures/good", "tests/fixtures/plans", "tests/fixtures/errors"];
    let done = folders.iter().flat_map(|folder| files(folder)).filter_map(|(_, text)| formatted(&text)).count();
    assert!(done > 60, "{done}");
}

/// Blanks, comments and line ends are put between the pieces of valid files.
#[test]
fn disturbed_files_keep_their_meaning() {
    let mut state = 7u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    let additions = ["  ", "\t", " // a remark\n", "\n", "\n\n\n", "\r\n", "\n// a line\n", "\n/// doc\n"];
    let mut done = 0;
    for (_, text) in files("tests/fixtures/good").into_iter().chain(files("tests/fixtures/plans")) {
        for _ in 0..60 {
            let mut broken = text.clone();
            for _ in 0..2 {
                let places: Vec<usize> =
                    broken.char_indices().filter(|(_, c)| " ,({)}".contains(*c)).map(|(at, _)| at).collect();
                broken.insert_str(places[random(places.len())], additions[random(additions.len())]);
            }
            done += usize::from(formatted(&broken).is_some());
        }
    }
    assert!(done > 300, "{done}");
}

#[test]
fn layout() {
    let cases = [
        ("pbpo 1\n\n\n\nparam  a:int=3 // x", "pbpo 1\n\nparam a: int = 3  // x\n"),
        (
            "pbpo 1\npolicy pi{\n\n model=llama{layers=2,width=-1}\n init =imitate( demos , steps=3 )\n\n}\ndata a{x=1}\ndata long{x=1}",
            "pbpo 1\n\npolicy pi {\n  model = llama { layers = 2, width = -1 }\n  init  = imitate(demos, steps = 3)\n}\n\ndata a    { x = 1 }\ndata long { x = 1 }\n",
        ),
        (
            "pbpo 1\npipeline main{\nrepeat 3 {\ny=a( b )\nprefs+=c(d)\nascend pi on gap(r,y,y0)-0.02*kl(pi,ref,y)\n}\n}",
            "pbpo 1\n\npipeline main {\n  repeat 3 {\n    y      = a(b)\n    prefs += c(d)\n    ascend pi on gap(r, y, y0) - 0.02 * kl(pi, ref, y)\n  }\n}\n",
        ),
        (
            "pbpo 1\nuse std/games{pbpo}\nsweep s over[a,b]{\nbeta in[0,-0.1]\nseed in 0..5\nwhere not(beta>0 and seed==1)\n}",
            "pbpo 1\nuse std/games { pbpo }\n\nsweep s over [a, b] {\n  beta in [0, -0.1]\n  seed in 0..5\n  where not (beta > 0 and seed == 1)\n}\n",
        ),
        (
            "pbpo 1\n/// doc\nobjective f(a:policy,\nb:policy)=\n-mean(logp(a,b)\n+1)",
            "pbpo 1\n\n/// doc\nobjective f(a: policy,\n  b: policy) =\n  -mean(logp(a, b)\n    + 1)\n",
        ),
        // An expression continues after a `*`, and before one.
        (
            "pbpo 1\nobjective f(a: policy, y: rollouts) =\n0.5 *\nmean(logp(a, y))\n* 2\nparam b: int = 1\n",
            "pbpo 1\nobjective f(a: policy, y: rollouts) =\n  0.5 *\n  mean(logp(a, y))\n  * 2\n\nparam b: int = 1\n",
        ),
        (
            "pbpo 1\npipeline p(\na: policy,\n*,\nn: int = 1\n) {\nascend a on 2 *\nmean(a)\n}\n",
            "pbpo 1\n\npipeline p(\n  a: policy,\n  *,\n  n: int = 1\n) {\n  ascend a on 2 *\n    mean(a)\n}\n",
        ),
        // Comments after an empty line have a separate column.
        (
            "pbpo 1 // version\n\nparam long: int = 3 // x\nparam a: int = 3 // y\n",
            "pbpo 1  // version\n\nparam long: int = 3  // x\nparam a: int = 3     // y\n",
        ),
    ];
    for (source, expected) in cases {
        let found = formatted(source).unwrap_or_else(|| panic!("{source}: {:?}", parse(FileId(0), source).faults));
        assert_eq!(found, expected);
    }
}

#[test]
fn an_import_behind_a_comma_stays_one() {
    for source in [
        "pbpo 1, use std/tasks { digits }\n",
        "pbpo 1\nparam a: int = 1, use std/tasks { digits }\n",
        "pbpo 1\nuse std/tasks { digits }, use std/games { pbpo }, param b: float = 6 / 3\n",
        "pbpo 1\nuse \"a.pbpo\" { x }, param use: float = 6 / 3, param y: float = use / 3\n",
    ] {
        assert_eq!(formatted(source).as_deref(), Some(source));
    }
}

#[test]
fn a_file_with_faults_is_refused() {
    assert!(!format("pbpo 1\npolicy pi {\n").unwrap_err().is_empty());
}
