//! The grammar of the `.pbpo` language: pest rules, a syntax tree with places, recovery from bad input.
//!
//! [`parse`] never fails and never panics. A part that can't be parsed becomes a [`ast::Fault`], and the rest of the
//! file is parsed. The crate has no names, types or messages: those are the compiler's part.
//!
//! - `pbpo.pest`: the rules for statements and literals.
//! - `build/`: turns pest's pairs into the syntax tree.
//! - `fmt/`: the formatter; `lex.rs`: words and marks of a text that may not parse.
//! - `habits.rs`: statements of other languages.
//! - `junk.rs`: the constructs expected in a piece of junk. `describe.rs`: names of rules.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]

// The generated parser uses it.
extern crate alloc;

pub mod ast;
mod build;
mod depth;
mod describe;
pub mod fmt;
mod foreign;
mod habits;
mod junk;
pub mod lex;
mod span;

pub use span::{FileId, Span};

use std::sync::Once;

/// The size of the largest source file that is read, in bytes.
pub const MAX_BYTES: usize = 4 << 20;

/// The deepest nesting of brackets and the longest chain of operators, counted together.
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

/// Parses one expression (the value of an override). Returns a fault at the place where it stops being one.
pub fn parse_expr(file: FileId, source: &str) -> Result<ast::Expr, ast::Fault> {
    limit_calls();
    build::lone_expr(file, source)
}

/// Limits the rule calls that pest counts for the whole process, which ends hopeless inputs in seconds.
fn limit_calls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| pest::set_call_limit(std::num::NonZeroUsize::new(400_000_000)));
}
