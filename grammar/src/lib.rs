//! The grammar of the `.pbpo` language: pest rules, a syntax tree with places, recovery from bad input.
//!
//! [`parse`] never fails and never panics. What it can't understand becomes a [`ast::Fault`], and the
//! rest of the file goes on. It knows nothing of names, types or messages: that is the compiler's part.
//!
//! - `pbpo.pest`: the rules. A new statement or literal starts there.
//! - `build/`: pest's pairs -> syntax tree. A new rule gets its node there.
//! - `fmt/`: the formatter.
//! - `habits.rs`: statements of other languages.
//! - `junk.rs`: what was expected in a piece of junk. `describe.rs`: rules in words.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

// The generated parser names it.
extern crate alloc;

pub mod ast;
mod build;
mod depth;
mod describe;
pub mod fmt;
mod foreign;
mod habits;
mod junk;
mod span;

pub use span::{FileId, Span};

use std::sync::Once;

/// Largest source file that is read, in bytes.
pub const MAX_BYTES: usize = 4 << 20;

/// Deepest nesting of brackets, and longest chain of operators, counted together.
pub const MAX_DEPTH: usize = 128;

/// The generated parser.
mod rules {
    #[derive(pest_derive::Parser)]
    #[grammar = "pbpo.pest"]
    pub struct PbpoParser;
}
pub(crate) use rules::{PbpoParser, Rule};

/// Parses a whole file.
pub fn parse(file: FileId, source: &str) -> ast::File {
    limit_calls();
    build::file(file, source)
}

/// Parses one expression (the value of an override), or says where it stops being one.
pub fn parse_expr(file: FileId, source: &str) -> Result<ast::Expr, ast::Fault> {
    limit_calls();
    build::lone_expr(file, source)
}

/// Pest counts rule calls for the whole process; this ends hopeless inputs in seconds.
fn limit_calls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| pest::set_call_limit(std::num::NonZeroUsize::new(400_000_000)));
}
