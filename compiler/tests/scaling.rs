//! Time grows linearly with the input: each construct is measured at one size and at ten times that, with a margin for
//! a busy machine. A quadratic construct takes a hundred times as long.

use std::time::{Duration, Instant};

use pbpo_compiler::modules::Loader;
use pbpo_compiler::render::{full, json, narrated, short};
use pbpo_compiler::{Compiled, Input, check, fixes};

const HEAD: &str = "pbpo 1
param seed: int = 0
param lr: float = 2e-4
data demos { source = digits(split = train, count = 400) }
data held  { source = digits(split = test, count = 64) }
policy pi {
  model     = llama { layers = 1, width = 16, heads = 2, context = 32 tokens }
  init      = imitate(demos, steps = 5)
  optimizer = adamw { lr = lr }
  sampling  = { max_new = 8 tokens }
}
";
const MAIN: &str = "pipeline main { report = evaluate(pi, held) }\n";

/// Returns a file with `count` lines of a kind between the players and the pipeline.
fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    format!("{HEAD}{}{MAIN}", (0..count).map(|n| line(n) + "\n").collect::<String>())
}

/// Returns one line with `count` parts of a kind.
fn list(count: usize, before: &str, part: impl Fn(usize) -> String, after: &str) -> String {
    format!("{HEAD}{before}{}{after}\n{MAIN}", (0..count).map(part).collect::<Vec<_>>().join(", "))
}

fn checked(text: &str) -> Compiled {
    check(Input::text("x.pbpo", text), &[])
}

fn fastest(text: &str) -> Duration {
    let time = || {
        let start = Instant::now();
        let compiled = checked(text);
        full::render(&compiled, full::Style { color: false, width: 80 });
        json::render([&compiled]);
        short::render(&compiled);
        narrated::render(&compiled);
        start.elapsed()
    };
    (0..3).map(|_| time()).min().unwrap()
}

#[test]
fn ten_times_the_input_takes_about_ten_times_as_long() {
    type Made = fn(usize) -> String;
    let all: &[(&str, Made)] = &[
        ("unknown parameters", |n| lines(n, |i| format!("param p{i}: int = zz{i}"))),
        ("parameters in terms of the one before", |n| {
            lines(n, |i| {
                format!(
                    "param p{i}: float = {}",
                    match i {
                        0 => "lr".to_owned(),
                        i => format!("p{}", i - 1),
                    }
                )
            })
        }),
        ("unknown blocks", |n| lines(n, |i| format!("policy q{i} {{ follows = w{i}, update = sft }}"))),
        ("misspelt blocks", |n| lines(n, |i| format!("policy q{i} {{ follows = pj, update = sft }}"))),
        ("one name again and again", |n| lines(n, |_| "param a: int = 1".into())),
        ("unknown kinds", |n| lines(n, |i| format!("polcy{i} a{i} {{ x = 1 }}"))),
        ("unknown escapes", |n| lines(n, |i| format!("param t{i}: text = \"\\d\""))),
        ("unknown arguments", |n| {
            list(n, "data x { source = digits(split = test, count = 3, ", |i| format!("a{i} = 1"), ") }")
        }),
        ("arguments too many", |n| list(n, "data x { source = digits(", |i| i.to_string(), ") }")),
        ("parameters of a pipeline", |n| {
            list(n, "pipeline p(", |i| format!("a{i}: float = 1.0"), ") { report = evaluate(pi, held) }")
        }),
        ("colons in one line", |n| {
            list(n * 10, "data x { source = digits(split = test, count = 3, ", |_| "a: 1".into(), ") }")
        }),
        ("texts that are not closed", |n| lines(n * 10, |_| "param t: text = \"abc".into())),
        ("junk behind statements, and hashes", |n| {
            lines(n * 5, |i| format!("param t{i}: int = 1 junk")) + &lines(n * 5, |_| "# no comment".into())
        }),
        ("unknown lints", |n| list(n, "allow ", |i| format!("lint{i}"), "")),
        ("unknown imports", |n| list(n, "use std/games { ", |i| format!("pb{i}"), " }")),
        ("variants", |n| lines(n, |i| format!("variant v{i} of main {{ lr = {}e-6 }}", i + 1))),
        ("variants of nothing", |n| lines(n, |i| format!("variant v{i} of mian{i} {{ lr = 1e-6 }}"))),
        ("variants that set nothing", |n| lines(n, |i| format!("variant v{i} of main {{ lx{i} = 1 }}"))),
        ("a circle of variants", |n| lines(n, |i| format!("variant v{i} of v{} {{ lr = 1e-6 }}", (i + 1) % n))),
        ("sweeps", |n| lines(n, |i| format!("sweep s{i} over main {{ seed in 0..4 }}"))),
        ("axes", |n| {
            lines(n, |i| format!("param p{i}: int = 1"))
                + &list(n, "sweep s over main {\n seed in 0..3\n", |i| format!("p{i} in [2]\n"), "}")
                    .replace(HEAD, "")
                    .replace(MAIN, "")
                    .replace(", ", "")
        }),
        ("pipelines", |n| lines(n, |i| format!("pipeline m{i} {{ report = evaluate(pi, held) }}"))),
        ("objectives", |n| lines(n, |i| format!("objective o{i}(y: rollouts) = mean(logp(pi, y))"))),
        ("objectives of unknown functions", |n| {
            lines(n, |i| format!("objective o{i}(y: rollouts) = mean(lopg{i}(pi, y))"))
        }),
        ("objectives of twice the one before", |n| {
            lines(n, |i| match i {
                0 => "objective o0(y: rollouts) = mean(logp(pi, y))".to_owned(),
                i => format!("objective o{i}(y: rollouts) = o{0}(y) + o{0}(y)", i - 1),
            })
        }),
        ("stages", |n| {
            list(
                n,
                "pipeline other {\n",
                |i| format!("y{i} = sample(pi, demos, count = 8)\nr{i} = evaluate(pi, held)\n"),
                "}",
            )
            .replace("\n, ", "\n")
        }),
        ("junk", |n| lines(n, |i| format!("whatever {i} is this"))),
        ("comments", |n| lines(n, |_| "// nothing".into())),
    ];
    let mut slow = Vec::new();
    for (name, made) in all {
        let (small, large) = (fastest(&made(200)), fastest(&made(2000)));
        // 30 ms of slack, because times below that are noise.
        if large > small * 40 + Duration::from_millis(30) {
            slow.push(format!("{name}: {small:?}, {large:?}"));
        }
    }
    assert!(slow.is_empty(), "{}", slow.join("\n"));
}

/// Every mistake is reported; only the first ones have suggestions.
#[test]
fn every_mistake_is_said_and_the_first_have_suggestions() {
    let compiled = checked(&lines(3000, |i| format!("param a{i}: int = 1\nparam b{i}: int = a{i}x")));
    assert_eq!(compiled.diagnostics.len(), 3000);
    let suggested = |finding: &pbpo_compiler::diagnostic::Diagnostic| {
        finding.help.as_ref().is_some_and(|help| help.starts_with("did you mean"))
    };
    assert_eq!(compiled.diagnostics.iter().filter(|finding| suggested(finding)).count(), 100);
    assert!(compiled.diagnostics[..100].iter().all(suggested));
}

/// Of 100,000 points as many are made as there are values, and only a few if all values are seeds.
#[test]
fn a_large_sweep_is_checked_at_once() {
    for axes in [
        "seed in 0..99999\n limit = 100000",
        "seed in 0..315\n lr in linear(0.001, 0.9, count = 316)\n limit = 100000",
        "seed in 0..315\n lr in linear(0.001, 0.9, count = 316)\n where seed > 100 and lr > 0.5\n limit = 100000",
    ] {
        let text = format!("{HEAD}{MAIN}sweep s over main {{\n {axes}\n}}\n");
        let start = Instant::now();
        let compiled = checked(&text);
        assert!(!compiled.failed() && start.elapsed() < Duration::from_secs(1), "{axes}: {:?}", start.elapsed());
    }
    // A seed with a range, or one that a declaration mentions, is checked value by value.
    let ranged = HEAD.replace("param seed: int = 0", "param seed: int in 0..5 = 0");
    assert!(checked(&format!("{ranged}{MAIN}sweep s over main {{ seed in 0..6 }}\n")).failed());
    let used = HEAD.replace("max_new = 8 tokens", "max_new = 8 + 5000000 * seed");
    assert!(checked(&format!("{used}{MAIN}sweep s over main {{ seed in 0..6 }}\n")).failed());
}

#[test]
fn a_long_chain_of_sweeps_takes_no_time() {
    let of = |i: usize| if i == 0 { "main".to_owned() } else { format!("s{}", i - 1) };
    let start = Instant::now();
    let compiled = checked(&lines(8000, |i| format!("sweep s{i} over {} {{ seed in 0..2 }}", of(i))));
    assert!(compiled.diagnostics.iter().filter(|found| found.message == "a sweep over a sweep").count() > 7000);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

/// One report of a missing declaration, at its first use, whichever thread is first.
#[test]
fn a_missing_declaration_is_reported_once_and_at_the_same_place() {
    let text = lines(40, |i| format!("pipeline m{i} {{ report = evaluate(zork, held) }}"));
    for _ in 0..20 {
        let compiled = checked(&text);
        let found: Vec<_> = compiled.diagnostics.iter().filter(|found| found.message.contains("zork")).collect();
        let [only] = found.as_slice() else { panic!("{found:?}") };
        let at = text.find("zork").unwrap() as u32;
        assert_eq!(only.primary.span.start, at);
    }
}

#[test]
fn a_long_chain_of_variants_takes_no_time() {
    let chain = |count: usize| {
        let of = |i: usize| if i == 0 { "main".to_owned() } else { format!("v{}", i - 1) };
        lines(count, |i| format!("variant v{i} of {} {{ lr = {}e-6 }}", of(i), i + 1))
    };
    let start = Instant::now();
    assert!(!checked(&chain(2000)).failed());
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    // Declared from the last to the first, so that none is resolved when it is needed.
    let count = 2000;
    let of = |i: usize| if i + 1 == count { "main".to_owned() } else { format!("v{}", i + 1) };
    let start = Instant::now();
    assert!(!checked(&lines(count, |i| format!("variant v{i} of {} {{ lr = {}e-6 }}", of(i), i + 1))).failed());
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[test]
fn many_fixes_are_applied_at_once() {
    let text = lines(3000, |i| format!("param t{i}: text = \"\\d\""));
    let start = Instant::now();
    let (mended, count) = fixes::apply(&text, checked);
    assert_eq!((count, mended), (3000, text.replace("\\d", "\\\\d")));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

/// A chain of definitions that each call the one before, and a pipeline that calls the last.
fn chain_of_objectives(count: usize) -> String {
    let link = |i: usize| match i {
        0 => "objective o0(p: policy, y: rollouts) = mean(logp(p, y))".to_owned(),
        i => format!("objective o{i}(p: policy, y: rollouts) = o{}(p, y) + 1", i - 1),
    };
    let used = format!("y = sample(pi, demos, count = 8)\n  ascend pi on o{}(pi, y)\n  report", count - 1);
    lines(count, link).replace("report", &used)
}

#[test]
fn a_long_chain_of_objectives_overflows_no_stack() {
    let start = Instant::now();
    let compiled = checked(&chain_of_objectives(30_000));
    assert!(compiled.diagnostics.iter().all(|found| !found.message.contains("calls itself")));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn calls_that_are_too_deep_are_no_circle() {
    assert!(!checked(&chain_of_objectives(32)).failed());
    let compiled = checked(&chain_of_objectives(33));
    let [only] = compiled.diagnostics.as_slice() else { panic!("{:?}", compiled.diagnostics) };
    assert_eq!((only.code.text(), &*only.message), ("PB0110", "calls nested deeper than 32 levels"));
    assert!(only.others.iter().any(|label| label.text == "in this call"), "{only:?}");
    let links = lines(34, |i| match i {
        0 => "pipeline p0(p: policy) { report = evaluate(p, held) }".to_owned(),
        i => format!("pipeline p{i}(p: policy) = p{}(p)", i - 1),
    });
    let compiled = checked(&format!("{links}pipeline other = p33(pi)\n"));
    let found: Vec<_> = compiled.diagnostics.iter().map(|found| found.code.text()).collect();
    assert_eq!(found, ["PB0110"]);
}

#[test]
fn a_circle_of_calls_is_called_one() {
    for (first, second) in [
        ("objective a(y: rollouts) = b(y)", "objective b(y: rollouts) = a(y) + 1"),
        ("pipeline a(p: policy) = b(p)", "pipeline b(p: policy) = a(p)"),
    ] {
        let compiled = checked(&lines(1, |_| format!("{first}\n{second}")));
        assert!(compiled.diagnostics.iter().any(|found| found.code.text() == "PB0309"), "{:?}", compiled.diagnostics);
    }
}

/// Files `f1.pbpo`, `f2.pbpo`, ... that each import the next; the last imports the first, or nothing.
struct Chain {
    count: usize,
    circle: bool,
}

impl Loader for Chain {
    fn load(&self, path: &str) -> Result<String, String> {
        let number = path.trim_start_matches('f').trim_end_matches(".pbpo").parse::<usize>();
        let next = number.map_err(|error| error.to_string())? + 1;
        Ok(match next {
            next if next < self.count => format!("pbpo 1\nuse \"f{next}.pbpo\" {{ x }}\n"),
            _ if self.circle => "pbpo 1\nuse \"f0.pbpo\" { x }\n".to_owned(),
            _ => "pbpo 1\nparam x: float = 1.0\n".to_owned(),
        })
    }
}

#[test]
fn a_long_chain_of_files_overflows_no_stack() {
    for circle in [false, true] {
        let text = HEAD.replace("pbpo 1", "pbpo 1\nuse \"f1.pbpo\" { x }") + MAIN;
        let loader = Chain { count: 15_000, circle };
        let start = Instant::now();
        let compiled = check(Input { name: "f0.pbpo", text: &text, loader: &loader, lints: &[] }, &[]);
        let cycle = compiled.diagnostics.iter().find(|found| found.code.text() == "PB0213");
        assert_eq!(cycle.is_some(), circle);
        assert!(cycle.is_none_or(|cycle| cycle.primary.text.len() < 200), "{cycle:?}");
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }
    let loader = Chain { count: 21_000, circle: false };
    let text = "pbpo 1\nuse \"f1.pbpo\" { x }\n";
    let compiled = check(Input { name: "f0.pbpo", text, loader: &loader, lints: &[] }, &[]);
    let most = |found: &pbpo_compiler::diagnostic::Diagnostic| found.message.contains("at most 20000 files");
    assert!(compiled.diagnostics.iter().any(most));
}

#[test]
fn of_many_pipelines_twenty_are_pointed_at() {
    let text = lines(3000, |i| format!("pipeline m{i} {{ report = evaluate(pi, held) }}"));
    let start = Instant::now();
    let compiled = pbpo_compiler::compile(Input::text("x.pbpo", &text), None, &[]);
    let [only] = compiled.diagnostics.as_slice() else { panic!("{:?}", compiled.diagnostics) };
    assert_eq!((only.code.text(), only.others.len()), ("PB0602", 20));
    assert_eq!(only.help.as_deref(), Some("add the name of one: `m0` (and 2980 more are not shown)"));
    assert!(full::render(&compiled, full::Style { color: false, width: 80 }).len() < 20_000);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn of_a_long_line_the_part_around_a_finding_is_shown() {
    let long = format!("\"{}\"", "ä ".repeat(300));
    let text = lines(1, |_| format!("data x {{ source = {long}, size = 3, other = {long} }}"));
    let shown = full::render(&checked(&text), full::Style { color: false, width: 80 });
    let line = shown.lines().find(|line| line.contains("size = 3")).unwrap();
    let marks = shown.lines().skip_while(|shown| *shown != line).nth(1).unwrap();
    assert!(line.starts_with("    …") && line.ends_with('…') && line.chars().count() < 200, "{line}");
    let column = |text: &str, mark: &str| text[..text.find(mark).unwrap()].chars().count();
    assert_eq!(column(marks, "^^^^"), column(line, "size"), "{line}\n{marks}");
}

#[test]
fn long_texts_are_cut_in_messages() {
    let long = "a".repeat(30_000);
    for text in [
        lines(1, |_| format!("param t: int = {long}")),
        lines(1, |_| format!("data {long} {{ source = digits(split = train, {long} = 4) }}")),
        lines(1, |_| format!("policy q {{ follows = {long}, update = {long} }}")),
        lines(1, |_| format!("oracle o {{ by = chat {{ model = \"m\", prompt = \"{{first}} {{{long}}}\" }} }}")),
        lines(1, |_| format!("objective o(y: rollouts) = {long}(y) + {long}\nuse std/{long} {{ {long} }}")),
        lines(1, |_| format!("variant v of {long} {{ {long} = 1 }}\nsweep s over main {{ {long} in [1, 2] }}")),
        lines(1, |_| format!("{long} = 3\n{long} x {{ y = 2 }}\nparam t: text = \"\\{long}\"")),
        lines(1, |_| format!("use {long} {{ x }}\nuse \"{long}.pbpo\" {{ x }}\nallow {long}")),
    ] {
        let compiled = checked(&text);
        assert!(compiled.failed());
        for found in &compiled.diagnostics {
            let labels = found.others.iter().chain([&found.primary]).map(|label| label.text.as_str());
            let title = found.fix.as_ref().map(|fix| fix.title.as_str());
            for said in labels.chain([found.message.as_str()]).chain(found.help.as_deref()).chain(title) {
                assert!(said.chars().count() <= 2000, "{}", &said[..300]);
            }
        }
        let shown = full::render(&compiled, full::Style { color: false, width: 80 });
        assert!(shown.len() < 10_000, "{} bytes", shown.len());
    }
}
