//! The benchmarks. Prompts, stop strings, filters and versions are those of lm-eval 0.4.13 (`lm_eval/tasks/`).

mod agieval;
mod arc;
mod bbh;
mod gsm8k;
mod mmlu;

use crate::task::{Group, Task};

/// Tasks, and the groups over them: a group comes before the groups that it holds.
#[derive(Debug, Default)]
pub struct Benchmark {
    pub tasks: Vec<Task>,
    pub groups: Vec<Group>,
}

/// Returns all benchmarks.
pub fn all() -> Vec<Benchmark> {
    vec![
        arc::benchmark(),
        mmlu::benchmark(),
        mmlu::generative(),
        gsm8k::benchmark(),
        bbh::zeroshot(),
        bbh::cot_zeroshot(),
        agieval::benchmark(),
    ]
}
