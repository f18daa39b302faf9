//! Counts: the digits in a response, else a number in English words, as the Python package word2number reads it.

use std::sync::LazyLock;

use crate::Error;
use crate::python::{Pattern, Select};

static DIGITS: LazyLock<Pattern> = LazyLock::new(|| Pattern::python("([-0-9]+)"));

/// lm-eval's pattern, with `(?|a|b)` as the ordinary group that the package `regex` makes of it. It misses `six`,
/// `seven`, `eight` and `nine` at the end of a number.
static ENGLISH: LazyLock<Pattern> = LazyLock::new(|| {
    let first = "zero|one|two|three|four|five|(?:twen|thir|for|fif|six|seven|nine)(?:teen|ty)|eight(?:|een|y)";
    let middle = "zero|one|two|three|four|five|(?:twen|thir|for|fif|six|seven|nine)(?:|teen|ty)|eight(?:een|y)";
    let last = "zero|one|two|three|four|five|(?:twen|thir|for|fif|six|seven|nine)(?:teen|ty)|eight(?:een|y)";
    let rest = "ten|eleven|twelve|fourteen|hundred|thousand|(?:m|b|tr)illion";
    Pattern::rust(format!(r"((?:(?:{first}|{rest})(?:{middle}|{rest}|[^\S\r\n]|,|and|&)+)?(?:{last}|{rest}))"))
});

/// Finds the number. If lm-eval fails on words that make no number (`trillion`, `two thousand thousand`), this returns
/// `None`.
pub fn find(response: &str, select: Select) -> Result<Option<String>, Error> {
    if let Some(digits) = DIGITS.find(response, select)? {
        return Ok(Some(digits));
    }
    let words = ENGLISH.find(&response.to_lowercase(), select)?;
    Ok(words.and_then(|words| value(&words)).map(|number| number.to_string()))
}

const SMALL: &str = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen \
                     sixteen seventeen eighteen nineteen";
const TENS: &str = "twenty thirty forty fifty sixty seventy eighty ninety";

fn word(word: &str) -> Option<u64> {
    let place = |table: &str| table.split(' ').position(|entry| entry == word).map(|at| at as u64);
    match word {
        "hundred" => Some(100),
        "thousand" => Some(1_000),
        "million" => Some(1_000_000),
        "billion" => Some(1_000_000_000),
        _ => place(SMALL).or_else(|| place(TENS).map(|at| 10 * (at + 2))),
    }
}

/// Implements `word_to_num`, which skips other words. Returns `None` if it raises: no number word, a scale twice or out
/// of order, a scale without a number before it.
fn value(text: &str) -> Option<u64> {
    let numbers: Vec<u64> = text.split_whitespace().filter_map(word).collect();
    if let [only] = numbers.as_slice() {
        return Some(*only);
    }
    let scales = [1_000_000_000, 1_000_000, 1_000];
    let place = |scale: &u64| Some((numbers.iter().position(|number| number == scale)?, *scale));
    let places: Vec<(usize, u64)> = scales.iter().filter_map(place).collect();
    let scaled = numbers.iter().filter(|number| scales.contains(number)).count();
    if scaled > places.len() || !places.is_sorted() {
        return None;
    }
    let (mut sum, mut from) = (0, 0);
    for (at, scale) in &places {
        sum += small(&numbers[from..*at])? * scale;
        from = at + 1;
    }
    // This repeats an error of word2number: in `two million five thousand` the part after the million counts twice.
    let last = places.iter().rev().find(|(at, _)| at + 1 < numbers.len());
    Some(match last {
        Some((at, _)) => sum + small(&numbers[at + 1..])?,
        None if places.is_empty() => small(&numbers)?,
        None => sum,
    })
}

/// Implements `number_formation`: up to four words.
fn small(numbers: &[u64]) -> Option<u64> {
    match *numbers {
        [] => None,
        [a, b, c, d] => Some(a * b + c + d),
        [a, b, c] => Some(a * b + c),
        [a, b] if a == 100 || b == 100 => Some(a * b),
        [a, b] => Some(a + b),
        [a, ..] => Some(a),
    }
}
