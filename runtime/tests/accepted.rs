//! What `check` accepts, a run accepts: every setting of every block and operation, as the tables of the schema have it. A
//! number is tried at both ends of its range, a choice with each of its words.

use std::collections::BTreeMap;

use burn::tensor::Device;
use pbpo_compiler::schema::ops::{self, Op as Call};
use pbpo_compiler::schema::{Default as Written, Field, Flow, Form, Kind, Range, Ty, Variant, blocks};
use pbpo_compiler::{Input, compile};
use pbpo_plan::identity::identities;
use pbpo_plan::ops::data::{self, Task};
use pbpo_plan::{Op, Plan, Stage};
use pbpo_runtime::context::{Context, Counters};
use pbpo_runtime::env::Env;
use pbpo_runtime::host::Host;

#[path = "common/tiny.rs"]
mod tiny;
use tiny::Told;

type Block = (Kind, &'static str, &'static [(&'static str, &'static str)]);

/// A file that compiles: blocks, and a pipeline that uses all of them.
struct Page {
    blocks: &'static [Block],
    pipeline: &'static str,
}

const LLAMA: &str = "llama { layers = 1, width = 16, heads = 2, context = 64 tokens }";
const DEMOS: Block = (Kind::Data, "demos", &[("source", "digits(split = train, count = 20, length = 3)")]);
const PROMPTS: Block = (Kind::Data, "prompts", &[("source", "digits(split = prompts, count = 20, length = 3)")]);
const PI: Block = (
    Kind::Policy,
    "pi",
    &[
        ("model", LLAMA),
        ("init", "imitate(demos, steps = 1, batch = 2, lr = 1e-3)"),
        ("optimizer", "adamw { lr = 1e-3 }"),
        ("sampling", "{ max_new = 5 tokens }"),
    ],
);
const REF: Block = (Kind::Policy, "ref", &[("follows", "pi"), ("update", "each_episode")]);
const PHI: Block = (Kind::Features, "phi", &[("of", "pi.init"), ("project", "8")]);
const SEEKER: Block = (Kind::Exploration, "seeker", &[("features", "phi"), ("against", "ref"), ("search", "none")]);
const SET: Block = (Kind::Constraint, "set", &[("on", "r"), ("keep", "mle"), ("batch", "4 pairs")]);
const JUDGE: Block = (Kind::Oracle, "judge", &[("by", "btl { score = digits.score }")]);

const PAGES: &[Page] = &[
    Page {
        blocks: &[
            DEMOS,
            PROMPTS,
            PI,
            REF,
            (Kind::RewardModel, "r", &[("backbone", "pi.init"), ("head", "sequence")]),
            PHI,
            SEEKER,
            SET,
            JUDGE,
        ],
        pipeline: "
    y0 = sample(ref, prompts, count = 4)
    y = explore(seeker, prompts, against = y0)
    prefs += label(y, y0, by = judge)
    descend r on gap(r, y, y0) within set(prefs)
    ascend pi on mean(r(y0)) + 0.1 * entropy(pi, y0)
",
    },
    Page {
        blocks: &[
            DEMOS,
            PROMPTS,
            PI,
            REF,
            PHI,
            (Kind::RewardModel, "r", &[("features", "phi")]),
            SEEKER,
            (Kind::Constraint, "set", &[("on", "r"), ("keep", "ellipsoid")]),
            JUDGE,
        ],
        pipeline: "
    y0 = sample(ref, prompts, count = 4)
    y = explore(seeker, prompts, against = y0)
    prefs += label(y, y0, by = judge)
    descend r on gap(r, y, y0) within set(prefs)
",
    },
    Page {
        blocks: &[
            (Kind::World, "w", &[("of", "bandit { arms = 8, dim = 3 }")]),
            (Kind::Policy, "pi", &[("world", "w"), ("class", "mixtures")]),
            REF,
            (Kind::RewardModel, "r", &[("world", "w")]),
            (Kind::Exploration, "seeker", &[("world", "w"), ("search", "exact")]),
            (Kind::Constraint, "set", &[("on", "r"), ("keep", "ellipsoid")]),
            (Kind::Oracle, "judge", &[("by", "btl { score = w.score }")]),
        ],
        pipeline: "
    y0 = sample(ref, w, count = 4)
    y = explore(seeker, w, against = y0)
    prefs += label(y, y0, by = judge)
    ascend pi on gap(r, pi, ref) within set(prefs)
",
    },
    Page {
        blocks: &[
            (Kind::World, "w", &[("of", "tokens { vocabulary = 3, length = 2, dim = 2 }"), ("reward", "token")]),
            (Kind::Policy, "pi", &[("world", "w"), ("class", "mixtures")]),
            REF,
            (Kind::RewardModel, "r", &[("world", "w")]),
            (Kind::Exploration, "seeker", &[("world", "w"), ("search", "exact")]),
            (Kind::Constraint, "set", &[("on", "r"), ("keep", "ellipsoid")]),
            (Kind::Oracle, "judge", &[("by", "btl { score = w.score }")]),
        ],
        pipeline: "
    y0 = sample(ref, w, count = 4)
    y = explore(seeker, w, against = y0)
    prefs += label(y, y0, by = judge)
    ascend pi on gap(r, pi, ref) within set(prefs)
",
    },
    Page {
        blocks: &[
            (Kind::Data, "prompts", &[("source", "file(\"x.jsonl\")"), ("check", "numeric")]),
            (
                Kind::Policy,
                "pi",
                &[("model", "hf(\"x\")"), ("init", "pretrained"), ("optimizer", "adamw { lr = 1e-3 }")],
            ),
        ],
        pipeline: "
    z0 = evaluate(pi, prompts)
",
    },
];

impl Page {
    /// Returns the text with another form of one block, and one statement more.
    fn text(&self, other: Option<(&Block, &[(&str, String)])>, statement: &str) -> String {
        let written = |fields: &[(&str, String)]| -> String {
            fields.iter().map(|(name, value)| format!("  {name} = {value}\n")).collect()
        };
        let mut text = String::from("pbpo 1\n");
        for block in self.blocks {
            let own: Vec<(&str, String)> = block.2.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            let fields = other.filter(|(of, _)| of.1 == block.1).map_or(own.as_slice(), |(_, fields)| fields);
            text += &format!("{} {} {{\n{}}}\n", block.0.word(), block.1, written(fields));
        }
        text + &format!("pipeline main {{\n  repeat 1 {{{}    {statement}\n  }}\n}}\n", self.pipeline)
    }
}

/// A number's ends, with the step past each end that is not in the range.
fn ends(range: Range, whole: bool) -> [f64; 2] {
    let low = match (range.open, whole) {
        (false, _) => range.low,
        (true, true) => range.low + 1.0,
        (true, false) => range.low + 1e-9,
    };
    [low, if range.high.is_finite() { range.high } else { 1e6 }]
}

/// The values of a type that are tried, each with the path of the setting that it tries.
fn values(ty: Ty, at: &str) -> Vec<(String, String)> {
    let one = |value: &str| vec![(at.to_owned(), value.to_owned())];
    match ty {
        Ty::Int(unit, range) => ends(range, true)
            .map(|end| (at.to_owned(), format!("{end:.0} {}", unit.map_or("", |unit| unit.name()))))
            .to_vec(),
        Ty::Float(_, range) => ends(range, false).map(|end| (at.to_owned(), format!("{end:?}"))).to_vec(),
        Ty::OrNone(ty) => [values(*ty, at), one("none")].concat(),
        Ty::Block(kind) => name(kind).iter().flat_map(|name| one(name)).collect(),
        Ty::Either(first, second) => [values(Ty::Block(first), at), values(Ty::Block(second), at)].concat(),
        Ty::Init => one("pi.init"),
        Ty::Score => [one("digits.score"), one("w.score")].concat(),
        Ty::Choice(variants) => variants.iter().flat_map(|variant| forms(variant, at)).collect(),
        Ty::Task => ty.alternatives().unwrap().iter().flat_map(|variant| forms(variant, at)).collect(),
        Ty::Record(fields) => arguments(fields, at).into_iter().map(|(at, all)| (at, format!("{{ {all} }}"))).collect(),
        Ty::Text => {
            ["x", "(x)", "{first} {second}", "{}"].iter().flat_map(|text| one(&format!("\"{text}\""))).collect()
        }
        Ty::Name => one("\"x\""),
        Ty::Words(words) => {
            words.iter().map(|word| (format!("{at}.{}", word.name), format!("[{}]", word.name))).collect()
        }
        Ty::Value(Flow::Rollouts) => [one("y0"), one("y")].concat(),
        Ty::Value(_) => one("prefs"),
    }
}

fn name(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Data => &["prompts"],
        Kind::Policy => &["pi", "ref"],
        Kind::RewardModel => &["r"],
        Kind::Features => &["phi"],
        Kind::Exploration => &["seeker"],
        Kind::Constraint => &["set"],
        Kind::Oracle => &["judge"],
        Kind::World => &["w"],
        Kind::Pipeline | Kind::Objective | Kind::Variant | Kind::Sweep | Kind::Op => &[],
    }
}

/// The forms of a choice: with the arguments that it needs, and with each value of each of its arguments.
fn forms(variant: &Variant, at: &str) -> Vec<(String, String)> {
    let at = format!("{at}.{}", variant.name);
    if variant.form == Form::Word || variant.fields.is_empty() {
        return vec![(at, variant.name.to_owned())];
    }
    let (open, close) = if variant.form == Form::Call { ("(", ")") } else { (" { ", " }") };
    let all = arguments(variant.fields, &at).into_iter();
    all.map(|(at, all)| (at, format!("{}{open}{all}{close}", variant.name))).collect()
}

/// The arguments of a record or a call: one setting at a time has each of its values, those that must be there have one.
fn arguments(fields: &[Field], at: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for field in fields {
        for (at, value) in values(field.ty, &format!("{at}.{}", field.name)) {
            let mut all: BTreeMap<&str, String> = BTreeMap::new();
            for other in fields.iter().filter(|other| matches!(other.default, Written::Required)) {
                // Counts and sizes that fit into the other settings.
                let usual = match (other.name, other.ty) {
                    ("count", _) => "4".to_owned(),
                    ("pattern", _) => "\"(x)\"".to_owned(),
                    ("width", _) => "16".to_owned(),
                    ("context", _) => "64 tokens".to_owned(),
                    ("second", Ty::Value(Flow::Rollouts)) => "y".to_owned(),
                    (_, ty) => values(ty, "").remove(0).1,
                };
                all.insert(other.name, usual);
            }
            // Judges are asked on this machine, where nobody answers, and once.
            if fields.iter().any(|field| field.name == "url") {
                all.insert("url", "\"http://127.0.0.1:9/v1\"".into());
                all.insert("retries", "0".into());
            }
            if field.name == "most_usd" {
                all.insert("usd_in", "1.0".into());
            }
            if field.name != "url" {
                all.insert(field.name, value);
            }
            let all: Vec<String> = all.into_iter().map(|(name, value)| format!("{name} = {value}")).collect();
            found.push((at, all.join(", ")));
        }
    }
    found
}

/// Returns the plan of a text that `check` accepts.
fn accepted(text: &str) -> Option<Plan> {
    let compiled = compile(Input::text("test.pbpo", text), None, &[]);
    compiled.plan().cloned()
}

/// Makes the settings of every stage, and oracles and small data with them.
fn runs(plan: &Plan) -> Result<(), String> {
    Plan::from_json(&plan.to_json())?;
    let small = |stage: &Stage| match stage.settings::<data::Settings>() {
        Ok(data::Settings { task: Task::Digits(digits), .. }) => digits.count <= 20,
        _ => false,
    };
    for stage in plan.body.stages().filter(|stage| stage.op == Op::Oracle || stage.op == Op::Data && small(stage)) {
        let mut told = Told::default();
        let (host, identities) = (Host::from(&Device::flex()), identities(plan));
        let (mut counters, mut recording) = (Counters::default(), None);
        let mut context = Context::new(&host, &identities, &mut counters, &mut told, &mut recording);
        if let Err(fault) =
            pbpo_runtime::ops::runs(stage.op).practical.unwrap().run(stage, &mut Env::default(), &mut context)
        {
            // What is not here: servers, keys, checkpoints, files.
            let absent =
                ["does not answer", "is not set", "can't be", "unknown kind of data file", "there is no directory"];
            if !absent.iter().any(|absent| fault.message.contains(absent)) {
                return Err(format!("{}: {fault}", stage.name));
            }
        }
    }
    Ok(())
}

/// Tries texts; each path must have one that is accepted. Returns the number of those that are accepted.
fn try_all(tries: Vec<(String, Vec<String>)>) -> usize {
    let (mut known, mut count, mut refused): (BTreeMap<String, bool>, usize, Vec<String>) = Default::default();
    for (at, texts) in tries {
        let plans: Vec<Plan> = texts.iter().filter_map(|text| accepted(text)).collect();
        let failed = plans.iter().filter_map(|plan| runs(plan).err());
        refused.extend(failed.take(1).map(|error| format!("{at}: {error}")));
        count += plans.len();
        *known.entry(at).or_insert(false) |= !plans.is_empty();
    }
    assert!(refused.is_empty(), "`check` accepts what a run does not: {refused:#?}");
    let never: Vec<&String> = known.iter().filter(|(_, any)| !**any).map(|(at, _)| at).collect();
    assert!(never.is_empty(), "`check` accepts no value of {never:#?}");
    count
}

#[test]
fn pages_are_accepted() {
    for page in PAGES {
        let text = page.text(None, "");
        let compiled = compile(Input::text("test.pbpo", &text), None, &[]);
        assert!(compiled.plan().is_some(), "{text}\n{:#?}", compiled.diagnostics);
    }
}

#[test]
fn settings_of_blocks_that_are_checked_are_settings_that_run() {
    let mut tries = Vec::new();
    for kind in Kind::ALL {
        for form in blocks::forms(kind) {
            // The blocks of this form, in all pages.
            let is = |block: &Block| {
                block.0 == kind && blocks::form(kind, |field| block.2.iter().any(|f| f.0 == field)).mark == form.mark
            };
            for field in form.fields {
                for (at, value) in values(field.ty, &format!("{} {}.{}", kind.word(), form.noun, field.name)) {
                    let mut texts = Vec::new();
                    for page in PAGES {
                        for block in page.blocks.iter().filter(|block| is(block)) {
                            let mut fields: Vec<(&str, String)> =
                                block.2.iter().map(|f| (f.0, f.1.to_owned())).collect();
                            fields.retain(|(name, _)| *name != field.name);
                            fields.push((field.name, value.clone()));
                            texts.push(page.text(Some((block, &fields)), ""));
                        }
                    }
                    tries.push((at, texts));
                }
            }
        }
    }
    let count = try_all(tries);
    assert!(count > 300, "{count}");
}

#[test]
fn arguments_of_operations_that_are_checked_are_arguments_that_run() {
    let mut tries = Vec::new();
    for op in ops::all() {
        for (at, all) in arguments(op.args, op.name) {
            let call = format!("{}({all})", op.name);
            let statement = if op.op == Call::Save { call } else { format!("z = {call}") };
            let pages = PAGES.iter();
            tries.push((at, pages.map(|page| page.text(None, &statement)).collect()));
        }
    }
    let count = try_all(tries);
    assert!(count > 40, "{count}");
}

/// Texts of a judge with rules of their own.
#[test]
fn texts_of_judges_that_are_checked_are_texts_that_run() {
    let page = PAGES.iter().find(|page| page.blocks.iter().any(|block| block.1 == "judge")).unwrap();
    let block = page.blocks.iter().find(|block| block.1 == "judge").unwrap();
    for text in [
        "first = \"1\", second = \"2\", tie = \"0\", prompt = \"{first}{second} [[1]] [[2]] [[0]] {{}}\"",
        "extra = \"{\\\"top_p\\\": 0.5}\", limit = max_completion_tokens",
        "max_new = none, temperature = none, extra = \"{\\\"max_completion_tokens\\\": 9, \\\"temperature\\\": 1}\"",
    ] {
        let by = format!("chat {{ model = \"m\", url = \"http://127.0.0.1:9/v1\", retries = 0, {text} }}");
        let text = page.text(Some((block, &[("by", by)])), "");
        runs(&accepted(&text).unwrap_or_else(|| panic!("{text}"))).unwrap();
    }
}
