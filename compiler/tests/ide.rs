//! The answers for an editor at a place, marked `$0` in the text.

use std::collections::BTreeMap;

use pbpo_compiler::Input;
use pbpo_compiler::ide::Ide;
use pbpo_compiler::modules::Loader;

/// Declarations for the cases below.
const HEAD: &str = r#"pbpo 1
/// How far pi may stray.
param beta: float in 0.0..10.0 = 0.04
param size: int = 32
data demos { source = digits(split = train, count = 400) }
data prompts { source = digits(split = prompts, count = 100) }
policy pi {
  model = llama { layers = 2, width = 32, heads = 4, context = 32 tokens }
  init = imitate(demos)
  optimizer = adamw { lr = 2e-4 }
}
policy ref { follows = pi, update = sft }
reward_model r { backbone = pi.init, head = token }
features phi { of = pi.init }
exploration enhancer { features = phi, against = ref, search = none }
/// Keeps r plausible.
constraint confidence { on = r, keep = lagrangian { beta = beta, nll = sum } }
oracle judge { by = btl { score = digits.score } }
pipeline main {
  repeat 3 episodes {
    y0 = sample(ref, prompts, count = size)
    y = explore(enhancer, prompts, against = y0)
    prefs += label(y, y0, by = judge)
    descend r on gap(r, y, y0) within confidence(prefs)
    ascend pi on mean(r(y)) - beta * kl(pi, ref, y)
  }
}
variant plain of main { confidence.keep = mle, pi.optimizer.lr = 1e-5 }
sweep betas over main { beta in [0.0, 0.1], seed in 0..4 }
objective far(p: policy, q: policy, y: rollouts, weight: float) = weight * kl(p, q, y)
use std/tasks { digits }
"#;

/// Files by name; `main.pbpo` is the open one.
struct Files(BTreeMap<&'static str, String>);

impl Loader for Files {
    fn load(&self, path: &str) -> Result<String, String> {
        self.0.get(path).cloned().ok_or_else(|| "there is no such file".into())
    }
}

/// A program, and the place of `$0` in it.
fn open(files: &[(&'static str, &str)]) -> (Ide, &'static str, usize) {
    let (name, at) = files.iter().find_map(|(name, text)| text.find("$0").map(|at| (*name, at))).expect("a `$0`");
    let files = Files(files.iter().map(|(name, text)| (*name, text.replace("$0", ""))).collect());
    let main = &files.0["main.pbpo"];
    (Ide::new(Input { name: "main.pbpo", text: main, loader: &files, lints: &[] }), name, at)
}

/// Returns [`HEAD`] with the first `from` replaced by `to`, which has the mark.
fn edited(from: &str, to: &str) -> String {
    assert!(HEAD.contains(from), "{from}");
    HEAD.replacen(from, to, 1)
}

fn hover(text: &str) -> String {
    let (ide, name, at) = open(&[("main.pbpo", text)]);
    ide.hover(name, at).map_or_else(String::new, |hover| hover.text)
}

fn labels(text: &str) -> Vec<String> {
    let (ide, name, at) = open(&[("main.pbpo", text)]);
    ide.completions(name, at).into_iter().map(|offer| offer.label).collect()
}

/// The line that a span is in, with the word in brackets.
fn shown(ide: &Ide, span: pbpo_compiler::Span) -> String {
    let file = ide.sources().get(span.file).unwrap();
    let (start, end) = (span.start as usize, span.end as usize);
    let (line, _) = ide.sources().position(span);
    format!("{}:{line} {}", file.name, &file.text[start..end])
}

#[test]
fn hover_says_type_unit_range_default_and_value() {
    for (from, to, wanted) in [
        ("lr = 2e-4", "$0lr = 2e-4", &["lr: float in 0.0..1.0", "learning rate", "value: `2e-4`", "no default"][..]),
        ("lr = 2e-4", "l$0r = 2e-4", &["`variant plain`: `1e-5`"]),
        ("context = 32", "cont$0ext = 32", &["context: int tokens in 8..1000000", "value: `32 tokens`"]),
        ("(demos)", "(demos, ste$0ps = 4)", &["steps: int steps, 0 or more", "default: `800`"]),
        ("lagrangian { beta =", "lagrangian { be$0ta =", &["value: `0.04`, from `beta`", "in 0.0..1000000.0"]),
        ("count = size", "co$0unt = size", &["count: int samples in 1..10000000", "number of responses in all"]),
        ("confidence.keep", "confidence.ke$0ep", &["keep: lagrangian | mle", "`variant plain`: `mle`"]),
        ("pi.optimizer.lr", "pi.optimizer.l$0r", &["learning rate", "value: `2e-4`"]),
        ("keep = lag", "keep = $0lag", &["lagrangian { beta, nll }", "a penalty for reward functions"]),
        ("32 tokens", "32 tok$0ens", &["tokens", "unit"]),
        ("update = sft", "update = sf$0t", &["as it was initialised"]),
        ("= digits(", "= dig$0its(", &["task digits(", "from `std/tasks`", "`careless`: chance"]),
    ] {
        let text = hover(&edited(from, to));
        for part in wanted {
            assert!(text.contains(part), "{to}: no {part:?} in\n{text}");
        }
    }
}

#[test]
fn hover_says_what_a_name_stands_for() {
    for (from, to, wanted) in [
        (
            "param beta",
            "param be$0ta",
            &["param beta: float in 0.0..10.0 = 0.04", "How far", "`sweep betas`: `[0.0, 0.1]`"][..],
        ),
        ("- beta *", "- be$0ta *", &["param beta: float in 0.0..10.0", "value: `0.04`"]),
        ("constraint confidence", "constraint conf$0idence", &["Keeps r plausible.", "a constraint", "{ on = r, keep"]),
        ("within confidence", "within conf$0idence", &["constraint confidence { on = r"]),
        ("constraint conf", "const$0raint conf", &["constraint NAME", "`on: reward_model`"]),
        (
            "= sample(",
            "= sam$0ple(",
            &["op sample(policy: policy, prompts: data | world, *, count", "-> rollouts", "Responses of"],
        ),
        ("* kl(", "* k$0l(", &["function kl(pi, ref, y) -> scalar", "Exact KL"]),
        ("y0 = sample", "y$00 = sample", &["y0: rollouts", "32 responses"]),
        ("against = y0", "against = y$00", &["y0: rollouts"]),
        ("    y = explore", "    $0y = explore", &["y: rollouts", "32 responses"]),
        ("prefs +=", "pre$0fs +=", &["prefs: preferences", "32 more pairs each time"]),
        ("= weight *", "= wei$0ght *", &["weight: float", "parameter of `far`"]),
        ("sweep betas", "sweep bet$0as", &["sweep betas over main"]),
        ("objective far", "objective f$0ar", &["objective far(p: policy, q: policy, y: rollouts, weight: float)"]),
    ] {
        let text = hover(&edited(from, to));
        for part in wanted {
            assert!(text.contains(part), "{to}: no {part:?} in\n{text}");
        }
    }
    assert_eq!(hover(&edited("/// How far", "/// H$0ow far")), "");
}

#[test]
fn what_is_around_a_broken_line_is_still_known() {
    let broken = edited("  optimizer = adamw { lr = 2e-4 }", "  optimizer = = adamw\n  sampling = { max_$0new = 3 }");
    assert!(hover(&broken).contains("longest response"), "{}", hover(&broken));
    let name_in_junk = format!("{HEAD}what is pi$0 ? !\n");
    assert!(hover(&name_in_junk).contains("policy pi {"), "{}", hover(&name_in_junk));
}

#[test]
fn completion_offers_what_can_stand_there() {
    for (from, to, wanted, unwanted) in [
        ("param beta", "$0\nparam beta", "policy sweep use param", "layers kl"),
        ("policy pi {", "policy pi {\n  s$0", "sampling estimator", "model init optimizer follows layers"),
        ("policy ref {", "policy fresh { $0 }\npolicy ref {", "model follows update", "layers"),
        ("heads = 4,", "heads = 4, $0", "kv_heads ff rope_theta", "layers width context lr"),
        ("lr = 2e-4 }", "lr = 2e-4, $0 }", "clip beta1 warmup", "lr layers"),
        ("update = sft", "update = $0", "sft each_episode best_so_far", "pi rloo"),
        ("head = token", "head = $0token", "token sequence", "pi"),
        ("against = ref,", "against = $0,", "pi ref", "r phi demos"),
        ("backbone = pi.init", "backbone = $0", "pi.init", "ref.init pi"),
        ("backbone = pi.init", "backbone = pi.$0", "init", "model"),
        ("beta = beta,", "beta = $0,", "beta size", "pi"),
        ("context = 32 tokens", "context = 32 $0", "tokens", "pairs width"),
        ("imitate(demos)", "imitate($0)", "demos prompts steps lr", "pi"),
        ("imitate(demos)", "imitate(demos, $0)", "steps batch lr", "demos"),
        ("digits(split = train", "digits(split = $0", "train prompts test", "demos"),
        ("source = digits(split = train", "source = $0(split = train", "digits", "demos"),
        ("y0 = sample", "y0 = $0sample", "sample explore label draw evaluate", "kl mean"),
        ("sample(ref,", "sample($0,", "pi ref per_prompt", "r demos count"),
        ("sample(ref, prompts,", "sample(ref, $0,", "demos prompts", "pi"),
        ("against = y0)", "against = $0)", "y0 y", "prefs pi"),
        ("by = judge)", "by = $0)", "judge", "pi"),
        ("    descend", "    $0\n    descend", "repeat ascend descend y0 prefs", "policy kl"),
        ("descend r on", "descend $0", "r pi ref", "demos"),
        ("on gap(r", "on $0", "gap kl far r beta", "sample pi"),
        ("gap(r, y", "gap($0, y", "r", "pi y"),
        ("gap(r, y", "gap(r, $0", "y y0 chosen", "prefs r pi"),
        ("kl(pi, ref, y)", "kl(pi, $0)", "pi ref", "r y"),
        ("within confidence", "within $0", "confidence", "pi r"),
        ("confidence(prefs)", "confidence($0)", "prefs", "y pi"),
        ("far(p: policy", "far(p: $0", "policy rollouts float", "pi"),
        ("= weight * kl(p", "= $0weight * kl(p", "weight kl", "sample"),
        ("kl(p, q", "kl(p, $0", "p q pi ref", "weight r"),
        ("of main { conf", "of $0 { conf", "main", "betas pi"),
        ("confidence.keep = mle", "$0", "confidence pi beta main", "betas far"),
        ("confidence.keep = mle", "confidence.$0", "keep batch", "on_ pi"),
        ("confidence.keep = mle", "confidence.keep = $0", "lagrangian mle", "pi"),
        ("confidence.keep = mle", "pi.optimizer.$0", "lr clip", "optimizer pi"),
        ("confidence.keep = mle", "main.$0", "episodes", "pi"),
        ("over main {", "over $0 {", "main plain", "pi"),
        ("beta in [0.0, 0.1]", "$0", "beta pi zip where ablate", "lr"),
        ("beta in [0.0, 0.1]", "beta $0", "in", "pi"),
        ("beta in [0.0, 0.1]", "beta in $0", "linear log", "pi"),
        ("beta in [0.0, 0.1]", "confidence.keep in [$0]", "lagrangian mle", "pi"),
        ("beta in [0.0, 0.1]", "ablate = [$0]", "enhancer confidence", "main beta"),
        ("data demos", "use $0\ndata demos", "std/games std/losses", "pi"),
        ("data demos", "use std/$0\ndata demos", "games losses", "pi"),
        ("data demos", "use std/losses { dpo, $0 }\ndata demos", "ipo margin", "dpo pi"),
        ("data demos", "deny $0\ndata demos", "one_seed all", "pi"),
        ("data demos", "param more: $0\ndata demos", "int float", "pi"),
        ("data demos", "use std/games { pbpo }\npipeline big = $0\ndata demos", "pbpo", "main pi"),
        ("data demos", "use std/games { pbpo }\npipeline big = pbpo($0)\ndata demos", "pi ref episodes", "demos"),
        ("data demos", "use std/games { pbpo }\npipeline big = pbpo(pi, held = $0)\ndata demos", "demos", "pi"),
        (
            "data demos",
            "use std/games { pbpo }\npipeline big = pbpo()\nvariant v of big { big.$0 }\ndata demos",
            "outer pi",
            "demos",
        ),
        ("policy pi {", "data lost {\n\npolicy pi {\n  $0", "sampling", "source"),
    ] {
        let found = labels(&edited(from, to));
        let has = |word: &str| found.iter().any(|label| label == word);
        let missing: Vec<&str> = wanted.split(' ').filter(|word| !has(word)).collect();
        let extra: Vec<&str> = unwanted.split(' ').filter(|word| has(word)).collect();
        assert!(missing.is_empty() && extra.is_empty(), "{to}\nmissing {missing:?}, extra {extra:?}, of {found:?}");
    }
}

#[test]
fn nothing_is_offered_in_comments_and_texts() {
    assert_eq!(labels("pbpo 1\n// pol$0"), [""; 0]);
    assert_eq!(labels("pbpo 1\nuse \"pl$0\" { a }"), [""; 0]);
}

#[test]
fn definition_leads_to_the_declaration() {
    for (from, to, wanted) in [
        ("on = r,", "on = r$0,", "main.pbpo:13 r"),
        ("beta = beta,", "beta = be$0ta,", "main.pbpo:3 beta"),
        ("pi.optimizer.lr", "p$0i.optimizer.lr", "main.pbpo:7 pi"),
        ("of main", "of m$0ain", "main.pbpo:19 main"),
        ("label(y, y0", "label(y$0, y0", "main.pbpo:22 y"),
        ("confidence(prefs)", "confidence(pre$0fs)", "main.pbpo:23 prefs"),
        ("kl(p, q", "kl(p, q$0", "main.pbpo:30 q"),
        ("= digits(", "= dig$0its(", ""),
        ("lr = 2e-4", "l$0r = 2e-4", ""),
    ] {
        let (ide, name, at) = open(&[("main.pbpo", &edited(from, to))]);
        assert_eq!(ide.definition(name, at).map_or_else(String::new, |span| shown(&ide, span)), wanted, "{to}");
    }
}

const PLAYERS: &str = "pbpo 1\ndata demos { source = digits(split = train, count = 4) }\n\
                       policy pi { init = imitate(demos), model = llama { layers = 1 } }\npolicy ref { follows = pi }\n";
const USER: &str = "pbpo 1\nuse \"players.pbpo\" { pi, ref as anchor }\nreward_model r { backbone = pi.init }\n\
                    pipeline main { y = sample(anchor, pi)\n ascend pi on kl(pi, anchor, y) }\n\
                    objective other(pi: policy, y: batch) = logp(pi, y)\n";

/// Returns the changes of a rename, or the reason against it.
fn rename(files: &[(&'static str, &str)], new: &str) -> Result<Vec<String>, String> {
    let (ide, name, at) = open(files);
    Ok(ide.rename(name, at, new)?.into_iter().map(|span| shown(&ide, span)).collect())
}

#[test]
fn definition_and_rename_cross_files() {
    let user = USER.replace("backbone = pi", "backbone = p$0i");
    let files = [("main.pbpo", user.as_str()), ("players.pbpo", PLAYERS)];
    let (ide, name, at) = open(&files);
    assert_eq!(shown(&ide, ide.definition(name, at).unwrap()), "players.pbpo:3 pi");
    let mut places = rename(&files, "leader").unwrap();
    places.sort();
    let both = [
        "main.pbpo:2 pi",
        "main.pbpo:3 pi",
        "main.pbpo:4 pi",
        "main.pbpo:5 pi",
        "main.pbpo:5 pi",
        "players.pbpo:3 pi",
        "players.pbpo:4 pi",
    ];
    assert_eq!(places, both);
    // From the other file the result is the same, and the importing file is changed with it.
    let players = PLAYERS.replace("policy pi", "policy $0pi");
    let mut places = rename(&[("main.pbpo", USER), ("players.pbpo", &players)], "leader").unwrap();
    places.sort();
    assert_eq!(places, both);
}

#[test]
fn a_rename_keeps_to_what_has_that_name_there() {
    let alias = USER.replace("kl(pi, anchor", "kl(pi, anc$0hor");
    let places = rename(&[("main.pbpo", &alias), ("players.pbpo", PLAYERS)], "base").unwrap();
    assert_eq!(places, ["main.pbpo:2 anchor", "main.pbpo:4 anchor", "main.pbpo:5 anchor"]);
    let parameter = USER.replace("logp(pi", "logp(p$0i");
    let places = rename(&[("main.pbpo", &parameter), ("players.pbpo", PLAYERS)], "p").unwrap();
    assert_eq!(places, ["main.pbpo:6 pi", "main.pbpo:6 pi"]);
    let places = rename(&[("main.pbpo", &edited("explore(enh", "explore($0enh"))], "search").unwrap();
    assert_eq!(places, ["main.pbpo:15 enhancer", "main.pbpo:22 enhancer"]);
    let places = rename(&[("main.pbpo", &edited("param beta", "param $0beta"))], "b").unwrap();
    assert_eq!(places.len(), 4, "{places:?}");
}

#[test]
fn a_rename_that_would_break_the_file_is_refused() {
    for (from, to, new, wanted) in [
        ("policy pi", "policy $0pi", "2nd", "`2nd` is no name: use letters, digits and `_`"),
        ("policy pi", "policy $0pi", "a b", "`a b` is no name: use letters, digits and `_`"),
        ("policy pi", "policy $0pi", "", "`` is no name: use letters, digits and `_`"),
        ("policy pi", "policy $0pi", "ref", "`ref` is taken in `main.pbpo`"),
        ("policy pi", "policy $0pi", "y0", "`y0` is taken in `main.pbpo`"),
        ("policy pi", "policy $0pi", "p", "`p` is taken in `main.pbpo`"),
        ("policy pi", "policy $0pi", "within", "`within` is a word of the language"),
        ("policy pi", "policy $0pi", "kl", "`kl` is a word of the language"),
        ("param beta", "param $0beta", "true", "`true` is a word of the language"),
        ("param beta", "param $0beta", "None", "`None` is a word of the language"),
        ("param beta", "param $0beta", "where", "`where` is a word of the language"),
        ("param beta", "param $0beta", "seed", "`seed` would be the seed of the run by its name"),
        ("y0 = sample", "$0y0 = sample", "y", "`y` is taken in `main.pbpo`"),
        ("y0 = sample", "$0y0 = sample", "pi", "`pi` is taken in `main.pbpo`"),
        ("lr = 2e-4", "$0lr = 2e-4", "rate", "this word is part of the language"),
        ("= digits(", "= $0digits(", "letters", "`digits` belongs to the standard library"),
        ("policy pi", "what is pi ?\npolicy $0pi", "a", "`pi` is also in a line of `main.pbpo` that can't be read"),
        ("policy pi", "policy pi $0 ", "a", "nothing here has a name"),
        ("param size", "param seed: int = 0\nparam size", "a", "`seed` is the seed of the run by its name"),
    ] {
        let to = if to.contains("$0") { to.to_owned() } else { to.replace("seed", "$0seed") };
        assert_eq!(rename(&[("main.pbpo", &edited(from, &to))], new), Err(wanted.to_owned()), "{to} -> {new}");
    }
}

/// At no place of a text, whole or cut off there, does an answer panic.
#[test]
fn every_place_of_a_cut_text_has_an_answer() {
    for end in (0..=HEAD.len()).step_by(7) {
        let text = &HEAD[..end];
        let ide = Ide::new(Input::text("main.pbpo", text));
        for at in [end / 3, end / 2, end] {
            ide.completions("main.pbpo", at);
            ide.hover("main.pbpo", at);
            ide.definition("main.pbpo", at);
            let _ = ide.rename("main.pbpo", at, "fresh");
        }
    }
}

#[test]
fn an_outline_has_every_item() {
    let (ide, name, _) = open(&[("main.pbpo", &format!("{HEAD}$0"))]);
    let names: Vec<String> =
        ide.symbols(name).into_iter().map(|symbol| format!("{} {}", symbol.kind, symbol.name)).collect();
    assert_eq!(names.len(), 15);
    assert_eq!((names[0].as_str(), names[11].as_str()), ("param beta", "pipeline main"));
}
