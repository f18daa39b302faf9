//! `pbpoc doc`: prints the reference of the language.

use crate::cli::{OK, print};

/// Prints the reference. Returns the exit code.
pub fn run() -> u8 {
    print(&pbpo_compiler::doc::reference());
    OK
}
