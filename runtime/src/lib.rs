//! The runtime of pbpoc: executes a plan on Burn.
//!
//! A plan is a list of stages over named values. `exec.rs` follows its walk step by step; each stage is done by an op
//! (`ops/`, and `exact/` in worlds), which takes its values from the environment and gives its own. Between two steps all
//! that a run needs in order to go on is in a `RunState` (`state/`). What a run tells goes to an observer as events;
//! `rundir/` writes them down.

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
