//! Tasks: sources of prompts and demonstrations with a programmatic score. Each task has one file.

pub mod digits;

use crate::error::Fault;
use crate::tokenizer::Tokenizer;

/// Returns the tokenizer that a task's text needs.
pub fn tokenizer(task: &str) -> Result<Tokenizer, Fault> {
    match task {
        "digits" => Ok(Tokenizer::characters(digits::ALPHABET)),
        other => Err(unknown(other)),
    }
}

/// Returns a completion's score by a task's score function, in 0..=1; 1 means exactly right.
pub fn score(task: &str, answer: &str, completion: &str) -> f64 {
    match task {
        "digits" => digits::score(answer, completion),
        _ => 0.0,
    }
}

fn unknown(task: &str) -> Fault {
    Fault::new(format!("this binary has no task `{task}`")).help("the tasks are: digits")
}
