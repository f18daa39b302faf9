//! Reads outside files within limits (`file`) and escapes outside text before it is printed (`shown`).
//!
//! [`Error`] is what hub, judge and eval report; a run makes its faults from it.
//!
//! `judge` holds the limits and rules of a judge's settings, which files and requests are checked by.
//!
//! `file` opens every file that this project did not write itself: only regular files, and at most as many bytes as
//! their kind may have. `shown` escapes every text from a file, a model or a server before a terminal shows it.

pub mod address;
mod error;
pub mod file;
pub mod json;
pub mod judge;
pub mod shards;
pub mod shown;

pub use error::Error;
