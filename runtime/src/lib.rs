//! The runtime of pbpoc: executes a plan on Burn.
//!
//! - `exec.rs` runs a plan; `ops/` has one file for each op; `context.rs` and `env.rs` are passed to ops;
//! - `value.rs`: the values on the edges of a plan; `batch.rs`: rows of tokens as tensors;
//! - `model/`: the decoder and reward heads; `generate.rs`: sampling; `optimizer.rs`: AdamW;
//! - `objective/`: any objective expression as a differentiable scalar;
//! - `exact/`: the exact track, on the crate `pbpo-exact`;
//! - `data.rs`: prompts and their scoring; `task/`: synthetic tasks; `tokenizer/`: text to tokens;
//! - `rng.rs`: random streams;
//! - `language_model.rs`: a checkpoint used outside of a run;
//! - `oracle.rs`: oracles that label pairs;
//! - `host.rs`: the environment of a run; `device.rs`: choosing a device; `bench.rs`: tokens per second;
//! - `event.rs`: events of a run; `rundir/`: files of a run.

pub mod batch;
pub mod bench;
pub mod context;
pub mod data;
pub mod device;
pub mod env;
pub mod error;
pub mod event;
pub mod exact;
pub mod exec;
pub mod generate;
pub mod host;
pub mod language_model;
pub mod model;
pub mod objective;
pub mod ops;
pub mod optimizer;
pub mod oracle;
pub mod player;
pub mod rng;
pub mod rundir;
pub mod shared;
pub mod state;
pub mod task;
pub mod tokenizer;
pub mod value;

pub use error::Fault;
pub use exec::{Execution, execute, execute_as};
