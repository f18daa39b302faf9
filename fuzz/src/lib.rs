//! The checks of the fuzz targets. Each has a `run` that panics on a violation.
//!
//! - `parse.rs`, `fmt.rs`, `check.rs`, `plan.rs`: the targets.
//! - `graft.rs`: a separate target for texts that compile: values of fixtures in the place of others.
//! - `tree.rs`: the places of a syntax tree. `input.rs`: the settings of a text's compilation.
//! - `mutate.rs`: changes of whole tokens and lines, beside the fuzzer's changes of bytes.
//! - `examples/seeds.rs`: the texts to start with.

#![forbid(unsafe_code)]

pub mod check;
pub mod fmt;
pub mod graft;
pub mod input;
#[cfg(feature = "libfuzzer")]
pub mod mutate;
pub mod parse;
pub mod plan;
pub mod tree;
