//! AGIEval (Zhong et al., 2023): exams in English and Chinese. The rows hold the complete prompts.

use super::Benchmark;
use crate::data::{Dataset, Doc};
use crate::filter::Chain;
use crate::task::{Choice, Compare, Generate, Gold, Group, Kind, Shots, Task};

/// The Chinese tasks, in the order of lm-eval's groups.
const CHINESE: [&str; 11] = [
    "gaokao_biology",
    "gaokao_chemistry",
    "gaokao_chinese",
    "gaokao_geography",
    "gaokao_history",
    "gaokao_mathcloze",
    "gaokao_mathqa",
    "gaokao_physics",
    "jec_qa_ca",
    "jec_qa_kd",
    "logiqa_zh",
];
const ENGLISH: [&str; 10] = [
    "aqua_rat",
    "gaokao_english",
    "logiqa_en",
    "lsat_ar",
    "lsat_lr",
    "lsat_rc",
    "math",
    "sat_en_without_passage",
    "sat_en",
    "sat_math",
];
const NOUS: [&str; 8] =
    ["aqua_rat", "logiqa_en", "lsat_ar", "lsat_lr", "lsat_rc", "sat_en_without_passage", "sat_en", "sat_math"];
/// The tasks answered in the model's own words; all others are multiple choice.
const CLOZE: [&str; 2] = ["gaokao_mathcloze", "math"];

pub fn benchmark() -> Benchmark {
    let all = [CHINESE.as_slice(), &ENGLISH].concat();
    let groups = vec![
        group("agieval", &all, "acc"),
        group("agieval_en", &ENGLISH, "acc"),
        group("agieval_cn", &CHINESE, "acc"),
        group("agieval_nous", &NOUS, "acc_norm"),
    ];
    Benchmark { tasks: all.into_iter().map(task).collect(), groups }
}

fn group(name: &str, members: &[&str], metric: &'static str) -> Group {
    let members = members.iter().map(|exam| format!("agieval_{exam}")).collect();
    Group { name: name.into(), alias: name.into(), version: "0.0", members, metric: (metric, "none") }
}

fn task(exam: &str) -> Task {
    let kind = if CLOZE.contains(&exam) { cloze() } else { choice() };
    Task {
        name: format!("agieval_{exam}"),
        alias: format!("agieval_{exam}"),
        version: 1.0,
        dataset: Dataset { repo: format!("hails/agieval-{}", exam.replace('_', "-")), config: None },
        description: String::new(),
        prompt: |doc| doc.text("query").map(str::to_owned),
        shots: Shots::Never,
        kind,
    }
}

fn choice() -> Kind {
    let choices = |doc: &Doc| doc.texts("choices");
    Kind::Choice(Choice { choices, gold: |doc| doc.integers("gold").map(Gold::Any), norm: true })
}

fn cloze() -> Kind {
    let target = |doc: &Doc| doc.text("answer").map(str::to_owned);
    let filters = vec![Chain::new("none", vec![])];
    Kind::Generate(Generate { target, stop: &["Q:"], max_tokens: 32, filters, compare: Compare::Math })
}
