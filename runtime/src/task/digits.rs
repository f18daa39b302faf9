//! Sorting digits: `31725=` asks for `12357`. A small model learns this task in seconds, and a program can verify it.
//!
//! The demonstrations are imperfect on purpose: a careless writer swaps two different digits of the answer. Imitation
//! learns the mistakes too; only preferences tell the two kinds of answer apart. The splits share no multiset of
//! digits, so training never shows a held-out answer.

use pbpo_hub::records::Text;
use pbpo_plan::ops::data::{Digits, Split};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::data::Item;
use crate::error::Fault;

pub const ALPHABET: &str = "0123456789=";

/// Draws `count` items of the split. `test` items are distinct; a request for more of them than exist is refused before
/// any draw.
pub fn items(config: &Digits) -> Result<Vec<Item>, Fault> {
    let (count, length) = (config.count as usize, config.length as usize);
    let there = existing(config.split, length);
    let needed = if config.split == Split::Test { config.count } else { 1 };
    if there < needed {
        let message =
            format!("digits has fewer than {count} different items of length {length} in this split: {there}");
        return Err(Fault::new(message).help("lower `count` or raise `length`"));
    }
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
    rng.set_stream(config.split as u64);
    let mut seen = std::collections::HashSet::new();
    let mut items = Vec::new();
    // Drawing until most of what there is was drawn would take many draws for each of the last.
    let mut all = match config.split {
        Split::Test if config.count > there / 2 => {
            let mut all = every(config.split, length);
            all.shuffle(&mut rng);
            Some(all.into_iter())
        }
        Split::Test | Split::Train | Split::Prompts => None,
    };
    while items.len() < count {
        let digits: Vec<u8> = match all.as_mut().and_then(Iterator::next) {
            Some(digits) => digits,
            None => (0..length).map(|_| rng.random_range(0..10)).collect(),
        };
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

/// The largest number of digits whose prompts are counted. Longer prompts have more orders than any `.pbpo` file can
/// request.
const COUNTED: usize = 12;

/// Returns the number of different prompts of a split: for each of its multisets of digits, the number of orders.
pub fn existing(split: Split, length: usize) -> u64 {
    if length > COUNTED {
        return u64::MAX;
    }
    multisets(length).filter(|sorted| split_of(sorted) == split).map(|sorted| orders(&sorted)).sum()
}

/// Every prompt of a split.
fn every(split: Split, length: usize) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for mut digits in multisets(length).filter(|sorted| split_of(sorted) == split) {
        all.push(digits.clone());
        while next_order(&mut digits) {
            all.push(digits.clone());
        }
    }
    all
}

/// All sorted digits of a length, in order.
fn multisets(length: usize) -> impl Iterator<Item = Vec<u8>> {
    std::iter::successors(Some(vec![0_u8; length]), |sorted| {
        // The last digit that can be raised takes those after it along.
        let at = sorted.iter().rposition(|digit| *digit < 9)?;
        let mut next = sorted.clone();
        next[at..].fill(sorted[at] + 1);
        Some(next)
    })
}

/// Makes digits the next order of themselves, as a dictionary has them; returns false after the last.
fn next_order(digits: &mut [u8]) -> bool {
    let Some(at) = digits.windows(2).rposition(|pair| pair[0] < pair[1]) else { return false };
    let larger = digits.iter().rposition(|digit| *digit > digits[at]).unwrap_or(at);
    digits.swap(at, larger);
    digits[at + 1..].reverse();
    true
}

/// Returns the number of orders in which some sorted digits can be written.
fn orders(sorted: &[u8]) -> u64 {
    let factorial = |n: usize| (1..=n as u64).product::<u64>();
    sorted.chunk_by(|a, b| a == b).fold(factorial(sorted.len()), |orders, same| orders / factorial(same.len()))
}

/// Returns the share of right positions, over the longer of answer and completion.
pub fn score(answer: &str, completion: &str) -> f64 {
    let right = answer.bytes().zip(completion.bytes()).filter(|(a, b)| a == b).count();
    right as f64 / answer.len().max(completion.len()).max(1) as f64
}

/// Returns a fixed hash of the sorted digits: 7 of 10 to train, 2 to prompts, 1 to test.
fn split_of(sorted: &[u8]) -> Split {
    let hash = sorted.iter().fold(0xcbf2_9ce4_8422_2325_u64, |h, d| (h ^ u64::from(*d)).wrapping_mul(0x0100_0000_01b3));
    match (hash >> 32) % 10 {
        0 => Split::Test,
        1 | 2 => Split::Prompts,
        _ => Split::Train,
    }
}

/// Returns the answer with two different digits swapped, if there are two.
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

    /// The compiler refuses requests for more prompts than exist, by this table.
    #[test]
    fn what_exists_is_counted_and_the_compiler_knows_it() {
        for length in 2..=12_u32 {
            let counted = [Split::Train, Split::Prompts, Split::Test].map(|split| existing(split, length as usize));
            assert_eq!(counted.iter().sum::<u64>(), 10_u64.pow(length));
            let known = pbpo_compiler::schema::DIGITS.map(|row| row[length as usize - 2]);
            assert_eq!(known, counted, "{length} digits");
        }
    }

    #[test]
    fn all_that_exist_can_be_had_and_not_one_more() {
        for length in [3, 4, 7_u64] {
            let count = existing(Split::Test, length as usize);
            let all = Digits { count, length, ..config(Split::Test) };
            let prompts: std::collections::HashSet<String> =
                items(&all).unwrap().iter().map(|item| crate::data::shown(&item.prompt).to_string()).collect();
            assert_eq!(prompts.len() as u64, count);
            let error = items(&Digits { count: count + 1, ..all }).unwrap_err();
            assert!(error.to_string().contains(&count.to_string()), "{error}");
        }
        // The refusal comes at once, for any count.
        let start = std::time::Instant::now();
        assert!(items(&Digits { count: 10_000_000, length: 5, ..config(Split::Test) }).is_err());
        assert!(start.elapsed().as_secs() < 2);
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
