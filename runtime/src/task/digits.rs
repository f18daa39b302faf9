//! Sorting digits: `31725=` asks for `12357`. A task that a small model learns in seconds and that a
//! program can verify.
//!
//! The demonstrations are imperfect on purpose: a careless writer swaps two different digits of the
//! answer. Imitation learns the mistakes too; only preferences tell the two kinds of answer apart.
//! The splits share no multiset of digits, so no held-out answer was ever shown in training.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

use pbpo_hub::records::Text;

use super::Split;
use crate::data::Item;
use crate::error::Fault;

pub const ALPHABET: &str = "0123456789=";

/// Settings of `digits(...)`.
#[derive(Clone, Debug, Deserialize)]
pub struct Digits {
    pub split: Split,
    pub count: usize,
    /// Digits in a prompt.
    pub length: usize,
    /// Share of demonstrations written by a careless writer.
    pub careless: f64,
    /// Seed of the data set; a run's own seed leaves the data as they are.
    pub seed: u64,
}

/// Draws `count` items of the split. `test` items are distinct.
pub fn items(config: &Digits) -> Result<Vec<Item>, Fault> {
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
    rng.set_stream(config.split as u64);
    let mut seen = std::collections::HashSet::new();
    let mut items = Vec::new();
    let mut tries = 0_usize;
    while items.len() < config.count {
        tries += 1;
        if tries > 1000 * (config.count + 1000) {
            return Err(Fault::new(format!(
                "digits has fewer than {} different items of length {} in this split",
                config.count, config.length
            ))
            .help("lower `count` or raise `length`"));
        }
        let digits: Vec<u8> = (0..config.length).map(|_| rng.random_range(0..10)).collect();
        let mut sorted = digits.clone();
        sorted.sort_unstable();
        if split_of(&sorted) != config.split {
            continue;
        }
        if config.split == Split::Test && !seen.insert(digits.clone()) {
            continue;
        }
        let written = if rng.random::<f64>() < config.careless { careless(&sorted, &mut rng) } else { sorted.clone() };
        items.push(Item {
            prompt: Text::Plain(format!("{}=", text(&digits))),
            demonstration: Some(Text::Plain(text(&written))),
            answer: Some(text(&sorted)),
            pair: None,
        });
    }
    Ok(items)
}

/// Share of positions that are right, over the longer of answer and completion.
pub fn score(answer: &str, completion: &str) -> f64 {
    let right = answer.bytes().zip(completion.bytes()).filter(|(a, b)| a == b).count();
    right as f64 / answer.len().max(completion.len()).max(1) as f64
}

/// A fixed hash of the sorted digits: 7 of 10 to train, 2 to prompts, 1 to test.
fn split_of(sorted: &[u8]) -> Split {
    let hash = sorted.iter().fold(0xcbf2_9ce4_8422_2325_u64, |h, d| (h ^ u64::from(*d)).wrapping_mul(0x0100_0000_01b3));
    match (hash >> 32) % 10 {
        0 => Split::Test,
        1 | 2 => Split::Prompts,
        _ => Split::Train,
    }
}

/// The answer with two different digits swapped, where there are two.
fn careless(sorted: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut written = sorted.to_vec();
    if sorted.first() == sorted.last() {
        return written;
    }
    loop {
        let (a, b) = (rng.random_range(0..sorted.len()), rng.random_range(0..sorted.len()));
        if sorted[a] != sorted[b] {
            written.swap(a, b);
            return written;
        }
    }
}

fn text(digits: &[u8]) -> String {
    digits.iter().map(|d| char::from(b'0' + d)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(split: Split) -> Digits {
        Digits { split, count: 400, length: 5, careless: 0.5, seed: 0 }
    }

    #[test]
    fn splits_share_no_answer() {
        let answers = |split| -> std::collections::HashSet<String> {
            items(&config(split)).unwrap().into_iter().filter_map(|i| i.answer).collect()
        };
        let (train, test) = (answers(Split::Train), answers(Split::Test));
        assert!(train.is_disjoint(&test));
        assert!(train.is_disjoint(&answers(Split::Prompts)));
        assert!(test.is_disjoint(&answers(Split::Prompts)));
    }

    #[test]
    fn half_the_demonstrations_are_careless_and_answers_sorted() {
        let items = items(&config(Split::Train)).unwrap();
        let wrong = items.iter().filter(|i| i.demonstration != i.answer.clone().map(Text::Plain)).count();
        assert!((140..260).contains(&wrong), "{wrong} of 400 careless");
        for item in &items {
            let mut digits: Vec<char> = crate::data::shown(&item.prompt).trim_end_matches('=').chars().collect();
            digits.sort_unstable();
            assert_eq!(item.answer, Some(digits.into_iter().collect::<String>()));
        }
    }

    #[test]
    fn score_is_the_share_of_right_positions() {
        assert_eq!(score("12357", "12357"), 1.0);
        assert_eq!(score("12357", "12375"), 0.6);
        assert_eq!(score("12357", "123"), 0.6);
        assert_eq!(score("12357", "1235799999"), 0.5);
        assert_eq!(score("12357", ""), 0.0);
    }
}
