//! Benchmarks scored as in lm-evaluation-harness 0.4.13. No Burn, no network, no Python: rows come from local copies of
//! the datasets, log-likelihoods and texts from an implementation of [`Model`].
//!
//! - `tasks/`: the benchmarks, one file each, with their tables as data. `mod.rs` lists them.
//! - `task.rs`: types of tasks and groups: the source of rows, the requests, the scoring of answers.
//! - `suite.rs`: finds tasks by name, reads their rows and makes requests, before a model is needed.
//! - `evaluate.rs`: sends requests to the model and scores each document.
//! - `results.rs`, `table.rs`: means, standard errors, groups; the JSON and the table in the format of lm-eval.
//! - `model.rs`: the interface of a model; splits text into tokens and cuts it.
//! - `data.rs`: finds and reads local copies of datasets.
//! - `filter/`: extracts answers from generated text.
//! - `metric.rs`, `math.rs`: score answers; compare mathematical answers.
//! - `python.rs`, `random.rs`: regular expressions, white space and random samples of Python.
//!
//! ```text
//! Suite::named(&["mmlu", "gsm8k"]) -> prepare(&data, &options) -> evaluate(&mut model, ..) -> Results, Samples
//! ```

pub mod data;
pub mod evaluate;
pub mod filter;
pub mod math;
pub mod metric;
pub mod model;
pub mod python;
pub mod random;
pub mod results;
pub mod suite;
mod table;
pub mod task;
pub mod tasks;

pub use data::{Data, Doc, Row};
pub use evaluate::{Failure, Sample, evaluate};
pub use model::{Model, Pair, Score, Until};
pub use pbpo_outside::Error;
pub use results::Results;
pub use suite::{Options, Prepared, Suite};
