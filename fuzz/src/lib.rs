//! What the fuzz targets check. Each has a `run` that panics where something does not hold.
//!
//! - `parse.rs`, `fmt.rs`, `check.rs`, `plan.rs`: the targets.
//! - `graft.rs`: a target of its own, for texts that compile: values of fixtures in the place of others.
//! - `tree.rs`: the places of a syntax tree. `input.rs`: how a text is compiled.
//! - `mutate.rs`: changes of whole tokens and lines, next to the fuzzer's own of bytes.
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
