//! The runtime of pbpoc: executes a plan on Burn.
//!
//! - `exec.rs` walks a plan; `ops/` has one file an op; `context.rs` and `env.rs` are what ops see;
//! - `value.rs`: what flows along the edges; `batch.rs`: rows of tokens as tensors;
//! - `model/`: the decoder and reward heads; `generate.rs`: sampling; `optimizer.rs`: AdamW;
//! - `objective/`: any objective expression as a differentiable scalar;
//! - `exact/`: the exact track, on the crate `pbpo-exact`;
//! - `data.rs`: what is asked and how it is scored; `task/`: synthetic tasks; `tokenizer/`: text to tokens;
//! - `covariance.rs`: the enhancer's memory; `rng.rs`: random streams;
//! - `language_model.rs`: a checkpoint asked outside of a run;
//! - `oracle.rs`: who prefers what;
//! - `host.rs`: where a run takes place; `device.rs`: choosing a device; `bench.rs`: tokens per second;
//! - `event.rs`: what a run tells; `rundir/`: what a run leaves.

pub mod batch;
pub mod bench;
pub mod context;
pub mod covariance;
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
pub mod rng;
pub mod rundir;
pub mod shared;
pub mod task;
pub mod tokenizer;
pub mod value;

pub use error::Fault;
pub use exec::{execute, execute_as};
