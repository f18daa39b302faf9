//! MMLU (Hendrycks et al., 2021): 57 subjects, four choices each. The letters of the choices are scored, or generated.

use super::Benchmark;
use crate::Error;
use crate::data::{Dataset, Doc};
use crate::filter::{Chain, Filter};
use crate::metric::ExactMatch;
use crate::python::{Pattern, Select, strip};
use crate::task::{Choice, Compare, Generate, Gold, Group, Kind, MAX_TOKENS, Shots, Task};

/// Categories with their subjects, in the order of lm-eval's groups.
const CATEGORIES: [(&str, &[&str]); 4] = [
    (
        "stem",
        &[
            "abstract_algebra",
            "anatomy",
            "astronomy",
            "college_biology",
            "college_chemistry",
            "college_computer_science",
            "college_mathematics",
            "college_physics",
            "computer_security",
            "conceptual_physics",
            "electrical_engineering",
            "elementary_mathematics",
            "high_school_biology",
            "high_school_chemistry",
            "high_school_computer_science",
            "high_school_mathematics",
            "high_school_physics",
            "high_school_statistics",
            "machine_learning",
        ],
    ),
    (
        "other",
        &[
            "business_ethics",
            "clinical_knowledge",
            "college_medicine",
            "global_facts",
            "human_aging",
            "management",
            "marketing",
            "medical_genetics",
            "miscellaneous",
            "nutrition",
            "professional_accounting",
            "professional_medicine",
            "virology",
        ],
    ),
    (
        "social sciences",
        &[
            "econometrics",
            "high_school_geography",
            "high_school_government_and_politics",
            "high_school_macroeconomics",
            "high_school_microeconomics",
            "high_school_psychology",
            "human_sexuality",
            "professional_psychology",
            "public_relations",
            "security_studies",
            "sociology",
            "us_foreign_policy",
        ],
    ),
    (
        "humanities",
        &[
            "formal_logic",
            "high_school_european_history",
            "high_school_us_history",
            "high_school_world_history",
            "international_law",
            "jurisprudence",
            "logical_fallacies",
            "moral_disputes",
            "moral_scenarios",
            "philosophy",
            "prehistory",
            "professional_law",
            "world_religions",
        ],
    ),
];

const LETTERS: [&str; 4] = ["A", "B", "C", "D"];

pub fn benchmark() -> Benchmark {
    let metric = ("acc", "none");
    let category = |name: &str, members| {
        let full = format!("mmlu_{}", name.replace(' ', "_"));
        Group { name: full, alias: name.into(), version: "2", members, metric }
    };
    let kind = || Kind::Choice(Choice { choices: |_| Ok(LETTERS.map(str::to_owned).into()), gold, norm: false });
    let root = Group { name: "mmlu".into(), alias: "mmlu".into(), version: "2", members: vec![], metric };
    build(root, category, "", 1.0, kind)
}

pub fn generative() -> Benchmark {
    let metric = ("exact_match", "get_response");
    let category = |name: &str, members| {
        let full = format!("mmlu_generative::{name}");
        Group { name: full.clone(), alias: full, version: "N/A", members, metric }
    };
    let alias = "mmlu (generative)".into();
    let root = Group { name: "mmlu_generative".into(), alias, version: "3", members: vec![], metric };
    build(root, category, "_generative", 3.0, letter)
}

fn build(
    mut root: Group,
    category: impl Fn(&str, Vec<String>) -> Group,
    suffix: &str,
    version: f64,
    kind: fn() -> Kind,
) -> Benchmark {
    let (mut tasks, mut groups) = (Vec::new(), Vec::new());
    for (name, subjects) in CATEGORIES {
        let members = subjects.iter().map(|subject| format!("mmlu_{subject}{suffix}")).collect();
        let group = category(name, members);
        root.members.push(group.name.clone());
        groups.push(group);
        tasks.extend(subjects.iter().map(|subject| task(subject, suffix, version, kind())));
    }
    groups.insert(0, root);
    Benchmark { tasks, groups }
}

fn task(subject: &str, suffix: &str, version: f64, kind: Kind) -> Task {
    let about = subject.replace('_', " ");
    Task {
        name: format!("mmlu_{subject}{suffix}"),
        alias: subject.into(),
        version,
        dataset: Dataset { repo: "cais/mmlu".into(), config: Some(subject.into()) },
        description: format!("The following are multiple choice questions (with answers) about {about}.\n\n"),
        prompt,
        shots: Shots::From { split: "dev", default: 0, sampled: false },
        kind,
    }
}

fn prompt(doc: &Doc) -> Result<String, Error> {
    let choices = doc.texts("choices")?;
    let [a, b, c, d] = choices.as_slice() else { return Err(doc.error("`choices` must have four entries")) };
    Ok(format!("{}\nA. {a}\nB. {b}\nC. {c}\nD. {d}\nAnswer:", strip(doc.text("question")?)))
}

fn answer(doc: &Doc) -> Result<usize, Error> {
    let answer = doc.integer("answer")?;
    let at = usize::try_from(answer).ok().filter(|at| *at < LETTERS.len());
    at.ok_or_else(|| doc.error(&format!("`answer` is {answer}, and must be 0 to 3")))
}

fn gold(doc: &Doc) -> Result<Gold, Error> {
    answer(doc).map(Gold::One)
}

/// Returns the kind of a task that takes the first line of the generated text.
fn letter() -> Kind {
    let first_line = Filter::Regex(Pattern::python(r"^(.*?)(?=\n|$)"), Select::First);
    let no_tail = Filter::Regex(Pattern::python(r"^(.*?)\s*$"), Select::First);
    Kind::Generate(Generate {
        target: |doc| answer(doc).map(|at| LETTERS[at].to_owned()),
        stop: &["</s>", "\n"],
        max_tokens: MAX_TOKENS,
        filters: vec![Chain::new("get_response", vec![first_line, Filter::Strip, no_tail])],
        compare: Compare::Exact(ExactMatch { ignore: vec![], ignore_case: true, ignore_punctuation: true }),
    })
}
