//! Benchmarks scored as lm-evaluation-harness 0.4.13 scores them. No Burn, no network, no Python: rows come from local
//! copies of the datasets, log-likelihoods and texts from whoever implements [`Model`].
//!
//! - `tasks/`: the benchmarks, one file each, their tables as data. A new one: a file there and its line in `mod.rs`.
//! - `task.rs`: what a task and a group are: where rows come from, what is asked, how answers are scored.
//! - `suite.rs`: names to tasks; rows read and requests made, before a model is needed.
//! - `evaluate.rs`: asks the model; scores each document.
//! - `results.rs`, `table.rs`: means, standard errors, groups; the JSON and the table that lm-eval makes of them.
//! - `model.rs`: what a model must answer, and how text is split into tokens and cut.
//! - `data.rs`: local copies of datasets, found and read.
//! - `filter/`: extractors of answers from generated text.
//! - `metric.rs`, `math.rs`: right or wrong; equality of mathematical answers.
//! - `python.rs`, `random.rs`: regular expressions, white space and random samples as Python has them.
//!
//! ```text
//! Suite::named(&["mmlu", "gsm8k"]) -> prepare(&data, &options) -> evaluate(&mut model, ..) -> Results, Samples
//! ```

pub mod data;
pub mod error;
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
pub use error::Error;
pub use evaluate::{Failure, Sample, evaluate};
pub use model::{Model, Pair, Score, Until};
pub use results::Results;
pub use suite::{Options, Prepared, Suite};
